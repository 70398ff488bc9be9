"""balances: everything that a customer has, by feature. One statement, no write."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from billable import inputs
from billable.customers.subjects import Subject, who
from billable.quota import standing
from billable.quota.caps import CapState
from billable.quota.check import balance_of
from billable.quota.entitlements import entitlement_of


@dataclass(frozen=True, kw_only=True)
class Balance:
    """What a customer has of one feature now.

    ``balance`` is how many units could be consumed (None: unlimited), ``held`` how many are reserved. ``owed`` is how
    many were used before they were there: they are taken off the balance, which may be negative then. ``expires_at`` is
    when the first of the units expire (None: never), ``next_reset_at`` when a recurring allowance starts anew. ``cap``
    is the cap that keeps units back now, of several the one that resets first.
    """

    feature: str
    allowed: bool
    balance: int | None
    unlimited: bool
    held: int
    owed: int
    expires_at: datetime | None
    next_reset_at: datetime | None
    cap: CapState | None


def balances(user: Subject, *, feature: str | None = None) -> tuple[Balance, ...]:
    """The balances of ``user``: of one feature, which is then always listed, or of every feature that they have.

    Static features are listed by ``entitlements``; what one of them has here is what check says.
    A customer or feature that nobody knows has nothing. Raises Invalid, AmbiguousSku.
    """
    person = who(user)
    name = None if feature is None else inputs.name(feature, "feature")
    if person.is_anonymous:
        return () if name is None else (_nothing(name),)
    reading = standing.read(person, name)
    if name is None:
        return tuple(_balance(each) for each in reading.standings if not each.feature.is_static)
    return (_balance(standing.only(reading, name)),) if reading.standings else (_nothing(name),)


def _balance(each: standing.Standing) -> Balance:
    usable = each.usable()
    units = balance_of(entitlement_of(each).value) if each.feature.is_static else each.balance()
    return Balance(
        feature=each.feature.key,
        allowed=_may_use_one(each, units),
        balance=units,
        unlimited=units is None,
        held=each.held,
        owed=each.owed,
        expires_at=min((grant.expires_at for grant in usable if grant.expires_at), default=None),
        next_reset_at=each.next_reset_at,
        cap=each.narrowest(),
    )


def _may_use_one(each: standing.Standing, balance: int | None) -> bool:
    if each.feature.is_static:
        return balance is None or balance > 0
    return each.pay(1, overdraw=True) is not None


def _nothing(feature: str) -> Balance:
    return Balance(
        feature=feature,
        allowed=False,
        balance=0,
        unlimited=False,
        held=0,
        owed=0,
        expires_at=None,
        next_reset_at=None,
        cap=None,
    )
