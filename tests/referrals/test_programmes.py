"""Programmes: what both sides get, and when."""

from __future__ import annotations

import pytest

from billable.services import CatalogService


def test_a_programme_is_created_listed_and_changed(door):
    made = door.referrals.create_programme(
        "Spring",
        name="Spring",
        referrer_product="thanks",
        referee_product="welcome",
        trigger="on_signup",
        hold_days=14,
        cap_per_referrer=10,
        metadata={"a": 1},
    )
    assert (made.key, made.name, made.trigger, made.hold_days, made.cap_per_referrer, made.is_active) == (
        *("spring", "Spring", "on_signup", 14, 10, True),
    )
    assert (made.referrer_product.sku, made.referee_product.sku) == ("thanks", "welcome")
    changed = door.referrals.update_programme(
        "spring", name="Late", hold_days=0, cap_per_referrer=11, metadata={}, is_active=False
    )
    assert (changed.name, changed.hold_days, changed.cap_per_referrer, changed.metadata) == ("Late", 0, 11, {})
    assert door.referrals.list_programmes() == ()
    assert door.referrals.list_programmes(include_inactive=True) == (made,)
    assert door.referrals.get_programme("SPRING").trigger == "on_signup"


def test_a_programme_may_give_nothing_to_one_side(door):
    made = door.referrals.create_programme("count")
    assert (made.referrer_product, made.referee_product, made.trigger) == (None, None, "on_first_payment")


def test_a_key_is_taken_once(door, refused):
    door.referrals.create_programme("spring")
    with refused("programme_taken", programme="spring"):
        door.referrals.create_programme("SPRING")


def test_what_cannot_be_given_is_refused(door, refused):
    CatalogService.create_product("try", features=["pdf_export"], is_trial=True)
    CatalogService.create_product("empty")
    CatalogService.create_product("gone", features=["pdf_export"])
    CatalogService.deactivate_product("gone")
    for sku, code in (("try", "not_for_sale"), ("empty", "not_for_sale"), ("gone", "not_for_sale"), ("x", None)):
        for side in ("referrer_product", "referee_product"):
            with refused(code or "product_not_found"):
                door.referrals.create_programme("spring", **{side: sku})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("key", "no key"),
        ("key", 7),
        ("name", 7),
        ("referee_product", 7),
        ("trigger", "later"),
        ("trigger", ["on_signup"]),
        ("hold_days", -1),
        ("hold_days", 1.0),
        ("hold_days", 3651),
        ("cap_per_referrer", 0),
        ("cap_per_referrer", True),
        ("metadata", "x"),
    ],
)
def test_bad_input_is_refused(door, refused, field, value):
    with refused("invalid", field=field):
        door.referrals.create_programme(**{"key": "spring", field: value})


def test_a_cap_is_never_lowered(door, refused):
    door.referrals.create_programme("spring", cap_per_referrer=5)
    with refused("invalid", field="cap_per_referrer"):
        door.referrals.update_programme("spring", cap_per_referrer=4)
    door.referrals.create_programme("endless")
    with refused("invalid", field="cap_per_referrer"):
        door.referrals.update_programme("endless", cap_per_referrer=10**6)
    with refused("invalid", field="hold_days"):
        door.referrals.update_programme("spring", hold_days=-1)
    with refused("programme_not_found", programme="none"):
        door.referrals.update_programme("none", name="x")


def test_a_cap_may_be_taken_away(door):
    door.referrals.create_programme("spring", cap_per_referrer=5)
    assert door.referrals.update_programme("spring", name="Spring").cap_per_referrer == 5
    assert door.referrals.update_programme("spring", cap_per_referrer=None).cap_per_referrer is None
    assert door.referrals.get_programme("spring").cap_per_referrer is None
