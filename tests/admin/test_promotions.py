"""Codes and referral programmes are edited in the admin, and what is typed there is checked like anywhere else."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from billable.models import Product, Promotion, ReferralProgramme
from billable.services import CatalogService, Money, PromotionService, ReferralService
from tests.admin.test_catalog import at, faults, saved

ADD_PROMOTION = "/admin/billable/promotion/add/"
ADD_PROGRAMME = "/admin/billable/referralprogramme/add/"


@pytest.fixture
def product(db: None) -> Product:
    return CatalogService.create_product("pack", price="9.99", currency="EUR", features=["credits"], quantity=10)


# --- promotions


def test_a_code_of_percent_is_made_for_a_product_within_a_window(product: Product, admin_client: Client) -> None:
    page = saved(
        admin_client,
        ADD_PROMOTION,
        code="spring.26",
        name="Spring",
        percent_off="12.5",
        starts_at_0="2026-03-01",
        starts_at_1="00:00:00",
        ends_at_0="2026-06-01",
        ends_at_1="00:00:00",
        max_uses="100",
        max_uses_per_customer="1",
        first_order_only="on",
        metadata='{"ad": 7}',
        products__0__product=product.pk,
    )

    assert page.status_code == 302
    made = PromotionService.get_promotion("SPRING.26")
    assert (made.name, made.percent_off, made.metadata) == ("Spring", Decimal("12.5"), {"ad": 7})
    assert (made.max_uses, made.max_uses_per_customer, made.first_order_only) == (100, 1, True)
    assert made.starts_at is not None
    assert made.ends_at is not None
    assert (made.ends_at - made.starts_at).days == 92
    assert [each.product for each in made.products.all()] == [product]
    assert LogEntry.objects.get().object_id == str(made.pk)


def test_a_code_of_amounts_is_made_and_turned_into_one_of_percent_and_back(
    product: Product, admin_client: Client
) -> None:
    saved(admin_client, ADD_PROMOTION, code="FIVE", amounts__0__currency="eur", amounts__0__amount="5")

    made = PromotionService.get_promotion("FIVE")
    assert [(each.currency, each.amount_minor) for each in made.amounts.all()] == [("EUR", 500)]

    saved(admin_client, at(made), percent_off="10", amounts__0__DELETE="on", products__0__product=product.pk)

    changed = PromotionService.get_promotion("FIVE")
    assert (changed.percent_off, changed.amounts.count(), changed.products.count()) == (10, 0, 1)

    saved(
        admin_client,
        at(made),
        percent_off="",
        amounts__0__currency="JPY",
        amounts__0__amount="800",
        products__0__DELETE="on",
        is_active=None,
    )

    changed = PromotionService.get_promotion("FIVE")
    assert (changed.percent_off, changed.is_active, changed.products.count()) == (None, False, 0)
    assert [(each.currency, each.amount_minor) for each in changed.amounts.all()] == [("JPY", 800)]


def test_a_page_saved_as_it_is_changes_nothing(product: Product, admin_client: Client) -> None:
    made = PromotionService.create_promotion("FIVE", amounts_off=[Money(500, "EUR")], products=["pack"], max_uses=3)

    assert saved(admin_client, at(made)).status_code == 302

    kept = PromotionService.get_promotion("FIVE")
    assert [(each.currency, each.amount_minor) for each in kept.amounts.all()] == [("EUR", 500)]
    assert [each.product.sku for each in kept.products.all()] == ["pack"]
    assert (kept.max_uses, kept.max_uses_per_customer, kept.ends_at, kept.is_active) == (3, None, None, True)


@pytest.mark.parametrize(
    ("typed", "fields"),
    [
        ({"code": "two words", "percent_off": "5"}, {"code"}),
        ({"code": "taken", "percent_off": "5"}, {"code"}),
        ({"percent_off": "0"}, {"percent_off"}),
        ({"percent_off": "100.1"}, {"percent_off"}),
        ({}, {"percent_off"}),
        ({"percent_off": "5", "amounts__0__currency": "EUR", "amounts__0__amount": "1"}, {"percent_off"}),
        ({"amounts__0__currency": "EUR", "amounts__0__amount": "0"}, {"amount"}),
        ({"amounts__0__currency": "EUR", "amounts__0__amount": "1.001"}, {"amount"}),
        ({"amounts__0__currency": "XXXX", "amounts__0__amount": "1"}, {"currency"}),
        ({"percent_off": "5", "max_uses": "0"}, {"max_uses"}),
        (
            {
                "percent_off": "5",
                "starts_at_0": "2026-03-01",
                "starts_at_1": "00:00",
                "ends_at_0": "2026-03-01",
                "ends_at_1": "00:00",
            },
            {"ends_at"},
        ),
    ],
)
def test_what_no_code_can_be_is_an_error_beside_its_field(
    typed: dict[str, str], fields: set[str], db: None, admin_client: Client
) -> None:
    PromotionService.create_promotion("TAKEN", percent_off=1)

    assert faults(saved(admin_client, ADD_PROMOTION, **{"code": "NEW", **typed})) == fields
    assert Promotion.objects.count() == 1


def test_two_amounts_in_one_currency_are_refused(db: None, admin_client: Client) -> None:
    made = PromotionService.create_promotion("FIVE", amounts_off=[Money(500, "EUR")])

    page = saved(admin_client, at(made), amounts__1__currency="EUR", amounts__1__amount="1")

    assert faults(page)
    assert made.amounts.get().amount_minor == 500


# --- referral programmes


def test_a_programme_is_made_and_its_promises_stay(product: Product, admin_client: Client) -> None:
    page = saved(
        admin_client,
        ADD_PROGRAMME,
        key="friends",
        name="Friends",
        referrer_product=product.pk,
        trigger="on_signup",
        hold_days="14",
        cap_per_referrer="5",
    )

    assert page.status_code == 302
    made = ReferralService.get_programme("friends")
    assert (made.name, made.referrer_product, made.referee_product) == ("Friends", product, None)
    assert (made.trigger, made.hold_days, made.cap_per_referrer) == ("on_signup", 14, 5)

    page = saved(
        admin_client, at(made), name="Mates", hold_days="7", cap_per_referrer="6", is_active=None,
        trigger="on_first_payment", referrer_product="", key="other",
    )  # fmt: skip

    assert page.status_code == 302
    changed = ReferralService.get_programme("friends")
    assert (changed.name, changed.hold_days, changed.cap_per_referrer, changed.is_active) == ("Mates", 7, 6, False)
    assert (changed.trigger, changed.referrer_product) == ("on_signup", product)


@pytest.mark.parametrize("cap", ["4", "0"])
def test_a_cap_is_only_raised(cap: str, db: None, admin_client: Client) -> None:
    made = ReferralService.create_programme("friends", cap_per_referrer=5)

    assert faults(saved(admin_client, at(made), cap_per_referrer=cap)) == {"cap_per_referrer"}
    assert ReferralService.get_programme("friends").cap_per_referrer == 5


def test_a_cap_is_taken_away_with_its_number(db: None, admin_client: Client) -> None:
    made = ReferralService.create_programme("friends", cap_per_referrer=5)

    assert saved(admin_client, at(made), cap_per_referrer="").status_code == 302
    assert ReferralService.get_programme("friends").cap_per_referrer is None


def test_a_programme_without_a_cap_gets_none(db: None, admin_client: Client) -> None:
    made = ReferralService.create_programme("friends")

    assert faults(saved(admin_client, at(made), cap_per_referrer="5")) == {"cap_per_referrer"}
    assert saved(admin_client, at(made), name="Friends").status_code == 302
    assert ReferralService.get_programme("friends").name == "Friends"


def test_a_reward_must_be_something_that_is_sold(db: None, admin_client: Client) -> None:
    trial = CatalogService.create_product("trial", features=["credits"], is_trial=True)
    ReferralService.create_programme("taken")

    assert faults(saved(admin_client, ADD_PROGRAMME, key="a", referee_product=trial.pk)) == {"referee_product"}
    assert faults(saved(admin_client, ADD_PROGRAMME, key="taken")) == {"key"}
    assert faults(saved(admin_client, ADD_PROGRAMME, key="a", hold_days="9999")) == {"hold_days"}
    assert ReferralProgramme.objects.count() == 1
