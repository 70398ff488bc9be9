"""What every write says to PostgreSQL: the customer's row first, FOR NO KEY UPDATE, and never a plain FOR UPDATE."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billable import clock, services
from billable.models import (
    Allowance,
    Dispute,
    Exchange,
    Grant,
    Hold,
    Merge,
    Order,
    Payment,
    Referral,
    Refund,
    Subscription,
    Usage,
)
from billable.services import (
    CatalogService,
    CustomerRef,
    CustomerService,
    InvoiceService,
    Money,
    OrderService,
    PromotionService,
    QuotaService,
    ReferralService,
    SubscriptionService,
    TrialService,
    UpkeepService,
)
from tests.concurrency.worker import locks_the_customer

pytestmark = pytest.mark.postgresql

READS = {
    *("list_products", "get_product", "offers_for", "list_features", "check_quota"),
    *("list_alerts", "expiring_soon", "forecast"),
    *("get_customer", "find_customer", "user_id_of", "customer_state", "get_hold", "list_holds"),
    *("get_allowance", "list_allowances"),
    *("get_promotion", "list_promotions", "check_promotion", "get_exchange", "list_exchanges"),
    *("entitlement_value", "entitlements", "list_debts"),
    *("balances", "list_grants", "history", "verify_ledger", "get_order", "list_orders", "list_payments"),
    *("quote_refund", "get_refund", "list_refunds", "get_dispute", "list_disputes", "trial_eligibility"),
    *("get_programme", "list_programmes", "get_referral", "list_referrals", "referral_stats"),
    *("get_subscription", "list_subscriptions", "preview_change"),
    *("list_invoices", "get_invoice", "render_invoice", "render_invoice_pdf"),
}
# Claims and the customer itself may be written before the customer can be locked.
COMING_TO_BE = ("billable_userlink", "billable_identity", "billable_customer", "auth_user")

IN_A_YEAR = datetime.now(timezone.utc) + timedelta(days=365)
Write = Callable[[CustomerRef], Any]


def usage(ref: CustomerRef) -> Usage:
    return Usage.objects.filter(customer__pk=str(ref.customer_id)).latest("id")


def hold(ref: CustomerRef) -> Hold:
    return Hold.objects.filter(customer__pk=str(ref.customer_id)).latest("id")


def grant(ref: CustomerRef) -> Grant:
    return Grant.objects.filter(customer__pk=str(ref.customer_id), expires_at=None).latest("id")


def allowance(ref: CustomerRef) -> Allowance:
    return Allowance.objects.filter(customer__pk=str(ref.customer_id)).latest("id")


def exchanged(ref: CustomerRef) -> Exchange:
    return Exchange.objects.filter(customer__pk=str(ref.customer_id)).latest("id")


def order(ref: CustomerRef) -> Order:
    return Order.objects.filter(customer__pk=str(ref.customer_id), status="pending").latest("id")


def paid(ref: CustomerRef) -> Order:
    return Order.objects.get(customer__pk=str(ref.customer_id), idempotency_key="paid")


def unapplied(ref: CustomerRef) -> Payment:
    return Payment.objects.get(customer__pk=str(ref.customer_id), payment_id="late")


def referral(ref: CustomerRef) -> Referral:
    return Referral.objects.filter(referrer__pk=str(ref.customer_id)).earliest("id")


def refunded(ref: CustomerRef) -> Refund:
    return Refund.objects.get(customer__pk=str(ref.customer_id), refund_id="re_0")


def paying(ref: CustomerRef) -> Payment:
    return Payment.objects.get(customer__pk=str(ref.customer_id), payment_id="bought")


def dispute(ref: CustomerRef) -> Dispute:
    return Dispute.objects.get(customer__pk=str(ref.customer_id), dispute_id="dp_0")


def subscription(ref: CustomerRef, key: str = "plan") -> Subscription:
    return Subscription.objects.get(customer__pk=str(ref.customer_id), items__order__idempotency_key=key)


def merged(ref: CustomerRef) -> Merge:
    return Merge.objects.filter(customer__pk=str(ref.customer_id)).latest("id")


WRITES: dict[str, Write] = {
    "link_identity": lambda ref: CustomerService.link_identity(ref, "telegram", "4711"),
    "link_user": lambda ref: CustomerService.link_user(ref, get_user_model().objects.get(username="bob")),
    "anonymize_customer": lambda ref: CustomerService.anonymize_customer(ref),
    "merge_customers": lambda ref: CustomerService.merge_customers(ref, CustomerRef(external_id="other")),
    "unmerge_customers": lambda ref: CustomerService.unmerge_customers(merged(ref)),
    "set_billing_details": lambda ref: CustomerService.set_billing_details(ref, {"name": "Ada Ltd"}),
    "consume_quota": lambda ref: QuotaService.consume_quota(ref, "credits", quantity=5, idempotency_key="job"),
    "hold_quota": lambda ref: QuotaService.hold_quota(ref, "credits", 5, idempotency_key="job"),
    "capture_hold": lambda ref: QuotaService.capture_hold(hold(ref)),
    "release_hold": lambda ref: QuotaService.release_hold(hold(ref)),
    "extend_hold": lambda ref: QuotaService.extend_hold(hold(ref), ttl=3600, idempotency_key="more"),
    "reverse_usage": lambda ref: QuotaService.reverse_usage(usage(ref), quantity=1, idempotency_key="undo"),
    "grant_product": lambda ref: QuotaService.grant_product(ref, "pack", idempotency_key="gift"),
    "grant_feature": lambda ref: QuotaService.grant_feature(ref, "credits", quantity=1, idempotency_key="one"),
    "revoke_grant": lambda ref: QuotaService.revoke_grant(grant(ref)),
    "revoke_allowance": lambda ref: QuotaService.revoke_allowance(allowance(ref)),
    "roll_out_product_change": lambda ref: QuotaService.roll_out_product_change("monthly", policy="now"),
    "expire_grants": lambda ref: QuotaService.expire_grants(),
    "tick": lambda ref: UpkeepService.tick(),
    "create_order": lambda ref: OrderService.create_order(
        ref, [{"sku": "pack"}], promotion_code="spring", idempotency_key="cart"
    ),
    "confirm_payment": lambda ref: OrderService.confirm_payment(order(ref), payment_id="pi_1"),
    "cancel_order": lambda ref: OrderService.cancel_order(order(ref)),
    "expire_orders": lambda ref: OrderService.expire_orders(older_than=timedelta(microseconds=1), limit=1),
    "record_sale": lambda ref: OrderService.record_sale(ref, [{"sku": "pack"}], payment_id="pi_2"),
    "apply_payment": lambda ref: OrderService.apply_payment(unapplied(ref), order(ref)),
    "return_payment": lambda ref: OrderService.return_payment(unapplied(ref)),
    "dispute_payment": lambda ref: OrderService.dispute_payment(paying(ref), dispute_id="dp_1"),
    "resolve_dispute": lambda ref: OrderService.resolve_dispute(dispute(ref), "lost"),
    "refund_order": lambda ref: OrderService.refund_order(paid(ref), refund_id="re_1"),
    "issue_receipt": lambda ref: InvoiceService.issue_receipt(paid(ref)),
    "issue_credit_note": lambda ref: InvoiceService.issue_credit_note(refunded(ref)),
    "issue_missing": lambda ref: InvoiceService.issue_missing(limit=1),
    "exchange": lambda ref: OrderService.exchange(ref, "traded", idempotency_key="trade"),
    "refund_exchange": lambda ref: OrderService.refund_exchange(exchanged(ref), idempotency_key="trade back"),
    "start_trial": lambda ref: TrialService.start_trial(ref, "taste", identities={"email": "ada@example.com"}),
    "renew_subscription": lambda ref: SubscriptionService.renew_subscription(subscription(ref)),
    "make_renewals": lambda ref: SubscriptionService.make_renewals(limit=1),
    "cancel_subscription": lambda ref: SubscriptionService.cancel_subscription(subscription(ref)),
    "undo_cancel": lambda ref: SubscriptionService.undo_cancel(subscription(ref, "cancelled")),
    "pause_subscription": lambda ref: SubscriptionService.pause_subscription(subscription(ref)),
    "resume_subscription": lambda ref: SubscriptionService.resume_subscription(subscription(ref, "paused")),
    "extend_access": lambda ref: SubscriptionService.extend_access(subscription(ref), IN_A_YEAR),
    "move_billing_date": lambda ref: SubscriptionService.move_billing_date(subscription(ref), IN_A_YEAR),
    "change_plan": lambda ref: SubscriptionService.change_plan(
        subscription(ref), sku="larger", idempotency_key="larger"
    ),
    "change_seats": lambda ref: SubscriptionService.change_seats(subscription(ref), 3, idempotency_key="three"),
    "undo_change": lambda ref: SubscriptionService.undo_change(subscription(ref, "changed")),
    "settle_subscriptions": lambda ref: SubscriptionService.settle_subscriptions(),
    "refer": lambda ref: ReferralService.refer(ref, CustomerRef(provider="test", external_id="brought")),
    "claim_bonus": lambda ref: ReferralService.claim_bonus(referral(ref)),
    "settle_referrals": lambda ref: ReferralService.settle_referrals(),
}
# Both sides of a referral are locked, in ascending order.
LOCKS = dict.fromkeys(("refer", "claim_bonus", "settle_referrals", "merge_customers", "unmerge_customers"), 2)
# One for each row that is due, of every duty, and two for both sides of a referral.
LOCKS["tick"] = 15
CATALOGUE: dict[str, Callable[[], Any]] = {
    "create_product": lambda: CatalogService.create_product("new", price="1", features=["credits"], quantity=1),
    "update_product": lambda: CatalogService.update_product("pack", prices=[Money(5, "EUR")], features=["credits"]),
    "deactivate_product": lambda: CatalogService.deactivate_product("pack"),
    "create_feature": lambda: CatalogService.create_feature("tokens"),
    "update_feature": lambda: CatalogService.update_feature("credits", name="Credits"),
    "create_promotion": lambda: PromotionService.create_promotion("autumn", percent_off=10, products=["pack"]),
    "update_promotion": lambda: PromotionService.update_promotion("spring", max_uses=7, products=["pack"]),
    "set_cost": lambda: CatalogService.set_cost("pdf_export", "credits", units=5),
    "create_programme": lambda: ReferralService.create_programme("friends", referee_product="pack"),
    "update_programme": lambda: ReferralService.update_programme("signup", hold_days=1),
}


@pytest.fixture
def shop(ref: CustomerRef, monkeypatch: pytest.MonkeyPatch) -> CustomerRef:
    """Everything that the writes above need."""
    CatalogService.create_feature("pdf_export")
    CatalogService.create_product("pack", price="9.99", features=["credits"], quantity=100)
    CatalogService.create_product("taste", features=["credits"], quantity=1, is_trial=True)
    QuotaService.consume_quota(ref, "credits", quantity=10)
    PromotionService.create_promotion("spring", percent_off=10)
    for key in ("first", "second"):
        OrderService.create_order(ref, [{"sku": "pack"}], promotion_code="spring", idempotency_key=key)
    bought = OrderService.create_order(ref, [{"sku": "pack"}], idempotency_key="paid")
    OrderService.confirm_payment(bought, payment_id="bought")
    late = OrderService.create_order(ref, [{"sku": "pack"}], promotion_code="spring", idempotency_key="late")
    OrderService.cancel_order(late)
    OrderService.confirm_payment(late, payment_id="late", amount_minor=900)
    OrderService.record_sale(ref, [{"sku": "pack"}], payment_id="sold")
    OrderService.refund_order(payment_id="sold", refund_id="re_0")
    disputed = OrderService.create_order(ref, [{"sku": "pack"}], idempotency_key="disputed")
    OrderService.dispute_payment(OrderService.confirm_payment(disputed, payment_id="disputed"), dispute_id="dp_0")
    CatalogService.create_product("traded", features=["pdf_export"], quantity=1, unit_prices={"credits": 5})
    OrderService.exchange(ref, "traded", idempotency_key="traded")
    CatalogService.create_product("plan", price="9.99", features=["pdf_export"], recurs="1 month")
    CatalogService.create_product("larger", price="19.99", features=["pdf_export"], recurs="1 month")
    for key in ("plan", "cancelled", "paused", "due", "changed"):
        plan = OrderService.create_order(ref, [{"sku": "plan"}], idempotency_key=key)
        OrderService.confirm_payment(plan, payment_id=key)
    SubscriptionService.cancel_subscription(subscription(ref, "cancelled"))
    SubscriptionService.pause_subscription(subscription(ref, "paused"))
    SubscriptionService.change_plan(subscription(ref, "changed"), sku="larger", at="period_end")
    Subscription.objects.filter(pk=subscription(ref, "due").pk).update(
        renews_at=datetime(2020, 1, 1, tzinfo=timezone.utc)
    )
    get_user_model().objects.create(username="bob")
    for name in ("other", "another"):
        QuotaService.grant_feature(CustomerService.identify("default", name).customer, "credits", quantity=7)
    CustomerService.merge_customers(ref, CustomerRef(external_id="another"))
    CatalogService.create_feature("seats")
    QuotaService.grant_feature(ref, "seats", quantity=9)
    QuotaService.hold_quota(ref, "seats", 2)
    CatalogService.create_product("monthly", features=[{"feature": "seats", "quantity": 5, "reset": "1 month"}])
    QuotaService.grant_product(ref, "monthly")
    CatalogService.update_product("monthly", features=[{"feature": "seats", "quantity": 6, "reset": "1 month"}])
    QuotaService.grant_feature(ref, "credits", quantity=100)
    ReferralService.create_programme("signup", trigger="on_signup", referrer_product="pack", referee_product="pack")
    CustomerService.identify("test", "brought")
    ReferralService.refer(ref, CustomerRef(customer_id=CustomerService.identify("test", "due").customer_id))
    # Something is due, so every write has that to do too.
    with monkeypatch.context() as past:
        past.setattr(clock, "now", lambda: datetime(2020, 1, 1, tzinfo=timezone.utc))
        QuotaService.grant_feature(ref, "credits", quantity=1, period="1 day")
        over = OrderService.create_order(ref, [{"sku": "plan"}], idempotency_key="over")
        OrderService.confirm_payment(over, payment_id="over")
    return ref


def statements(act: Callable[[], Any]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        act()
    return [query["sql"] for query in captured.captured_queries]


def written_table(sql: str) -> str | None:
    found = re.match(r'(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"', sql)
    return found[1] if found else None


def writes_before_the_lock(sql: list[str]) -> Iterator[str]:
    for statement in sql:
        if locks_the_customer(statement):
            return
        if table := written_table(statement):
            yield table


def verbs() -> set[str]:
    """Every verb of the front door, twins aside."""
    faces = [getattr(services, name) for name in services.__all__ if name.endswith("Service")]
    names = [name for face in faces for name in vars(face) if not name.startswith("_")]
    return {name for name in names if not (name.startswith("a") and name[1:] in names)}


def test_every_verb_that_writes_is_watched_here() -> None:
    assert {*WRITES, *CATALOGUE} == verbs() - READS - {"identify", "link_identities", "holding", "advance_clock"}


def test_a_clock_is_moved_in_steps_that_lock_the_customer_first(db: None) -> None:
    box = CustomerService.identify("test", "box", sandbox=True).customer
    CatalogService.create_feature("credits")
    QuotaService.grant_feature(box, "credits", quantity=1, period="1 day")

    sql = statements(lambda: CustomerService.advance_clock(box, days=2))

    assert list(writes_before_the_lock(sql)) == []
    assert not [statement for statement in sql if "FOR UPDATE" in statement]


@pytest.mark.parametrize("verb", WRITES)
def test_a_write_locks_the_customer_before_it_writes_anything(shop: CustomerRef, verb: str) -> None:
    sql = statements(lambda: WRITES[verb](shop))

    assert any(map(written_table, sql)), "it wrote nothing, so it proves nothing"
    assert list(writes_before_the_lock(sql)) == []
    locks = [statement for statement in sql if locks_the_customer(statement)]
    assert len(locks) == LOCKS.get(verb, 1)
    assert "JOIN" not in "".join(locks)
    assert not [statement for statement in sql if "FOR UPDATE" in statement]


@pytest.mark.parametrize(
    "verb",
    [
        name
        for name in WRITES
        if name
        not in (
            *(
                "link_user",
                "merge_customers",
                "anonymize_customer",
                "expire_grants",
                "expire_orders",
                "settle_referrals",
                "settle_subscriptions",
                "make_renewals",
            ),
            "issue_missing",
            "tick",
        )
    ],
)
def test_a_repeat_locks_the_customer_too_and_writes_nothing(shop: CustomerRef, verb: str) -> None:
    my_usage, my_grant, my_order = usage(shop), grant(shop), order(shop)
    acts: dict[str, Write] = {
        **WRITES,
        "reverse_usage": lambda ref: QuotaService.reverse_usage(my_usage, quantity=1, idempotency_key="undo"),
        "revoke_grant": lambda ref: QuotaService.revoke_grant(my_grant),
        "confirm_payment": lambda ref: OrderService.confirm_payment(my_order, payment_id="pi_1"),
        "cancel_order": lambda ref: OrderService.cancel_order(my_order),
        "apply_payment": lambda ref: OrderService.apply_payment(unapplied(ref), my_order),
    }
    acts[verb](shop)

    sql = statements(lambda: acts[verb](shop))

    assert [locks_the_customer(statement) for statement in sql].count(True) == LOCKS.get(verb, 1)
    assert not list(filter(None, map(written_table, sql)))


@pytest.mark.parametrize("verb", ["grant_product", "grant_feature", "create_order", "start_trial", "consume_quota"])
def test_a_first_write_claims_the_user_and_locks_the_new_customer_before_it_gives_anything(
    shop: CustomerRef, verb: str
) -> None:
    CatalogService.create_product("welcome", features=["credits"], quantity=20, is_default=True)
    user = get_user_model().objects.create(username="ada")

    sql = statements(lambda: WRITES[verb](CustomerRef(user_id=user.pk)))

    before = list(writes_before_the_lock(sql))
    assert before[0] == "billable_userlink"
    assert set(before) <= set(COMING_TO_BE)
    assert not [statement for statement in sql if "FOR UPDATE" in statement]


def test_the_marks_of_a_trial_are_claimed_in_one_statement_and_sorted(shop: CustomerRef) -> None:
    identities = {f"kind-{number}": "ada" for number in range(12)}

    sql = statements(lambda: TrialService.start_trial(shop, "taste", identities=identities))

    (claim,) = [statement for statement in sql if written_table(statement) == "billable_trialfingerprint"]
    marks = re.findall(r"\b[0-9a-f]{64}\b", claim)
    assert len(marks) > 12
    assert marks == sorted(marks)


def test_identify_claims_the_identity_first(shop: CustomerRef) -> None:
    sql = statements(lambda: CustomerService.identify("telegram", "4711"))

    before = list(writes_before_the_lock(sql))
    assert before[0] == "billable_identity"
    assert set(before) <= set(COMING_TO_BE)


@pytest.mark.parametrize("verb", ["create_order", "cancel_order"])
def test_the_counter_of_a_code_is_the_last_row_that_is_written(shop: CustomerRef, verb: str) -> None:
    sql = statements(lambda: WRITES[verb](shop))

    assert list(filter(None, map(written_table, sql)))[-1] == "billable_promotion"


@pytest.mark.parametrize("verb", CATALOGUE)
def test_the_catalogue_never_locks_rows_that_foreign_keys_point_to(shop: CustomerRef, verb: str) -> None:
    sql = statements(CATALOGUE[verb])

    assert any(map(written_table, sql))
    assert not [statement for statement in sql if "FOR UPDATE" in statement]


def test_reads_lock_nothing(shop: CustomerRef) -> None:
    def read() -> None:
        QuotaService.check_quota(shop, "credits")
        QuotaService.balances(shop)
        QuotaService.history(shop)
        OrderService.list_orders(shop)
        OrderService.list_exchanges(shop)
        OrderService.list_payments(shop)
        OrderService.quote_refund(paid(shop))
        OrderService.list_refunds(shop)
        CatalogService.list_products()
        PromotionService.list_promotions()
        PromotionService.check_promotion(shop, "spring", [{"sku": "pack"}])
        TrialService.trial_eligibility(shop, "taste", identities={"email": "ada@example.com"})
        QuotaService.verify_ledger()

    sql = statements(read)

    assert not [statement for statement in sql if " FOR " in statement and "UPDATE" in statement]
    assert not list(filter(None, map(written_table, sql)))
