"""Whatever somebody changes in the database by hand, verify names the row."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import JSONField, Model, Value

from billable.models import Feature, InvoiceSeries, LedgerEntry, PaymentClaim, Product, TrialFingerprint
from billable.services import CatalogService, QuotaService
from tests.audits.books import START
from tests.books import problems

pytestmark = pytest.mark.broken_books

LONG_AGO, FAR_AWAY = START - timedelta(days=4000), START + timedelta(days=9000)
GONE = uuid4()


def key_of(row: Any) -> tuple[str, str]:
    return row._meta.db_table, str(row if isinstance(row, LedgerEntry) else row.pk)


def named(user: Any = None) -> set[tuple[str, str]]:
    return {(each.table, each.id) for each in problems(user)}


def change(row: Model, **columns: Any) -> None:
    assert type(row)._base_manager.filter(pk=row.pk).update(**columns) == 1


def copy(row: Any, **columns: Any) -> Any:
    """A second row like it, under another key."""
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    twin = type(row)(**{**values, "id": uuid4(), **columns})
    type(row)._base_manager.bulk_create([twin])
    return twin


def feature(key: str) -> Any:
    return lambda books: Feature.objects.get(key=key).pk


def product(sku: str) -> Any:
    return lambda books: Product.objects.get(sku=sku).pk


def of(name: str, column: str = "pk", plus: int = 0) -> Any:
    """The value of another row of the books."""
    return lambda books: getattr(getattr(books, name), column) + plus if plus else getattr(getattr(books, name), column)


# The row, and what happens to it.
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("grant", {"quantity": 1000}),
    ("grant", {"remaining": 3, "closed_at": None}),
    ("sold", {"remaining": 5}),
    ("sold", {"feature_id": feature("ai")}),
    ("sold", {"product_id": product("other")}),
    ("sold", {"pieces": 1}),
    ("sold", {"priority": 1}),
    ("sold", {"expires_at": FAR_AWAY}),
    ("sold", {"source_id": "nothing"}),
    ("sold", {"source_id": of("partly", "id")}),
    ("sold", {"source": "manual"}),
    ("sold", {"source": "trial"}),
    ("sold", {"valid_from": LONG_AGO}),
    ("sold", {"anchor": LONG_AGO}),
    ("sold", {"held": 1}),
    ("sold", {"period_count": 1, "period_unit": "day"}),
    ("sold", {"customer_id": of("bob")}),
    ("sold", {"closed_at": None, "remaining": 4}),
    ("stacked", {"expires_at": FAR_AWAY}),
    ("stacked", {"expires_at": None}),
    ("stacked", {"valid_from": LONG_AGO}),
    ("stacked", {"anchor": LONG_AGO}),
    ("stacked", {"zone": "America/New_York", "anchor": LONG_AGO}),
    ("stacked", {"zone": "No/Where"}),
    ("stacked", {"zone": "../etc"}),
    ("stacked", {"period_index": 7}),
    ("stacked", {"period_span": 2}),
    ("stacked", {"period_count": 2}),
    ("stacked", {"period_count": None, "period_unit": None}),
    ("grant", {"source": "order"}),
    ("grant", {"source": "default"}),
    ("grant", {"anchor": LONG_AGO}),
    ("grant", {"closed_at": LONG_AGO}),
    ("trials", {"source_id": "nothing"}),
    ("trials", {"quantity": 10}),
    ("trials", {"product_id": product("pack")}),
    ("default", {"source_id": "pack"}),
    ("default", {"product_id": product("pack")}),
    ("default", {"product_id": None}),
    ("default", {"expires_at": FAR_AWAY}),
    ("lapsed", {"ended_at": None, "ended_as": ""}),
    ("lapsed", {"ended_as": "revoked"}),
    ("lapsed", {"ended_at": FAR_AWAY}),
    ("lapsed", {"expires_at": FAR_AWAY}),
    ("revoked", {"ended_at": None, "ended_as": ""}),
    ("revoked", {"ended_as": "expired"}),
    ("revoked", {"ended_at": LONG_AGO}),
    ("spent", {"ended_at": None, "ended_as": ""}),
    ("endless", {"ended_at": START, "ended_as": "expired", "closed_at": START}),
    ("endless", {"ended_at": START, "ended_as": "revoked", "closed_at": START}),
    ("endless", {"quantity": 5, "remaining": 5}),
    ("ada", {"seq": 1000}),
    ("ada", {"event_seq": 1000}),
    ("ada", {"event_seq": 1}),
    ("ada", {"next_change_at": None}),
    ("ada", {"next_change_at": FAR_AWAY}),
    ("usage", {"quantity": 11}),
    ("usage", {"feature_id": feature("credits")}),
    ("usage", {"feature_id": 10**9}),
    ("usage", {"event_seq": 2}),
    ("usage", {"event_seq": 1000}),
    ("usage", {"customer_id": of("bob")}),
    ("usage", {"customer_id": GONE}),
    ("usage", {"hold_id": GONE}),
    ("usage", {"sku": "pack"}),
    ("narrowed", {"sku": "other"}),
    ("plain", {"quantity": 4}),
    ("reversal", {"quantity": 1}),
    ("reversal", {"quantity": 9}),
    ("reversal", {"kind": "revoke"}),
    ("reversal", {"kind": "extend"}),
    ("reversal", {"usage_id": of("plain")}),
    ("reversal", {"usage_id": None}),
    ("reversal", {"grant_id": of("grant")}),
    ("reversal", {"customer_id": of("bob")}),
    ("revocation", {"quantity": 1}),
    ("revocation", {"kind": "reverse"}),
    ("revocation", {"kind": "extend"}),
    ("revocation", {"grant_id": of("grant")}),
    ("revocation", {"usage_id": of("usage")}),
    ("revocation", {"customer_id": of("bob")}),
    ("entry", {"amount": -1}),
    ("entry", {"amount": 4}),
    ("entry", {"held_change": 1}),
    ("entry", {"remaining_after": 77}),
    ("entry", {"remaining_after": None}),
    ("entry", {"kind": "expire"}),
    ("entry", {"kind": "capture"}),
    ("entry", {"usage_id": None}),
    ("entry", {"usage_id": of("plain")}),
    ("entry", {"cause_id": of("plain")}),
    ("entry", {"cause_id": GONE}),
    ("entry", {"cause_type": "hold"}),
    ("entry", {"cause_type": "hold", "kind": "hold"}),
    ("entry", {"effective_at": LONG_AGO}),
    ("entry", {"seq": 1000}),
    ("entry", {"customer_id": of("bob"), "seq": 1000}),
    ("entry", {"customer_id": GONE}),
    ("entry", {"grant_id": of("bobs")}),
    ("back", {"usage_id": None}),
    ("back", {"usage_id": of("plain")}),
    ("back", {"cause_id": GONE}),
    ("back", {"cause_id": of("revocation")}),
    ("back", {"kind": "consume"}),
    ("back", {"amount": -1}),
    ("birth", {"amount": 5}),
    ("birth", {"cause_id": of("credits")}),
    ("birth", {"cause_type": "order"}),
    ("order_birth", {"cause_id": GONE}),
    ("order_birth", {"cause_id": of("partly")}),
    ("order_birth", {"cause_type": "trial"}),
    ("trial_birth", {"cause_id": GONE}),
    ("trial_birth", {"cause_type": "order"}),
    ("trial_birth", {"cause_type": "grant", "cause_id": of("trials")}),
    ("expiry", {"kind": "consume"}),
    ("expiry", {"cause_id": of("grant")}),
    ("expiry", {"usage_id": of("usage")}),
    ("ending", {"cause_type": "adjustment"}),
    ("reducing", {"kind": "expire"}),
    ("reducing", {"cause_id": of("reversal")}),
    ("reducing", {"amount": -19}),
    ("out_again", {"cause_id": of("revocation")}),
    ("out_again", {"amount": -1}),
    ("order", {"total_amount_minor": 3000, "paid_amount_minor": 3000}),
    ("order", {"status": "pending"}),
    ("order", {"status": "refunded", "refunded_amount_minor": of("paid", "amount_minor")}),
    ("order", {"status": "partially_refunded"}),
    ("order", {"status": "cancelled"}),
    ("order", {"refunded_amount_minor": 5}),
    ("order", {"cancelled_at": START}),
    ("order", {"currency": "EUR"}),
    ("partly", {"status": "paid", "paid_amount_minor": 1000, "paid_at": START}),
    ("partly", {"status": "cancelled"}),
    ("partly", {"paid_at": START}),
    ("partly", {"paid_amount_minor": 0}),
    ("called_off", {"status": "pending", "cancelled_at": None}),
    ("called_off", {"cancelled_at": None}),
    ("item", {"quantity": 1, "unit_amount_minor": 2000}),
    ("item", {"unit_amount_minor": 1, "total_amount_minor": 2}),
    ("item", {"product_id": product("other")}),
    ("item", {"customer_id": of("bob")}),
    ("promise", {"quantity": 9}),
    ("promise", {"quantity": None}),
    ("promise", {"feature_id": feature("ai")}),
    ("promise", {"period_count": 1, "period_unit": "month"}),
    ("promise", {"priority": 1}),
    ("promise", {"customer_id": of("bob")}),
    ("paid", {"amount_minor": 1}),
    ("paid", {"currency": "EUR"}),
    ("paid", {"payment_id": "another"}),
    ("paid", {"payment_method": "stripe"}),
    ("paid", {"capture_id": "c"}),
    ("paid", {"status": "failed"}),
    ("paid", {"status": "unapplied", "code": "currency_mismatch"}),
    ("paid", {"succeeded_at": None}),
    ("paid", {"customer_id": of("bob")}),
    ("paid", {"order_id": of("partly")}),
    ("part", {"status": "pending"}),
    ("late", {"status": "failed", "code": ""}),
    ("late", {"status": "succeeded", "code": "", "currency": "EUR"}),
    ("late", {"code": ""}),
    ("late", {"code": "order_cancelled"}),
    ("late", {"code": "currency_mismatch"}),
    ("late", {"code": "who knows"}),
    ("foreign", {"currency": "USD"}),
    ("claim", {"customer_id": of("bob")}),
    ("claim", {"order_id": of("partly")}),
    ("claim", {"payment_id": "another"}),
    ("claim", {"payment_method": "stripe"}),
    ("claim", {"capture_id": "c"}),
    ("trial", {"customer_id": of("bob")}),
    ("trial", {"campaign": "another"}),
    ("trial", {"product_id": product("pack")}),
    ("fingerprint", {"customer_id": of("bob")}),
    ("fingerprint", {"trial_id": GONE}),
    ("fingerprint", {"campaign": "another"}),
    ("cheaper", {"discount_minor": 1}),
    ("cheaper", {"tax_minor": 1}),
    ("cheaper", {"tax_included": False}),
    ("cheaper", {"promotion_code": ""}),
    ("cheaper", {"promotion_code": "AUTUMN"}),
    ("taxed", {"tax_minor": 1}),
    ("taxed", {"tax_rate": 20}),
    ("taxed", {"tax_included": False, "discount_minor": 299 + 431}),
    ("taxed", {"discount_minor": 300, "unit_amount_minor": 999, "total_amount_minor": 2697}),
    ("promotion", {"used": 1}),
    ("used", {"discount_minor": 1}),
    ("used", {"currency": "EUR"}),
    ("used", {"order_id": GONE}),
    ("used", {"customer_id": of("bob")}),
    ("used", {"released_at": START, "released_as": "expired"}),
    ("used", {"released_at": START, "released_as": "cancelled"}),
    ("given_back", {"released_at": None, "released_as": ""}),
    ("given_back", {"released_as": "refunded"}),
    ("traded", {"units": 16}),
    ("traded", {"refunded_units": 1}),
    ("traded", {"quantity": 2}),
    ("traded", {"feature_id": feature("pdf")}),
    ("traded", {"product_id": product("pack")}),
    ("traded", {"usage_id": of("plain")}),
    ("traded", {"usage_id": GONE}),
    ("traded", {"customer_id": of("bob")}),
    ("undone", {"refunded_units": 0, "units": 6}),
    ("got", {"source_id": "nothing"}),
    ("got", {"product_id": product("pack")}),
    ("got", {"source": "manual"}),
    ("trading", {"quantity": 14}),
    ("untaken", {"cause_id": GONE}),
    ("untaken", {"cause_id": of("traded")}),
    ("receipt", {"number": 7}),
    ("receipt", {"series": "X"}),
    ("receipt", {"year": 2027}),
    ("receipt", {"issued_at": LONG_AGO}),
    ("receipt", {"currency": "EUR"}),
    ("receipt", {"total_minor": 2996, "net_minor": 2517}),
    ("receipt", {"tax_minor": 0, "net_minor": 2997}),
    ("receipt", {"tax_included": False}),
    ("receipt", {"customer_id": of("bob")}),
    ("receipt", {"order_id": of("partly"), "source_id": of("partly")}),
    ("receipt_line", {"line": 2}),
    ("receipt_line", {"sku": "other"}),
    ("receipt_line", {"description": "another"}),
    ("receipt_line", {"quantity": 2}),
    ("receipt_line", {"unit_amount_minor": 1}),
    ("receipt_line", {"discount_minor": 1}),
    ("receipt_line", {"tax_rate": 7}),
    ("receipt_line", {"tax_minor": 0, "net_minor": 2997}),
    ("receipt_line", {"total_minor": 1, "net_minor": 1, "tax_minor": 0}),
    ("receipt_line", {"customer_id": of("bob")}),
    ("receipt_line", {"invoice_id": of("note"), "line": 2}),
    ("note", {"number": 7}),
    ("note", {"series": "R", "number": 2}),
    ("note", {"currency": "EUR"}),
    ("note", {"total_minor": 1, "net_minor": 1, "tax_minor": 0}),
    ("note", {"tax_included": False}),
    ("note", {"customer_id": of("bob")}),
    ("note", {"order_id": of("partly")}),
    ("note", {"corrects_id": of("other_note")}),
    ("note", {"corrects_id": None}),
    ("note_line", {"line": 2}),
    ("note_line", {"sku": "other"}),
    ("note_line", {"quantity": 2}),
    ("note_line", {"tax_rate": 7}),
    ("note_line", {"discount_minor": 1}),
    ("note_line", {"tax_minor": 150, "net_minor": 849}),
    ("note_line", {"total_minor": 998, "net_minor": 838}),
    ("note_line", {"customer_id": of("bob")}),
    ("identity", {"customer_id": GONE}),
    ("link", {"customer_id": GONE}),
    ("link", {"merged_from": GONE}),
    ("moved_name", {"customer_id": of("eva")}),
    ("moved_name", {"merged_from": of("bob")}),
    ("moved_name", {"merged_from": of("ada")}),
    ("eva", {"merged_into_id": None}),
    ("eva", {"merged_into_id": of("bob")}),
    ("bob", {"merged_into_id": of("ada")}),
    ("merge", {"customer_id": of("bob")}),
    ("merge", {"absorbed_id": of("bob")}),
    ("merge", {"undone_at": START, "undone_by": "python"}),
    ("heir", {"quantity": 6}),
    ("heir", {"origin_id": None}),
    ("heir", {"origin_id": GONE}),
    ("heir", {"origin_id": of("grant")}),
    ("heir", {"source": "manual"}),
    ("heir", {"source": "dispute"}),
    ("heir", {"source_id": "nothing"}),
    ("heir", {"feature_id": feature("ai")}),
    ("heir", {"product_id": product("pack")}),
    ("later_heir", {"quantity": 4}),
    ("later_heir", {"origin_id": of("grant")}),
    ("later_heir", {"origin_id": of("heir")}),
    ("handed", {"ended_as": "revoked"}),
    ("handed", {"ended_at": None, "ended_as": ""}),
    ("handing", {"amount": -4}),
    ("handing", {"kind": "revoke"}),
    ("handing", {"cause_id": GONE}),
    ("handing", {"cause_type": "refund"}),
    ("left_again", {"amount": -1}),
    ("left_again", {"cause_id": GONE}),
    ("heir_birth", {"amount": 4}),
    ("heir_birth", {"cause_id": GONE}),
    ("heir_birth", {"cause_type": "adjustment"}),
    ("later_birth", {"cause_id": GONE}),
    ("later_birth", {"cause_type": "merge"}),
]

# These problems show only where everybody's books are read, or those of whom the row now is.
MOVED = {"customer_id", "merged_into_id", "absorbed_id"}


def test_books_that_nobody_touched_agree(books):
    for user in (None, books.ada, books.bob):
        report = QuotaService.verify_ledger(user)
        assert report.ok, report.problems


@pytest.mark.parametrize(
    ("name", "columns"),
    [pytest.param(name, columns, id=f"{name}.{','.join(columns)}") for name, columns in CHANGES],
)
def test_a_changed_row_is_named(books, name, columns):
    row = getattr(books, name)
    change(row, **{column: value(books) if callable(value) else value for column, value in columns.items()})
    expected = key_of(type(row)._base_manager.get(pk=row.pk))

    assert expected in named()
    if not MOVED & set(columns):
        assert expected in named(books.ada)


def test_a_gap_in_a_series_is_named(books):
    books.note_line._meta.model._base_manager.filter(invoice=books.other_note)._raw_delete("default")
    books.other_note._meta.model._base_manager.filter(pk=books.other_note.pk)._raw_delete("default")
    assert key_of(InvoiceSeries.objects.get(series="C")) in named()


@pytest.mark.parametrize("last", [0, 2])
def test_a_series_that_counts_otherwise_than_its_documents_is_named(books, last):
    change(books.series, last_number=last)
    assert key_of(books.series) in named()


@pytest.mark.parametrize(
    "costs",
    [
        {"a": 1},
        [],
        Value(None, JSONField()),
        "ai",
        7,
        [None],
        [[]],
        ["credits"],
        [{}],
        [{"feature": "credits", "quantity": 3, "per": 0, "units": 2}],
        [{"feature": "credits", "quantity": -3, "per": 3, "units": 2}],
        [{"feature": "credits", "quantity": 6, "per": 3, "units": 0}],
        [{"feature": "credits", "quantity": 6.0, "per": 3, "units": 2}],
        [{"feature": "credits", "quantity": True, "per": 3, "units": 2}],
        [{"feature": "credits", "quantity": "6", "per": 3, "units": 2}],
        [{"feature": ["credits"], "quantity": 6, "per": 3, "units": 2}],
        [{"feature": "{0}{x}", "quantity": 6, "per": 3, "units": 2}],
        [{"feature": "credits", "quantity": 600, "per": 3, "units": 2}],
        [{"feature": "credits", "quantity": 6, "per": 3, "units": 4}],
        [{"feature": "credits", "quantity": 6, "per": 10**30, "units": 10**40}],
        [{"quantity": 6, "per": 3, "units": 2}],
    ],
    ids=repr,
)
def test_costs_of_any_shape_are_named_and_never_raise(books, costs):
    change(books.usage, costs=costs)
    assert key_of(books.usage) in named() & named(books.ada)


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ("claim", "paid"),
        ("gate", "paid"),
        ("fingerprints", "trial"),
        ("trial", "fingerprint"),
        ("trial", "trials"),
        ("paid", "claim"),
        ("paid", "order"),
        ("promise", "order"),
        ("promise", "sold"),
        ("item", "order"),
        ("receipt_line", "receipt"),
        ("note_line", "note"),
        ("birth", "grant"),
        ("birth", "ada"),
        ("entry", "usage"),
        ("back", "usage"),
        ("back", "reversal"),
        ("reducing", "revocation"),
        ("reversal", "back"),
        ("revocation", "reducing"),
        ("expiry", "lapsed"),
        ("ending", "revoked"),
        ("last_usage", "ada"),
        ("trading", "traded"),
        ("traded", "got"),
        ("used", "cheaper"),
        ("used", "promotion"),
        ("merge", "eva"),
        ("merge", "handing"),
        ("merge", "heir_birth"),
        ("handing", "heir_birth"),
        ("heir_birth", "handing"),
        ("handed", "heir"),
    ],
)
def test_what_a_deleted_row_leaves_behind_is_named(books, gone, left):
    rows = getattr(books, gone, None)
    if gone == "fingerprints":
        TrialFingerprint.objects.filter(trial_id=books.trial.pk).delete()
    else:
        rows._meta.model._base_manager.filter(pk=rows.pk)._raw_delete("default")
    assert key_of(getattr(books, left)) in named() & named(books.ada)


def test_invented_receipts_are_named(books):
    reversal = copy(books.reversal, idempotency_key="x", quantity=3)
    revocation = copy(books.revocation, idempotency_key="x2")
    usage = copy(books.usage, idempotency_key=None)
    trial, claim = copy(books.trial), copy(books.claim, payment_id="x")
    invented = {key_of(row) for row in (reversal, revocation, usage, trial, claim)}
    assert invented <= named() & named(books.ada)


def test_an_invented_grant_of_an_order_is_named(books):
    grant = copy(books.sold, line=9)
    assert {key_of(grant), key_of(books.order)} <= named() & named(books.ada)


def test_a_grant_that_turned_into_its_neighbour_is_named(books):
    CatalogService.create_product("twins", price="1", currency="USD", features=["ai", "credits"], quantity=2)
    from tests.audits.books import OrderService, buy

    order = buy(books.ada, "twins")
    OrderService.confirm_payment(order, payment_id="twins")
    assert not problems()
    first, second = books.ada.grants.filter(source_id=str(order.pk)).order_by("line")
    change(first, feature_id=second.feature_id)
    lines = order.items.get().features.order_by("line")
    assert {key_of(line) for line in lines} <= named()


def test_a_second_gate_of_an_order_is_named(books):
    change(books.gate, order_id=books.order.pk)
    assert key_of(books.paid) in named()


def test_who_was_absorbed_has_not_absorbed_others(books):
    from billable.services import CustomerService

    carol = CustomerService.identify("telegram", "3").customer
    CustomerService.merge_customers(books.bob, carol)
    assert not problems()
    change(books.bob, merged_into=books.ada)
    assert key_of(carol) in named()


def test_an_order_of_an_absorbed_customer_gives_to_the_one_that_absorbed_it(books):
    from tests.audits.books import CustomerService, OrderService, buy

    order = buy(books.bob, "other")
    CustomerService.merge_customers(books.ada, books.bob)
    OrderService.confirm_payment(order, payment_id="absorbed")
    assert books.ada.grants.filter(source_id=str(order.pk)).count() == 1
    assert not problems()
    change(books.bob, merged_into=None)
    assert key_of(order) in named()


def test_the_books_of_one_customer_say_nothing_of_another(books):
    for row in (books.bobs, books.bobs_usage, books.bobs_order):
        column = {"billable_order": "refunded_amount_minor"}.get(row._meta.db_table, "quantity")
        change(row, **{column: 11 if column == "quantity" else 1})
        assert key_of(row) in named() & named(books.bob)
    assert named(books.ada) == set()


def test_a_claim_outlives_the_day_when_the_capture_was_not_known(books):
    from tests.audits.books import OrderService

    OrderService.confirm_payment(books.order, payment_id="p1", capture_id="c1")
    assert set(PaymentClaim.objects.filter(payment_id="p1").values_list("capture_id", flat=True)) == {"", "c1"}
    assert not problems()
