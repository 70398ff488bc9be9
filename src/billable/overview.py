"""Overview: everything that stands between us and one customer, in one object. Above the rooms: it reads them all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from billable.customers.models import Customer
from billable.customers.services import get_customer, now_for, user_id_of
from billable.customers.subjects import Subject, family
from billable.db.units import write_alias
from billable.orders.lifecycle import OrderStatus, PaymentStatus
from billable.orders.models import Order, Payment
from billable.orders.read import list_orders, list_payments
from billable.paging import MAX_LIMIT
from billable.quota.balances import Balance, balances
from billable.quota.debt_models import Debt
from billable.quota.debts import list_debts
from billable.quota.entitlements import Entitlement, entitlements
from billable.quota.expiring import Expiring, expiring_soon
from billable.quota.holds import live_holds
from billable.quota.models import Allowance, Grant, Hold
from billable.referrals.models import Referral
from billable.subscriptions.models import Subscription
from billable.subscriptions.read import going_on_of


@dataclass(frozen=True, kw_only=True)
class CustomerState:
    """What a customer has, owes and waits for, now.

    ``user_id`` is the user that was linked first, or None. ``absorbed`` are the customers that were merged into it,
    whose things are listed as its own. ``entitlements`` are what its static features read, ``debts`` what it used
    before it had it and owes still, ``subscriptions`` those that have not ended, ``holds`` the reservations that are
    open, ``open_orders`` those that wait for money, ``active_periods`` the grants that run now and have an end, the
    first to end first, ``expiring`` what will be lost within a week, ``allowances`` what gives units anew.
    ``unapplied_payments`` are money that no order took.
    ``referred_by`` says who brought it, ``referrals`` whom it brought. ``now`` is what time it is for the customer,
    which for one of the sandbox may be ahead. Each list has at most 200 rows.
    """

    customer: Customer
    customer_id: UUID
    is_sandbox: bool
    now: datetime
    user_id: Any
    absorbed: tuple[UUID, ...]
    anonymized_at: datetime | None
    balances: tuple[Balance, ...]
    entitlements: tuple[Entitlement, ...]
    debts: tuple[Debt, ...]
    subscriptions: tuple[Subscription, ...]
    holds: tuple[Hold, ...]
    open_orders: tuple[Order, ...]
    active_periods: tuple[Grant, ...]
    allowances: tuple[Allowance, ...]
    expiring: tuple[Expiring, ...]
    unapplied_payments: tuple[Payment, ...]
    referred_by: Referral | None
    referrals: tuple[Referral, ...]


def customer_state(user: Subject) -> CustomerState:
    """Everything about a customer at a glance. Writes nothing. Raises CustomerNotFound."""
    customer = get_customer(user)
    alias, members = write_alias(), family(customer.pk)
    now = now_for(customer)
    holds = live_holds(members, now)
    referrals = Referral.objects.using(alias).select_related("programme").order_by("-pk")
    return CustomerState(
        customer=customer,
        customer_id=customer.pk,
        is_sandbox=customer.is_sandbox,
        now=now,
        user_id=user_id_of(customer),
        absorbed=tuple(members.exclude(pk=customer.pk).order_by("pk").values_list("pk", flat=True)),
        anonymized_at=customer.anonymized_at,
        balances=balances(customer),
        entitlements=entitlements(customer),
        debts=tuple(list_debts(customer, open_only=True, limit=MAX_LIMIT)),
        subscriptions=tuple(going_on_of(customer)[:MAX_LIMIT]),
        holds=tuple(holds.select_related("feature", "customer").order_by("-pk")[:MAX_LIMIT]),
        open_orders=tuple(list_orders(customer, status=OrderStatus.PENDING.value, limit=MAX_LIMIT)),
        active_periods=_active_periods(customer, now),
        allowances=_allowances(customer, now),
        expiring=expiring_soon(customer),
        unapplied_payments=tuple(list_payments(customer, status=PaymentStatus.UNAPPLIED.value, limit=MAX_LIMIT)),
        referred_by=referrals.filter(customer__in=members).last(),
        referrals=tuple(referrals.filter(referrer__in=members)[:MAX_LIMIT]),
    )


def _allowances(customer: Customer, now: datetime) -> tuple[Allowance, ...]:
    running = Allowance.objects.using(write_alias()).filter(customer=customer).running(now)
    return tuple(running.select_related("feature", "product", "customer").order_by("pk")[:MAX_LIMIT])


def _active_periods(customer: Customer, now: datetime) -> tuple[Grant, ...]:
    running = Grant.objects.using(write_alias()).open_of(customer).filter(valid_from__lte=now, expires_at__gt=now)
    return tuple(running.select_related("feature", "product").order_by("expires_at", "pk")[:MAX_LIMIT])
