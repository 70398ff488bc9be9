"""Many processes consume at once: what is there is taken once, and no more than is there."""

from __future__ import annotations

from billable.errors import IdempotencyConflict, QuotaExceeded, ReversalTooLarge
from billable.models import Adjustment, AlertNotice, Grant, LedgerEntry, Usage
from billable.services import CatalogService, CustomerRef, QuotaService
from tests.concurrency.conftest import balance, customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import consume, in_one_transaction, one_after_the_other, verb


def test_sixteen_with_keys_of_their_own_take_what_is_there_and_no_more(crew: Crew, ref: CustomerRef) -> None:
    jobs = [consume(ref, quantity=75, idempotency_key=f"job-{number}") for number in range(16)]

    results = crew.at_once(*jobs, refusing=QuotaExceeded)

    assert sorted(usage.balance for usage in results.values) == [50, 125, 200, 275, 350, 425]
    assert not any(usage.replayed for usage in results.values)
    assert {(refusal.requested, refusal.balance) for refusal in results.refusals} == {(75, 50)}
    assert balance(ref) == 50
    amounts = list(LedgerEntry.objects.order_by("seq").values_list("seq", "amount", "remaining_after"))
    assert amounts == [(1, 500, 500), *((n + 1, -75, 500 - 75 * n) for n in range(1, 7))]


def test_sixteen_with_one_key_take_once_and_get_the_same_answer(crew: Crew, ref: CustomerRef) -> None:
    results = crew.at_once(*[consume(ref, quantity=75, idempotency_key="job")] * 16)

    assert {(usage.pk, usage.balance) for usage in results.values} == {(Usage.objects.get().pk, 425)}
    assert [usage.replayed for usage in results.values].count(True) == 15
    assert balance(ref) == 425


def test_one_key_for_different_quantities_goes_to_one_of_them(crew: Crew, ref: CustomerRef) -> None:
    jobs = [consume(ref, quantity=number, idempotency_key="job") for number in range(1, 9)]

    results = crew.at_once(*jobs, refusing=IdempotencyConflict)

    (usage,) = results.values
    assert balance(ref) == 500 - usage.quantity
    assert {tuple(refusal.fields) for refusal in results.refusals} == {("quantity",)}


def test_several_grants_are_burnt_together_without_losing_a_unit(crew: Crew, ref: CustomerRef) -> None:
    for quantity in (7, 11, 13):
        QuotaService.grant_feature(ref, "credits", quantity=quantity, period="1 month")

    results = crew.at_once(*[one_after_the_other(*[consume(ref, quantity=3)] * 10)] * 8)

    assert sum(usage.quantity for usages in results.values for usage in usages) == 240
    assert balance(ref) == 531 - 240


def test_callers_that_consume_two_features_in_opposite_order_do_not_deadlock(crew: Crew, ref: CustomerRef) -> None:
    CatalogService.create_feature("pdf_export")
    QuotaService.grant_feature(ref, "pdf_export", quantity=500)
    there = in_one_transaction(consume(ref, "credits"), consume(ref, "pdf_export"))
    back = in_one_transaction(consume(ref, "pdf_export"), consume(ref, "credits"))

    crew.at_once(*[there, back] * 4)

    assert (balance(ref, "credits"), balance(ref, "pdf_export")) == (492, 492)


def test_features_paid_from_one_another_in_opposite_order_do_not_deadlock(crew: Crew, ref: CustomerRef) -> None:
    CatalogService.create_feature("tokens")
    CatalogService.set_cost("credits", "tokens", per=1, units=2)
    CatalogService.set_cost("tokens", "credits", per=2, units=1)
    QuotaService.grant_feature(ref, "tokens", quantity=100)

    crew.at_once(*[consume(ref, "credits", quantity=80), consume(ref, "tokens", quantity=80)] * 4)

    left = {grant.feature.key: grant.remaining or 0 for grant in Grant.objects.select_related("feature")}
    worth_in_tokens = 4 * 80 * 2 + 4 * 80
    assert left["credits"] * 2 + left["tokens"] == 500 * 2 + 100 - worth_in_tokens


def test_eight_that_reverse_one_usage_put_it_back_once(crew: Crew, ref: CustomerRef) -> None:
    usage = QuotaService.consume_quota(ref, "credits", quantity=100)
    jobs = [verb("QuotaService.reverse_usage", usage.pk, idempotency_key=f"undo-{number}") for number in range(8)]

    results = crew.at_once(*jobs, refusing=ReversalTooLarge)

    assert len(results.values) == 1
    assert {refusal.reversible for refusal in results.refusals} == {0}
    assert balance(ref) == 500


def test_eight_that_reverse_with_one_key_get_one_receipt(crew: Crew, ref: CustomerRef) -> None:
    usage = QuotaService.consume_quota(ref, "credits", quantity=100)

    results = crew.at_once(*[verb("QuotaService.reverse_usage", usage.pk, quantity=40, idempotency_key="undo")] * 8)

    assert {adjustment.pk for adjustment in results.values} == {Adjustment.objects.get().pk}
    assert [adjustment.replayed for adjustment in results.values].count(False) == 1
    assert balance(ref) == 440


def test_eight_that_grant_with_one_key_grant_once(crew: Crew, ref: CustomerRef) -> None:
    grant = verb("QuotaService.grant_feature", ref, "credits", quantity=10, idempotency_key="gift")

    results = crew.at_once(*[grant] * 8)

    assert len({grant.pk for (grant,) in results.values}) == 1
    assert balance(ref) == 510


def test_customers_do_not_wait_for_one_another_in_a_ring(crew: Crew, credits: str) -> None:
    refs = [customer(f"customer-{number}", credits=100) for number in range(8)]
    streams = [one_after_the_other(*[consume(ref) for ref in [*refs[n:], *refs[:n]]]) for n in range(8)]

    crew.at_once(*streams)

    assert [balance(ref) for ref in refs] == [92] * 8


def test_two_who_cross_a_threshold_at_once_are_told_of_once(crew: Crew, ref: CustomerRef) -> None:
    CatalogService.update_feature("credits", alerts=["80%", "100%", "50 left"])

    crew.at_once(*[consume(ref, quantity=50)] * 10)

    assert sorted(AlertNotice.objects.values_list("threshold", flat=True)) == ["100%", "50 left", "80%"]
    assert {notice.usage.customer_id for notice in AlertNotice.objects.select_related("usage")} == {ref.customer_id}
