"""GET /products, /products/{sku}, /features."""

from billable.services import CatalogService, CustomerRef, QuotaService
from tests.api.conftest import Api

ONCE = {
    **{"reset": None, "rollover_quantity": None, "rollover_periods": None},
    **{"cap_quantity": None, "cap_period": None, "value": None},
}


METERED = {"value_type": "", "overdraft": "refuse", "overdraft_limit": None}


def test_products_have_their_prices_and_what_they_give(api: Api, catalogue: None) -> None:
    answer = api.ok(api.get("/products"))

    assert answer["next"] is None
    assert [product["sku"] for product in answer["items"]] == ["pack10", "pro_monthly", "trial"]
    assert answer["items"][1] == {
        "sku": "pro_monthly",
        "name": "Pro",
        "description": "",
        "prices": [
            {"amount": "19.00", "amount_minor": 1900, "currency": "EUR"},
            {"amount": "21.00", "amount_minor": 2100, "currency": "USD"},
            {"amount": "500", "amount_minor": 500, "currency": "XTR"},
        ],
        "features": [
            {"feature": "pdf_export", "quantity": 100, "period": "1 month", **ONCE},
            {"feature": "sso", "quantity": None, "period": "1 month", **ONCE},
        ],
        "recurs": None,
        "trial_period": None,
        "grace_days": None,
        "is_trial": False,
        "is_active": True,
        "unit_prices": [],
        "tax_rate": "0",
        "metadata": {"tier": 2},
    }


def test_one_product_is_found_by_its_sku_in_any_case(api: Api, catalogue: None) -> None:
    assert api.ok(api.get("/products/PACK10"))["sku"] == "pack10"


def test_an_inactive_product_is_not_listed_but_found(api: Api, catalogue: None) -> None:
    CatalogService.deactivate_product("pack10")

    assert "pack10" not in [product["sku"] for product in api.ok(api.get("/products"))["items"]]
    assert api.ok(api.get("/products/pack10"))["is_active"] is False


def test_an_unknown_product_is_not_found(api: Api, catalogue: None) -> None:
    assert api.refused(api.get("/products/nothing"), 404, "product_not_found")["sku"] == "nothing"


def test_features_say_what_they_can_be_paid_from(api: Api) -> None:
    CatalogService.create_feature("ai_analysis", name="Analysis", unit="analysis", metadata={"order": 1})
    CatalogService.create_feature("credits")
    CatalogService.set_cost("ai_analysis", "credits", per=1, units=5)

    answer = api.ok(api.get("/features"))

    assert answer == {
        "items": [
            {
                "key": "ai_analysis",
                "name": "Analysis",
                "unit": "analysis",
                **METERED,
                "alerts": [],
                "costs": [{"paid_from": "credits", "per": 1, "units": 5}],
                "metadata": {"order": 1},
            },
            {"key": "credits", "name": "", "unit": "", **METERED, "alerts": [], "costs": [], "metadata": {}},
        ],
        "next": None,
    }


def test_a_product_change_is_rolled_out(api: Api) -> None:
    line = {"feature": "calls", "quantity": 10, "reset": "1 month"}
    CatalogService.create_product("pro", features=[line])
    customer_id = api.customer()
    QuotaService.grant_product(CustomerRef(customer_id=customer_id), "pro")
    CatalogService.update_product("pro", features=[{**line, "quantity": 15}, {"feature": "seats", "value": 3}])

    rehearsal = api.ok(api.post("/products/pro/roll-out", {"policy": "next_period", "dry_run": True}))
    report = api.ok(api.post("/products/pro/roll-out", {"policy": "next_period"}))

    assert rehearsal == {**report, "dry_run": True}
    assert report == {
        **{"sku": "pro", "policy": "next_period", "dry_run": False, "customers": 1, "changed": 1, "next": None},
        **{"terms": 1, "units": 0, "caps": 0, "values": 0, "lines": 0},
        "skipped": [{"feature": "seats", "reason": "new_line", "holdings": 1}],
    }
    api.refused(api.post("/products/pro/roll-out", {"policy": "tomorrow"}), 422, "invalid")
    assert api.fields(api.post("/products/pro/roll-out", {})) == ["policy"]
    assert api.fields(api.post("/products/pro/roll-out", {"policy": "now", "cursor": "x"})) == ["cursor"]
    assert api.fields(api.post("/products/pro/roll-out", {"policy": "now", "limit_seconds": 0})) == ["limit_seconds"]
    api.refused(api.post("/products/nothing/roll-out", {"policy": "now"}), 404, "product_not_found")
