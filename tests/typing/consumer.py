"""A host's own code, as type checkers read it. Nothing here runs: mypy --strict and pyright (strict, without any
plugin) must both agree with every line, and both must refuse exactly the lines that say so."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Generic, ParamSpec, TypeVar
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from typing_extensions import assert_type

from billable.models import (
    Adjustment,
    AlertNotice,
    Allowance,
    Customer,
    Debt,
    Dispute,
    Exchange,
    Feature,
    FeatureCost,
    Grant,
    Hold,
    Identity,
    Invoice,
    LedgerEntry,
    Merge,
    Order,
    Payment,
    PlanChange,
    Product,
    Promotion,
    Referral,
    ReferralProgramme,
    Refund,
    Subscription,
    Trial,
    Usage,
    UserLink,
)
from billable.services import (
    Balance,
    BillingDetails,
    CapState,
    CatalogService,
    ClockAdvance,
    ClockStep,
    CustomerRef,
    CustomerService,
    CustomerState,
    Entitlement,
    Expiring,
    FeatureChange,
    FeatureLine,
    Forecast,
    GrantSummary,
    Identification,
    InvoiceService,
    InvoiceSweep,
    LedgerProblem,
    LedgerReport,
    LinkConflict,
    LinkReport,
    Money,
    OrderLine,
    OrderService,
    OrderSweep,
    Page,
    Period,
    PlanPreview,
    PromotionCheck,
    PromotionService,
    QuotaCheck,
    QuotaService,
    ReferralService,
    ReferralStats,
    ReferralSweep,
    RefundGrantQuote,
    RefundItemQuote,
    RefundLine,
    RefundQuote,
    RefundSlide,
    RenewalFailure,
    RenewalSweep,
    RollOutReport,
    RollOutSkip,
    Subject,
    SubscriptionService,
    SubscriptionSweep,
    Sweep,
    TrialEligibility,
    TrialService,
    UpkeepReport,
    UpkeepService,
    UpkeepStep,
)
from billable.testing import (
    BillingClock,
    Events,
    FakePayments,
    assert_balance,
    capture_events,
    make_customer,
    make_product,
    paid_order,
    run_commit_hooks,
)

P = ParamSpec("P")
T = TypeVar("T")


def quota(user: User, at: datetime) -> None:
    check = QuotaService.check_quota(user, "pdf_export", quantity=2, sku="pack")
    assert_type(check, QuotaCheck)
    is_allowed, message, product, balance = check
    assert_type(is_allowed, bool)
    assert_type(message, str)
    assert_type(product, Product | None)
    assert_type(balance, int | None)
    assert_type(bool(check), bool)
    assert_type(check[0], bool)
    assert_type(check[3], int | None)
    assert_type(check.allowed, bool)
    assert_type(check.message, str)
    assert_type(check.product, Product | None)
    assert_type(check.balance, int | None)
    assert_type(check.code, str)
    assert_type(check.feature, str)
    assert_type(check.grants, tuple[GrantSummary, ...])
    assert_type(check.grant_count, int)
    assert_type(check.expires_at, datetime | None)
    assert_type(check.cap, CapState | None)
    assert_type(check.value, bool | int | str | None)
    assert_type(check.offers, tuple[Product, ...])
    assert_type(check.grants[0].remaining, int | None)
    assert_type(check.grants[0].grant_id, UUID | None)

    usage = QuotaService.consume_quota(
        user=user,
        feature="pdf_export",
        quantity=1,
        sku="pack",
        idempotency_key="report_7",
        action_type="report",
        action_id="7",
        metadata={"pages": 3},
    )
    assert_type(usage, Usage)
    assert_type(usage.balance, int | None)
    assert_type(usage.replayed, bool)
    back = QuotaService.reverse_usage(usage, quantity=1, reason="failed", idempotency_key="undo_7", metadata={})
    assert_type(back, Adjustment)
    assert_type(QuotaService.reverse_usage(UUID(int=1), idempotency_key="undo_8"), Adjustment)
    assert_type(QuotaService.balances(user, feature="pdf_export"), tuple[Balance, ...])
    assert_type(QuotaService.entitlements(user, feature="seats"), tuple[Entitlement, ...])
    seats: int = QuotaService.entitlement_value(user, "seats", default=1)
    assert_type(QuotaService.entitlements(user)[seats].value, bool | int | str | None)
    rolled = QuotaService.roll_out_product_change("pro", policy="now", dry_run=True, limit_seconds=2.5)
    assert_type(rolled, RollOutReport)
    assert_type(rolled.skipped, tuple[RollOutSkip, ...])
    debts = QuotaService.list_debts(user, feature="calls", open_only=True)
    assert_type(debts, Page[Debt])
    assert_type(debts.items[0].owed, int)
    hold = QuotaService.hold_quota(user, "ai_analysis", 5, ttl=timedelta(minutes=5), idempotency_key="job")
    assert_type(hold, Hold)
    assert_type(QuotaService.capture_hold(hold, 3), Usage)
    assert_type(QuotaService.release_hold(hold.pk, reason="it failed"), Hold)
    assert_type(QuotaService.extend_hold(hold, ttl=60, idempotency_key="more"), Hold)
    assert_type(QuotaService.list_holds(user, status="held"), Page[Hold])
    with QuotaService.holding(user, "ai_analysis", 5, ttl=600) as reserved:
        assert_type(reserved, Hold)
    assert_type(
        QuotaService.grant_product(
            user, "pack", quantity=2, expires_at=at, reason="", idempotency_key="k", metadata={}
        ),
        tuple[Grant, ...],
    )
    assert_type(
        QuotaService.grant_feature(
            user,
            "pdf_export",
            quantity=None,
            period=Period.parse("1 month"),
            priority=5,
            reason="gift",
            idempotency_key="k",
        ),
        tuple[Grant, ...],
    )
    assert_type(QuotaService.revoke_grant("id", quantity=1, reason="", idempotency_key="k", metadata=None), Grant)
    grants = QuotaService.list_grants(user, feature="pdf_export", open_only=True, cursor=None, limit=10)
    assert_type(grants, Page[Grant])
    assert_type(grants.items, Sequence[Grant])
    assert_type(grants.next, str | None)
    recurring = QuotaService.list_allowances(user, feature="pdf_export", cursor=None, limit=10)
    assert_type(recurring, Page[Allowance])
    assert_type(QuotaService.get_allowance("id").per_period, int)
    assert_type(QuotaService.revoke_allowance(recurring.items[0], reason="").next_reset_at, datetime | None)
    assert_type(QuotaService.expire_grants(limit=100), Sweep)
    assert_type(QuotaService.list_alerts(user, feature="credits", cursor=None, limit=5), Page[AlertNotice])
    losses = QuotaService.expiring_soon(user, within=Period.parse("7 days"))
    assert_type(losses, tuple[Expiring, ...])
    assert_type(losses[0].units, int | None)
    assert_type(losses[0].expires_at, datetime)
    outlook = QuotaService.forecast(user, "credits", over="30 days")
    assert_type(outlook, Forecast)
    assert_type(outlook.per_day, float | None)
    assert_type(outlook.runs_out_at, datetime | None)
    assert_type(QuotaService.history(user, feature="x", kind="consume", cursor=None, limit=1), Page[LedgerEntry])
    for entry in QuotaService.history(user):
        assert_type(entry, LedgerEntry)
    assert_type(QuotaService.verify_ledger(), LedgerReport)
    assert_type(QuotaService.verify_ledger(user).problems, tuple[LedgerProblem, ...])


def orders(user: User) -> None:
    lines: list[OrderLine] = [{"sku": "premium_monthly"}, {"sku": "pack", "quantity": 2}]
    order = OrderService.create_order(user=user, items=lines, currency="EUR", metadata={"a": 1}, idempotency_key="k")
    assert_type(order, Order)
    assert_type(order.total, Money)
    assert_type(order.amount_due, Money)
    assert_type(order.amount_due_minor, int)
    payment = OrderService.confirm_payment(
        order,
        payment_id="stripe_ch_123",
        status="paid",
        payment_method="stripe",
        capture_id="1",
        amount="9.99",
        currency="EUR",
        metadata={},
    )
    assert_type(payment, Payment)
    assert_type(payment.amount, Money)
    payment.raise_if_unapplied()
    assert_type(OrderService.confirm_payment(UUID(int=1), payment_id="p", amount_minor=999), Payment)
    assert_type(OrderService.cancel_order(order, reason="changed my mind"), Order)
    assert_type(OrderService.get_order("id"), Order)
    assert_type(OrderService.list_orders(user, status="paid", cursor=None, limit=5), Page[Order])
    assert_type(OrderService.list_orders().items[0], Order)
    assert_type(OrderService.expire_orders(older_than=timedelta(hours=2), limit=10), OrderSweep)
    assert_type(OrderService.expire_orders().orders, int)
    assert_type(OrderService.record_sale(user, lines, payment_id="p", amount="9.99", currency="EUR"), Payment)
    assert_type(OrderService.list_payments(user, status="unapplied", limit=5), Page[Payment])
    assert_type(OrderService.apply_payment(payment, order, reason="ordered twice"), Payment)
    assert_type(OrderService.return_payment(UUID(int=1), reason="sent back"), Payment)
    dispute = OrderService.dispute_payment(payment, dispute_id="dp_1", amount="9.99", currency="EUR", metadata={})
    assert_type(dispute, Dispute)
    assert_type(dispute.amount, Money)
    assert_type(OrderService.resolve_dispute(dispute, "won"), Dispute)
    assert_type(OrderService.get_dispute(dispute), Dispute)
    assert_type(OrderService.list_disputes(user, dispute_id="dp_1", status="disputed"), Page[Dispute])


def refunds(user: User, order: Order) -> None:
    lines: list[RefundLine] = [{"line": 1}, {"line": 2, "quantity": 3}]
    quote = OrderService.quote_refund(order, items=lines, policy="unused_only", release_holds=False)
    assert_type(quote, RefundQuote)
    assert_type(quote.amount, Money)
    assert_type(quote.items, tuple[RefundItemQuote, ...])
    assert_type(quote.items[0].grants, tuple[RefundGrantQuote, ...])
    assert_type(quote.items[0].grants[0].taken_back, int | None)
    assert_type(quote.slides, tuple[RefundSlide, ...])
    assert_type(quote.slides[0].expires_at, datetime | None)
    refund = OrderService.refund_order(order, refund_id="re_1", items=lines, reason="not used", metadata={})
    assert_type(refund, Refund)
    assert_type(refund.amount, Money)
    assert_type(OrderService.refund_order(UUID(int=1), refund_id="r", amount="1.00", currency="EUR"), Refund)
    assert_type(OrderService.refund_order(payment_id="p", refund_id="r", origin="provider"), Refund)
    assert_type(OrderService.get_refund(refund), Refund)
    assert_type(OrderService.list_refunds(user, order=order, cursor=None, limit=5), Page[Refund])


def invoices(user: User, order: Order) -> None:
    receipt = InvoiceService.issue_receipt(order)
    assert_type(receipt, Invoice)
    assert_type(receipt.name, str)
    assert_type(receipt.total, Money)
    assert_type(InvoiceService.issue_credit_note(UUID(int=1)), Invoice)
    assert_type(InvoiceService.issue_missing(limit=10), InvoiceSweep)
    assert_type(InvoiceService.get_invoice("id"), Invoice)
    assert_type(InvoiceService.list_invoices(user, kind="receipt", order=order, cursor=None, limit=5), Page[Invoice])
    assert_type(InvoiceService.render_invoice(receipt), str)
    assert_type(InvoiceService.render_invoice_pdf(receipt), bytes)


def upkeep() -> None:
    report = UpkeepService.tick(limit_seconds=50, batch_size=100, dry_run=False)
    assert_type(report, UpkeepReport)
    assert_type(report.complete, bool)
    assert_type(report.steps, tuple[UpkeepStep, ...])
    assert_type(report.steps[0].done, int)
    assert_type(report.seconds, float)


def catalogue() -> None:
    line: FeatureLine = {"feature": "pdf_export", "quantity": 100, "period": "1 month", "priority": 1}
    product = CatalogService.create_product(
        "pack",
        name="Pack",
        description="",
        price="9.99",
        currency="EUR",
        prices=[Money(999, "EUR")],
        features=["sso", line],
        quantity=3,
        period="1 month",
        is_trial=False,
        is_default=False,
        trial_campaign="",
        unit_prices={"credits": 20},
        tax_rate="19",
        metadata={},
    )
    assert_type(product, Product)
    assert_type(product.effective_tax_rate, Decimal)
    assert_type(CatalogService.update_product("pack", name="Other", is_active=True), Product)
    assert_type(CatalogService.deactivate_product("pack"), Product)
    assert_type(CatalogService.get_product("pack"), Product)
    assert_type(CatalogService.list_products(include_inactive=True, include_trials=False), tuple[Product, ...])
    assert_type(CatalogService.offers_for("pdf_export"), tuple[Product, ...])
    assert_type(CatalogService.list_features(include_inactive=True), tuple[Feature, ...])
    assert_type(CatalogService.create_feature("credits", name="", unit="credit", metadata={}), Feature)
    assert_type(CatalogService.update_feature("credits", name="Credits", is_active=True), Feature)
    assert_type(CatalogService.set_cost("ai", "credits", per=1, units=2, position=1), FeatureCost)


def promotions(user: User, at: datetime) -> None:
    promotion = PromotionService.create_promotion(
        "spring",
        name="Spring",
        percent_off="12.5",
        products=["pack"],
        starts_at=at,
        ends_at=None,
        max_uses=100,
        max_uses_per_customer=1,
        first_order_only=True,
        metadata={},
    )
    assert_type(promotion, Promotion)
    assert_type(PromotionService.create_promotion("five", amounts_off=[Money(500, "EUR")]), Promotion)
    assert_type(PromotionService.update_promotion("spring", ends_at=None, max_uses=None, is_active=False), Promotion)
    assert_type(PromotionService.get_promotion("spring"), Promotion)
    assert_type(PromotionService.list_promotions(include_inactive=True, cursor=None, limit=5), Page[Promotion])
    check = PromotionService.check_promotion(user, "spring", [{"sku": "pack"}], currency="EUR")
    assert_type(check, PromotionCheck)
    assert_type(check.discount, Money)
    assert_type(check.by_line, tuple[int, ...])
    assert_type(OrderService.create_order(user, [{"sku": "pack"}], promotion_code="spring"), Order)


def exchanges(user: User) -> None:
    made = OrderService.exchange(user, "pack", quantity=2, feature="credits", idempotency_key="k", metadata={})
    assert_type(made, Exchange)
    assert_type(made.grants, tuple[Grant, ...])
    assert_type(OrderService.get_exchange("id"), Exchange)
    assert_type(OrderService.list_exchanges(user, cursor=None, limit=5), Page[Exchange])
    assert_type(OrderService.refund_exchange(made, idempotency_key="k", policy="full", reason=""), Exchange)


def helpers_for_tests(user: User) -> None:
    with BillingClock() as clock, capture_events("order.paid") as sent, run_commit_hooks():
        assert_type(clock, BillingClock)
        assert_type(clock.advance(months=13, days=1.5), datetime)
        assert_type(clock.for_customer(make_customer(user, sandbox=True)).advance(months=1), datetime)
        order = paid_order(user, make_product(features=["pdf_export"], period="1 month"))
        assert_type(order, Order)
        payments = FakePayments(clock)
        assert_type(payments.pay(order), Payment)
        assert_type(payments.pay_later(order, days=3), Payment)
        assert_type(payments.deliver(payments.notice(order, "pending")), Payment)
        assert_type(payments.refund(payments.pay(order), amount_minor=5), Refund)
    assert_type(sent, Events)
    assert_type(sent.names, list[str])
    assert_balance(user, "pdf_export", None)


def customers(user: User) -> None:
    identification = CustomerService.identify("telegram", "1", profile={"name": "Anna"})
    assert_type(identification, Identification)
    assert_type(identification.customer, Customer)
    assert_type(identification.customer_id, UUID)
    assert_type(identification.created, bool)
    assert_type(CustomerService.identify("telegram", "2", sandbox=True).is_sandbox, bool)
    moved = CustomerService.advance_clock(user, months=1, days=2, idempotency_key="k")
    assert_type(moved, ClockAdvance)
    assert_type(moved.to_at, datetime)
    assert_type(moved.steps, tuple[ClockStep, ...])
    assert_type(CustomerService.advance_clock(user, to=moved.to_at), ClockAdvance)
    assert_type(CustomerService.get_customer(user), Customer)
    assert_type(CustomerService.find_customer(CustomerRef(user_id=7)), Customer | None)
    assert_type(CustomerService.link_identity(user, "n8n", "2", profile=None), Identity)
    assert_type(CustomerService.link_user(identification.customer, user), UserLink)
    merge = CustomerService.merge_customers(user, CustomerRef(external_id="3"), reason="the same person")
    assert_type(merge, Merge)
    assert_type(CustomerService.unmerge_customers(merge), Merge)
    assert_type(CustomerService.unmerge_customers(identification.customer), Merge)
    state = CustomerService.customer_state(user)
    assert_type(state, CustomerState)
    assert_type(state.absorbed, tuple[UUID, ...])
    assert_type(state.balances, tuple[Balance, ...])
    assert_type(state.open_orders, tuple[Order, ...])
    report = CustomerService.link_identities("profile__telegram_id", "telegram", dry_run=True, batch_size=100)
    assert_type(report, LinkReport)
    assert_type(report.conflicts, tuple[LinkConflict, ...])
    assert_type(CustomerService.anonymize_customer(user, reason="they asked"), Customer)
    details: BillingDetails = {"name": "Anna Ltd", "address": "1 Main Street\nLondon", "tax_id": "GB123"}
    assert_type(CustomerService.set_billing_details(user, details), Customer)
    trial = TrialService.start_trial(user, "trial", identities={"email": "anna@example.com"})
    assert_type(trial, Trial)
    assert_type(trial.grants, tuple[Grant, ...])
    assert_type(TrialService.trial_eligibility(user, "trial", identities=None), TrialEligibility)


def subscriptions(user: User, at: datetime) -> None:
    page = SubscriptionService.list_subscriptions(user, status="active", cursor=None, limit=10)
    assert_type(page, Page[Subscription])
    subscription = SubscriptionService.get_subscription("id")
    assert_type(subscription, Subscription)
    assert_type(SubscriptionService.renew_subscription(subscription), Order)
    sweep = SubscriptionService.make_renewals(limit=10)
    assert_type(sweep, RenewalSweep)
    assert_type(sweep.failures, tuple[RenewalFailure, ...])
    cancelled = SubscriptionService.cancel_subscription(subscription, at_period_end=False, reason="too dear")
    assert_type(cancelled, Subscription)
    assert_type(SubscriptionService.undo_cancel(subscription.pk), Subscription)
    paused = SubscriptionService.pause_subscription(subscription, at_period_end=True, resumes_at=at, reason="")
    assert_type(paused, Subscription)
    assert_type(SubscriptionService.resume_subscription(subscription), Subscription)
    assert_type(SubscriptionService.extend_access(subscription, at), Subscription)
    assert_type(SubscriptionService.move_billing_date(subscription, at), Subscription)
    preview = SubscriptionService.preview_change(subscription, sku="pro", seats=2, at="now", units="regrant")
    assert_type(preview, PlanPreview)
    assert_type(preview.features[0], FeatureChange)
    change = SubscriptionService.change_plan(subscription, sku="pro", money="none", idempotency_key="up")
    assert_type(change, PlanChange)
    assert_type(change.order, Order | None)
    assert_type(SubscriptionService.change_seats(subscription.pk, 3, idempotency_key="more"), PlanChange)
    assert_type(SubscriptionService.undo_change(subscription), Subscription)
    assert_type(SubscriptionService.settle_subscriptions(limit=10), SubscriptionSweep)


def referrals(user: User, friend: CustomerRef) -> None:
    programme = ReferralService.create_programme(
        "friends", referrer_product="pack", hold_days=14, cap_per_referrer=None
    )
    assert_type(programme, ReferralProgramme)
    assert_type(ReferralService.update_programme("friends", is_active=False), ReferralProgramme)
    assert_type(ReferralService.list_programmes(include_inactive=True), tuple[ReferralProgramme, ...])
    referral = ReferralService.refer(user, friend, programme="friends", metadata={"from": "link"})
    assert_type(referral, Referral)
    assert_type(ReferralService.claim_bonus(referral.pk).grants, tuple[Grant, ...])
    assert_type(ReferralService.settle_referrals(limit=10), ReferralSweep)
    assert_type(ReferralService.list_referrals(user, status="pending"), Page[Referral])
    assert_type(ReferralService.referral_stats(friend), ReferralStats)
    assert_type(ReferralService.referral_stats(friend).referred_by, UUID | None)


def who_may_be_meant(user: User, customer: Customer, anybody: User | AnonymousUser) -> None:
    QuotaService.check_quota(user, "x")
    QuotaService.check_quota(customer, "x")
    QuotaService.check_quota(anybody, "x")
    QuotaService.check_quota(CustomerRef(external_id="1", provider="telegram"), "x")
    QuotaService.check_quota(CustomerRef(user_id=7), "x")
    subject: Subject = user
    QuotaService.check_quota(subject, "x")


async def from_a_bot(user: User) -> None:
    """Each twin answers with what its verb answers, and takes what it takes."""
    is_allowed, message, product, balance = await QuotaService.acheck_quota(user, "pdf_export", quantity=2, sku="pack")
    assert_type(is_allowed, bool)
    assert_type(message, str)
    assert_type(product, Product | None)
    assert_type(balance, int | None)
    assert_type(await QuotaService.acheck_quota(user, "pdf_export"), QuotaCheck)
    assert_type(await QuotaService.aconsume_quota(user=user, feature="x", idempotency_key="k"), Usage)
    async with QuotaService.holding(user, "x") as reserved:
        assert_type(reserved, Hold)
    assert_type(await OrderService.acreate_order(user, [{"sku": "pack"}], metadata={}), Order)
    assert_type(await OrderService.aconfirm_payment("id", payment_id="p", status="paid"), Payment)
    assert_type(await OrderService.alist_orders(user), Page[Order])
    assert_type(await OrderService.arecord_sale(user, [{"sku": "pack"}], payment_id="p"), Payment)
    assert_type(await CustomerService.aidentify("telegram", "1"), Identification)
    assert_type(await TrialService.astart_trial(user, "trial", identities={}), Trial)


class Verb(Generic[P, T]):
    """What a verb takes and answers, held fast to compare its twin with."""

    def __init__(self, verb: Callable[P, T]) -> None: ...

    def has(self, twin: Callable[P, Coroutine[Any, Any, T]]) -> None:
        """Accepted only when the twin takes and answers the same."""


Verb(CatalogService.list_products).has(CatalogService.alist_products)
Verb(CatalogService.get_product).has(CatalogService.aget_product)
Verb(CatalogService.create_product).has(CatalogService.acreate_product)
Verb(CatalogService.update_product).has(CatalogService.aupdate_product)
Verb(CatalogService.deactivate_product).has(CatalogService.adeactivate_product)
Verb(CatalogService.offers_for).has(CatalogService.aoffers_for)
Verb(CatalogService.list_features).has(CatalogService.alist_features)
Verb(CatalogService.create_feature).has(CatalogService.acreate_feature)
Verb(CatalogService.update_feature).has(CatalogService.aupdate_feature)
Verb(CatalogService.set_cost).has(CatalogService.aset_cost)
Verb(CustomerService.identify).has(CustomerService.aidentify)
Verb(CustomerService.get_customer).has(CustomerService.aget_customer)
Verb(CustomerService.find_customer).has(CustomerService.afind_customer)
Verb(CustomerService.link_identity).has(CustomerService.alink_identity)
Verb(CustomerService.link_user).has(CustomerService.alink_user)
Verb(CustomerService.user_id_of).has(CustomerService.auser_id_of)
Verb(CustomerService.merge_customers).has(CustomerService.amerge_customers)
Verb(CustomerService.unmerge_customers).has(CustomerService.aunmerge_customers)
Verb(CustomerService.anonymize_customer).has(CustomerService.aanonymize_customer)
Verb(CustomerService.customer_state).has(CustomerService.acustomer_state)
Verb(CustomerService.link_identities).has(CustomerService.alink_identities)
Verb(CustomerService.advance_clock).has(CustomerService.aadvance_clock)
Verb(CustomerService.set_billing_details).has(CustomerService.aset_billing_details)
Verb(QuotaService.check_quota).has(QuotaService.acheck_quota)
Verb(QuotaService.consume_quota).has(QuotaService.aconsume_quota)
Verb(QuotaService.hold_quota).has(QuotaService.ahold_quota)
Verb(QuotaService.capture_hold).has(QuotaService.acapture_hold)
Verb(QuotaService.release_hold).has(QuotaService.arelease_hold)
Verb(QuotaService.extend_hold).has(QuotaService.aextend_hold)
Verb(QuotaService.get_hold).has(QuotaService.aget_hold)
Verb(QuotaService.list_holds).has(QuotaService.alist_holds)
Verb(QuotaService.reverse_usage).has(QuotaService.areverse_usage)
Verb(QuotaService.entitlement_value).has(QuotaService.aentitlement_value)
Verb(QuotaService.roll_out_product_change).has(QuotaService.aroll_out_product_change)
Verb(QuotaService.list_debts).has(QuotaService.alist_debts)
Verb(QuotaService.entitlements).has(QuotaService.aentitlements)
Verb(QuotaService.balances).has(QuotaService.abalances)
Verb(QuotaService.grant_product).has(QuotaService.agrant_product)
Verb(QuotaService.grant_feature).has(QuotaService.agrant_feature)
Verb(QuotaService.revoke_grant).has(QuotaService.arevoke_grant)
Verb(QuotaService.list_grants).has(QuotaService.alist_grants)
Verb(QuotaService.list_allowances).has(QuotaService.alist_allowances)
Verb(QuotaService.get_allowance).has(QuotaService.aget_allowance)
Verb(QuotaService.revoke_allowance).has(QuotaService.arevoke_allowance)
Verb(QuotaService.expire_grants).has(QuotaService.aexpire_grants)
Verb(QuotaService.list_alerts).has(QuotaService.alist_alerts)
Verb(QuotaService.expiring_soon).has(QuotaService.aexpiring_soon)
Verb(QuotaService.forecast).has(QuotaService.aforecast)
Verb(QuotaService.history).has(QuotaService.ahistory)
Verb(QuotaService.verify_ledger).has(QuotaService.averify_ledger)
Verb(OrderService.create_order).has(OrderService.acreate_order)
Verb(OrderService.confirm_payment).has(OrderService.aconfirm_payment)
Verb(OrderService.cancel_order).has(OrderService.acancel_order)
Verb(OrderService.get_order).has(OrderService.aget_order)
Verb(OrderService.list_orders).has(OrderService.alist_orders)
Verb(OrderService.expire_orders).has(OrderService.aexpire_orders)
Verb(OrderService.record_sale).has(OrderService.arecord_sale)
Verb(OrderService.list_payments).has(OrderService.alist_payments)
Verb(OrderService.apply_payment).has(OrderService.aapply_payment)
Verb(OrderService.return_payment).has(OrderService.areturn_payment)
Verb(OrderService.dispute_payment).has(OrderService.adispute_payment)
Verb(OrderService.get_dispute).has(OrderService.aget_dispute)
Verb(OrderService.list_disputes).has(OrderService.alist_disputes)
Verb(OrderService.resolve_dispute).has(OrderService.aresolve_dispute)
Verb(OrderService.quote_refund).has(OrderService.aquote_refund)
Verb(OrderService.refund_order).has(OrderService.arefund_order)
Verb(OrderService.get_refund).has(OrderService.aget_refund)
Verb(OrderService.list_refunds).has(OrderService.alist_refunds)
Verb(OrderService.exchange).has(OrderService.aexchange)
Verb(OrderService.refund_exchange).has(OrderService.arefund_exchange)
Verb(OrderService.get_exchange).has(OrderService.aget_exchange)
Verb(OrderService.list_exchanges).has(OrderService.alist_exchanges)
Verb(PromotionService.check_promotion).has(PromotionService.acheck_promotion)
Verb(PromotionService.get_promotion).has(PromotionService.aget_promotion)
Verb(PromotionService.list_promotions).has(PromotionService.alist_promotions)
Verb(PromotionService.create_promotion).has(PromotionService.acreate_promotion)
Verb(PromotionService.update_promotion).has(PromotionService.aupdate_promotion)
Verb(SubscriptionService.get_subscription).has(SubscriptionService.aget_subscription)
Verb(SubscriptionService.list_subscriptions).has(SubscriptionService.alist_subscriptions)
Verb(SubscriptionService.preview_change).has(SubscriptionService.apreview_change)
Verb(SubscriptionService.change_plan).has(SubscriptionService.achange_plan)
Verb(SubscriptionService.change_seats).has(SubscriptionService.achange_seats)
Verb(SubscriptionService.undo_change).has(SubscriptionService.aundo_change)
Verb(SubscriptionService.renew_subscription).has(SubscriptionService.arenew_subscription)
Verb(SubscriptionService.make_renewals).has(SubscriptionService.amake_renewals)
Verb(SubscriptionService.cancel_subscription).has(SubscriptionService.acancel_subscription)
Verb(SubscriptionService.undo_cancel).has(SubscriptionService.aundo_cancel)
Verb(SubscriptionService.pause_subscription).has(SubscriptionService.apause_subscription)
Verb(SubscriptionService.resume_subscription).has(SubscriptionService.aresume_subscription)
Verb(SubscriptionService.extend_access).has(SubscriptionService.aextend_access)
Verb(SubscriptionService.move_billing_date).has(SubscriptionService.amove_billing_date)
Verb(SubscriptionService.settle_subscriptions).has(SubscriptionService.asettle_subscriptions)
Verb(TrialService.start_trial).has(TrialService.astart_trial)
Verb(TrialService.trial_eligibility).has(TrialService.atrial_eligibility)
Verb(ReferralService.create_programme).has(ReferralService.acreate_programme)
Verb(ReferralService.update_programme).has(ReferralService.aupdate_programme)
Verb(ReferralService.get_programme).has(ReferralService.aget_programme)
Verb(ReferralService.list_programmes).has(ReferralService.alist_programmes)
Verb(ReferralService.refer).has(ReferralService.arefer)
Verb(ReferralService.claim_bonus).has(ReferralService.aclaim_bonus)
Verb(ReferralService.settle_referrals).has(ReferralService.asettle_referrals)
Verb(ReferralService.get_referral).has(ReferralService.aget_referral)
Verb(ReferralService.list_referrals).has(ReferralService.alist_referrals)
Verb(ReferralService.referral_stats).has(ReferralService.areferral_stats)
Verb(InvoiceService.list_invoices).has(InvoiceService.alist_invoices)
Verb(InvoiceService.get_invoice).has(InvoiceService.aget_invoice)
Verb(InvoiceService.render_invoice).has(InvoiceService.arender_invoice)
Verb(InvoiceService.render_invoice_pdf).has(InvoiceService.arender_invoice_pdf)
Verb(InvoiceService.issue_receipt).has(InvoiceService.aissue_receipt)
Verb(InvoiceService.issue_credit_note).has(InvoiceService.aissue_credit_note)
Verb(InvoiceService.issue_missing).has(InvoiceService.aissue_missing)
Verb(UpkeepService.tick).has(UpkeepService.atick)


def what_both_refuse(user: User, usage: Usage) -> None:
    Verb(QuotaService.check_quota).has(QuotaService.aconsume_quota)  # type: ignore[arg-type]
    QuotaService.check_quota(7, "x")  # type: ignore[arg-type]
    QuotaService.check_quota("anna", "x")  # type: ignore[arg-type]
    QuotaService.check_quota(None, "x")  # type: ignore[arg-type]
    QuotaService.check_quota(user)  # type: ignore[call-arg]
    QuotaService.check_quota(user, "x", 2)  # type: ignore[call-arg]
    QuotaService.check_quota(user, "x", amount=2)  # type: ignore[call-arg]
    QuotaService.check_quota(user, "x", quantity="2")  # type: ignore[arg-type]
    QuotaService.consume_quota(user, "x", key="k")  # type: ignore[call-arg]
    QuotaService.consume_quota(user, "x", metadata="m")  # type: ignore[arg-type]
    QuotaService.consume_quota(user, "x", 1, "k")  # type: ignore[call-arg]
    QuotaService.reverse_usage(usage)  # type: ignore[call-arg]
    QuotaService.grant_feature(user, "x", quantity=1.5)  # type: ignore[arg-type]
    OrderService.create_order(user, [{"sku": "x", "price": 1}])  # type: ignore[typeddict-unknown-key]
    OrderService.create_order(user, [{"quantity": 1}])  # type: ignore[typeddict-item]
    OrderService.create_order(7, [{"sku": "x"}])  # type: ignore[arg-type]
    OrderService.confirm_payment(usage, payment_id="p")  # type: ignore[arg-type]
    OrderService.confirm_payment("id", "p")  # type: ignore[call-arg]
    OrderService.confirm_payment("id", payment_id="p", amount=9.99)  # type: ignore[arg-type]
    TrialService.start_trial(user, "trial", identities=["a@b"])  # type: ignore[arg-type]
    ReferralService.refer(user)  # type: ignore[call-arg]
    ReferralService.refer(user, 7)  # type: ignore[arg-type]
    print(QuotaService.check_quota(user, "x").allowd)  # type: ignore[attr-defined]


async def what_both_refuse_of_twins(user: User) -> None:
    await QuotaService.acheck_quota(7, "x")  # type: ignore[arg-type]
    await QuotaService.aconsume_quota(user, "x", key="k")  # type: ignore[call-arg]
    await OrderService.acreate_order(user, items=[{"sku": 1}])  # type: ignore[typeddict-item]
    await QuotaService.check_quota(user, "x")  # type: ignore[misc]
    _, _ = await QuotaService.acheck_quota(user, "x")  # type: ignore[misc]
