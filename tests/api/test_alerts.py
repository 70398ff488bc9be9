"""Alerts, expiries and forecasts over REST."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from billable.services import CatalogService
from tests.api.conftest import Api, is_uuid


@pytest.fixture(autouse=True)
def used(api: Api, clock: Any) -> str:
    """Anna has used nine of ten exports, which end in three days."""
    CatalogService.create_feature("pdf_export", alerts=["80%", "1 left"])
    customer_id = api.customer("anna")
    end = clock() + timedelta(days=3)
    api.granted(expires_at=end.isoformat())
    api.ok(api.post("/quota/consume", {"external_id": "anna", "feature": "pdf_export", "quantity": 9}))
    clock.advance(days=1)
    return customer_id


def test_alerts_are_listed(api: Api, used: str) -> None:
    page = api.ok(api.get("/alerts", external_id="anna", feature="pdf_export"))

    assert [(item["threshold"], item["used"], item["granted"], item["left"]) for item in page["items"]] == [
        ("1 left", 9, 10, 1),
        ("80%", 9, 10, 1),
    ]
    assert {item["customer_id"] for item in page["items"]} == {used}
    assert all(is_uuid(item["id"]) and is_uuid(item["usage_id"]) for item in page["items"])
    assert api.ok(api.get("/alerts"))["items"] == page["items"]
    assert api.ok(api.get("/alerts", external_id="nobody")) == {"items": [], "next": None}
    first = api.ok(api.get("/alerts", limit=1))
    assert api.ok(api.get("/alerts", cursor=first["next"]))["items"] == page["items"][1:]


def test_what_will_be_lost_is_listed(api: Api) -> None:
    (loss,) = api.ok(api.get("/quota/expiring", external_id="anna"))["items"]

    assert (loss["feature"], loss["units"], loss["sku"]) == ("pdf_export", 1, None)
    assert is_uuid(loss["grant_id"])
    assert api.ok(api.get("/quota/expiring", external_id="anna", within="1 day"))["items"] == []
    assert api.ok(api.get("/quota/expiring", external_id="nobody"))["items"] == []


def test_a_forecast_says_what_it_comes_from(api: Api, clock: Any) -> None:
    outlook = api.ok(api.get("/quota/forecast", external_id="anna", feature="pdf_export", over="2 weeks"))

    assert (outlook["balance"], outlook["used"], outlook["days"], outlook["per_day"]) == (1, 9, 1.0, 9.0)
    ends = datetime.fromisoformat(outlook["runs_out_at"].replace("Z", "+00:00"))
    assert timedelta(hours=2) < ends - clock() < timedelta(hours=3)
    nothing = api.ok(api.get("/quota/forecast", external_id="nobody", feature="pdf_export"))
    assert (nothing["balance"], nothing["per_day"], nothing["runs_out_at"]) == (0, None, None)


def test_features_say_their_alerts(api: Api) -> None:
    (feature,) = api.ok(api.get("/features"))["items"]

    assert feature["alerts"] == ["80%", "1 left"]


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/alerts", {"cursor": "x"}, "cursor"),
        ("/alerts", {"limit": "0"}, "limit"),
        ("/alerts", {"provider": "telegram"}, "external_id"),
        ("/alerts", {"feature": "no way"}, "feature"),
        ("/quota/expiring", {"external_id": "anna", "within": "7"}, "within"),
        ("/quota/expiring", {"external_id": "anna", "within": "\x00"}, "within"),
        ("/quota/expiring", {"external_id": "anna", "days": "7"}, "days"),
        ("/quota/forecast", {"external_id": "anna"}, "feature"),
        ("/quota/forecast", {"external_id": "anna", "feature": "pdf_export", "over": "1001 days"}, "over"),
    ],
)
def test_what_makes_no_sense_is_named(api: Api, path: str, query: dict[str, str], field: str) -> None:
    assert api.fields(api.get(path, **query)) == [field]


@pytest.mark.parametrize("path", ["/quota/expiring", "/quota/forecast"])
def test_somebody_must_be_named(api: Api, path: str) -> None:
    query = {"feature": "pdf_export"} if path.endswith("forecast") else {}

    api.refused(api.get(path, **query), 422, "invalid_subject")


def test_an_unknown_feature_is_not_found(api: Api) -> None:
    api.refused(api.get("/quota/forecast", external_id="anna", feature="no_feature"), 404, "feature_not_found")
