"""Trials: once per person, whatever they call themselves."""

from __future__ import annotations

import pytest

from billable.models import Customer, Trial, TrialFingerprint
from billable.services import CatalogService, CustomerRef, CustomerService

NEW_KEY = "a newer key of the test suite 0123456789"


@pytest.fixture(autouse=True)
def trial_product(db: None) -> None:
    CatalogService.create_product("try", features=["pdf_export"], quantity=5, period="14 days", is_trial=True)
    CatalogService.create_product("pro", price="9", features=["pdf_export"], quantity=5)


@pytest.fixture
def bob(django_user_model):
    return django_user_model.objects.create(username="bob")


def test_a_trial_grants_its_product(door, user, clock):
    trial = door.trials.start_trial(user, "TRY", identities={"email": "ada@example.com"})
    assert [(each.quantity, each.feature.key, each.source) for each in trial.grants] == [(5, "pdf_export", "trial")]
    assert (trial.campaign, trial.product.sku, trial.replayed) == ("try", "try", False)
    assert door.quota.check_quota(user, "pdf_export").balance == 5


def test_the_same_customer_gets_the_same_trial_back(door, user):
    first = door.trials.start_trial(user, "try", identities={"email": "ada@example.com"})
    again = door.trials.start_trial(user, "try", identities={"email": "other@example.com"})
    assert (again.pk, again.replayed, [each.pk for each in again.grants]) == (first.pk, True, [first.grants[0].pk])
    assert Trial.objects.count() == 1


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({"email": "ada.lovelace@gmail.com"}, {"email": "AdaLovelace+trial@googlemail.com"}),
        ({"email": "ada@example.com"}, {"email": "ADA+x@Example.com"}),
        ({"phone": "+49 (170) 123-456"}, {"phone": "0049170123456"}),
        ({"telegram": "@Ada"}, {"telegram": "ada"}),
        ({"device": "AB-CD"}, {"device": "abcd"}),
        ({"email": "a@b.c", "phone": "+4917012345"}, {"phone": "+4917012345", "device": "new"}),
        ({"badge": "x-1"}, {"badge": "x-1"}),
    ],
)
def test_one_person_starts_a_trial_once(door, user, bob, refused, mine, theirs):
    door.trials.start_trial(user, "try", identities=mine)
    assert door.trials.trial_eligibility(bob, "try", identities=theirs).code == "trial_already_used"
    door.quota.balances(bob)
    with refused("trial_already_used", sku="try"):
        door.trials.start_trial(bob, "try", identities=theirs)


def test_others_are_not_in_the_way(door, user, bob):
    door.trials.start_trial(user, "try", identities={"email": "a.b@example.com", "badge": "x-1"})
    for identities in (
        {"email": "ab@example.com"},
        {"badge": "X-1"},
        {"telegram": "a.b@example.com".replace("@", "_").replace(".", "")},
    ):
        assert door.trials.trial_eligibility(bob, "try", identities=identities)
    assert door.trials.start_trial(bob, "try", identities={"email": "ab@example.com"}).grants


def test_linked_identities_count_and_the_customer_alone_is_not_enough(door, user, bob, refused):
    with refused("fingerprint_missing", field="identities"):
        door.trials.start_trial(user, "try")
    assert door.trials.trial_eligibility(user, "try").code == "fingerprint_missing"
    CustomerService.link_identity(user, "telegram", "4711")
    door.trials.start_trial(user, "try")
    with refused("trial_already_used"):
        door.trials.start_trial(bob, "try", identities={"telegram": "4711"})


def test_an_unknown_identity_becomes_a_customer(door):
    stranger = CustomerRef(provider="telegram", external_id="4711")
    assert door.trials.trial_eligibility(stranger, "try")
    assert Customer.objects.count() == 0
    trial = door.trials.start_trial(stranger, "try")
    assert trial.customer.identities.get().external_id == "4711"
    assert door.trials.trial_eligibility(stranger, "try").code == "trial_already_used"


def test_trials_of_one_campaign_exclude_each_other(door, user, refused):
    for sku in ("spring", "summer"):
        CatalogService.create_product(sku, features=["pdf_export"], quantity=1, is_trial=True, trial_campaign="2026")
    door.trials.start_trial(user, "spring", identities={"email": "ada@example.com"})
    with refused("trial_already_used", sku="summer"):
        door.trials.start_trial(user, "summer", identities={"email": "ada@example.com"})
    assert door.trials.start_trial(user, "try", identities={"email": "ada@example.com"}).grants


def test_keys_rotate_without_letting_anybody_in_again(door, user, bob, refused, settings):
    door.trials.start_trial(user, "try", identities={"email": "ada@example.com"})
    settings.BILLABLE_FINGERPRINT_KEYS = [NEW_KEY, *settings.BILLABLE_FINGERPRINT_KEYS]
    with refused("trial_already_used"):
        door.trials.start_trial(bob, "try", identities={"email": "ada@example.com"})
    door.trials.start_trial(bob, "try", identities={"email": "bob@example.com"})
    settings.BILLABLE_FINGERPRINT_KEYS = [NEW_KEY]
    assert not door.trials.trial_eligibility(user, "try", identities={"email": "bob@example.com"})


def test_only_keyed_hashes_are_stored(door, user):
    door.trials.start_trial(user, "try", identities={"email": "ada@example.com"})
    stored = str(list(TrialFingerprint.objects.values_list()))
    assert "ada" not in stored
    assert {len(each) for each in TrialFingerprint.objects.values_list("fingerprint", flat=True)} == {64}


def test_trials_need_a_secret(door, user, settings, refused):
    for keys in ([], ["short"]):
        settings.BILLABLE_FINGERPRINT_KEYS = keys
        with refused("misconfigured", setting="BILLABLE_FINGERPRINT_KEYS"):
            door.trials.start_trial(user, "try", identities={"email": "ada@example.com"})


def test_what_is_no_trial_cannot_be_started(door, user, refused):
    CatalogService.create_product("over", features=["pdf_export"], is_trial=True)
    CatalogService.deactivate_product("over")
    for sku, code in [("nothing", "product_not_found"), ("pro", "not_for_sale"), ("over", "not_for_sale")]:
        assert door.trials.trial_eligibility(user, sku, identities={"email": "a@b.c"}).code == code
        with refused(code):
            door.trials.start_trial(user, sku, identities={"email": "a@b.c"})


@pytest.mark.parametrize(
    "identities",
    [
        [],
        "email",
        {"email": "no address"},
        {"email": ""},
        {"email": 7},
        {"email": "a@b\0.c"},
        {"email": "a@" + "x" * 80 + ".com"},
        {"phone": "call me"},
        {"telegram": "not a name!"},
        {"device": "--"},
        {"": "x"},
        {f"k{number}": "x" for number in range(21)},
    ],
)
def test_identities_that_name_nobody_are_refused(door, user, refused, identities):
    with refused("invalid"):
        door.trials.start_trial(user, "try", identities=identities)
