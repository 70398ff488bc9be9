"""The ground: checks, settings, units of work, ids, signals, actors."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.db import OperationalError, connection, transaction

from billable import clock, ids, services, signals
from billable.actor import acting_as, current_actor
from billable.conf import known_names
from billable.db import append_only, units
from billable.errors import Retryable


def messages(**how) -> set[str]:
    return {message.id for message in run_checks(**how) if str(message.id).startswith("billable.")}


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("BILLABLE_API_TOKEN", "", "billable.W001"),
        ("BILLABLE_API_TOKEN", "change-me-in-production", "billable.W001"),
        ("BILLABLE_API_TOKEN", "short", "billable.W001"),
        ("BILLABLE_API_TOKENS", "x", "billable.W002"),
        ("BILLABLE_APPEND_ONLY", "maybe", "billable.E002"),
        ("BILLABLE_CURRENCIES", {"POINTS": -1}, "billable.E002"),
        ("BILLABLE_METADATA_MAX_BYTES", 0, "billable.E002"),
        ("BILLABLE_CURRENCY", "EURO", "billable.E002"),
        ("BILLABLE_FINGERPRINT_KEYS", ["short"], "billable.E002"),
        ("BILLABLE_HOLD_SECONDS", 604_801, "billable.E002"),
        ("BILLABLE_HOLD_MAX_SECONDS", 0, "billable.E002"),
        ("BILLABLE_HOLD_GRACE_SECONDS", -1, "billable.E002"),
        ("BILLABLE_EXPIRING_DAYS", -1, "billable.E002"),
        ("BILLABLE_EXPIRING_DAYS", 367, "billable.E002"),
        ("BILLABLE_SUBSCRIPTION_GRACE_DAYS", -1, "billable.E002"),
        ("BILLABLE_RENEWAL_LEAD_DAYS", 366, "billable.E002"),
        ("BILLABLE_USER_FACTORY", "shop.nope.make", "billable.E002"),
        ("USE_TZ", False, "billable.W003"),
    ],
)
def test_a_setting_that_would_go_wrong_is_named(settings, name, value, found):
    assert messages() == set()
    setattr(settings, name, value)
    assert found in messages()
    if found == "billable.W001":
        assert "billable.E001" in messages(include_deployment_checks=True)


def test_an_unknown_setting_is_answered_with_the_one_that_was_meant(settings):
    settings.BILLABLE_API_TOKE = "x"
    (message,) = [each for each in run_checks() if each.id == "billable.W002"]
    assert message.hint == "Did you mean BILLABLE_API_TOKEN?"


def test_every_setting_is_documented():
    assert all(known_names().values())
    assert set(known_names()) >= {"BILLABLE_API_TOKEN", "BILLABLE_USER_MODEL", "BILLABLE_FINGERPRINT_KEYS"}


@pytest.mark.django_db
def test_missing_triggers_are_reported_where_they_are_wanted(settings):
    assert append_only.unprotected_tables("default") == []
    settings.BILLABLE_APPEND_ONLY = "on"
    assert append_only.unprotected_tables("default") == [each.table for each in append_only.PROTECTED]
    assert "billable.W005" in messages(databases=["default"])
    assert not services.QuotaService.verify_ledger()
    settings.BILLABLE_APPEND_ONLY = "off"


def test_ids_are_version_7_and_sort_by_time():
    made = [ids.new_id() for _ in range(100)]
    assert {(each.version, each.variant) for each in made} == {(7, "specified in RFC 4122")}
    assert len(set(made)) == 100
    assert sorted(each.int >> 80 for each in made) == [each.int >> 80 for each in made]


def test_an_actor_is_named_for_a_block_and_cut_to_its_column():
    assert current_actor() == "python"
    with acting_as("user:7"):
        assert current_actor() == "user:7"
        with acting_as("x" * 500):
            assert len(current_actor()) == 100
        assert current_actor() == "user:7"
    assert current_actor() == "python"


def test_every_signal_has_one_dotted_name():
    assert signals.EVENTS["order.paid"] is signals.order_paid
    assert signals.EVENTS["quota.consumed"] is signals.quota_consumed
    assert all(name.count(".") == 1 for name in signals.EVENTS)


class Busy(OperationalError):
    """What the database says when it wants another try."""

    def __init__(self) -> None:
        super().__init__("database is locked")


@pytest.mark.django_db(transaction=True)
def test_a_busy_database_is_asked_again_a_bounded_number_of_times(monkeypatch):
    monkeypatch.setattr(units.time, "sleep", lambda seconds: None)
    tries = []

    @units.unit_of_work
    def verb(succeed_at: int) -> int:
        tries.append(connection.in_atomic_block)
        if len(tries) < succeed_at:
            raise Busy
        return len(tries)

    assert verb(3) == 3
    assert all(tries)
    tries.clear()
    with pytest.raises(Retryable):
        verb(99)
    assert len(tries) == units.TRIES


@pytest.mark.django_db(transaction=True)
def test_in_a_callers_transaction_only_the_caller_can_start_over():
    @units.unit_of_work
    def inner() -> None:
        raise Busy

    @units.unit_of_work
    def outer() -> None:
        inner()

    with pytest.raises(Retryable), transaction.atomic():
        outer()

    @units.unit_of_work
    def other() -> None:
        raise OperationalError("no such table")

    with pytest.raises(OperationalError, match="no such table"):
        other()


@pytest.mark.django_db(transaction=True)
def test_a_verb_starts_over_where_the_transaction_is_its_own_and_not_for_ever(django_user_model):
    tries = []

    @units.unit_of_work
    def verb() -> int:
        tries.append(django_user_model.objects.create(username="ada").pk)
        units.start_over()
        return len(tries)

    assert verb() == units.TRIES
    assert django_user_model.objects.count() == 1
    tries.clear()
    django_user_model.objects.all().delete()
    with transaction.atomic():
        assert verb() == 1


@pytest.mark.django_db(transaction=True)
def test_a_verb_called_by_a_receiver_after_the_commit_has_a_transaction_of_its_own():
    seen = []

    @units.unit_of_work
    def second() -> None:
        seen.append(connection.in_atomic_block)

    @units.unit_of_work
    def first() -> None:
        transaction.on_commit(second)

    first()
    assert seen == [True]


def test_the_clock_is_aware():
    assert clock.now().utcoffset() is not None


def test_every_verb_has_a_twin_with_its_signature():
    import inspect

    for service in (
        services.CatalogService,
        services.CustomerService,
        services.QuotaService,
        services.OrderService,
        services.TrialService,
    ):
        verbs = [name for name in vars(service) if not name.startswith("_") and hasattr(service, f"a{name}")]
        twins = [name for name in vars(service) if inspect.iscoroutinefunction(getattr(service, name))]
        assert sorted(twins) == sorted(f"a{name}" for name in verbs)
        for name in verbs:
            verb, twin = getattr(service, name), getattr(service, f"a{name}")
            assert inspect.signature(verb) == inspect.signature(twin)
            assert inspect.getdoc(verb)
