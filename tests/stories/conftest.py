"""The teller: plain steps for the stories, each through the front door with what follows its commit, and their end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db.models import Sum

from billable import services
from billable.errors import BillableError
from billable.models import Grant, LedgerEntry, Order, Payment, Refund
from billable.orders.lifecycle import COUNTED
from billable.quota.kinds import EntryKind
from tests import books
from tests.fixtures import Clock


@dataclass
class Person:
    """Somebody in a story; a customer from the first act on."""

    name: str
    ref: services.CustomerRef


class Teller:
    """Says what happens, one step at a time."""

    def __init__(self, clock: Clock, commit: Callable[[], Any]) -> None:
        self.clock, self._commit = clock, commit

    def do(self, verb: Callable[..., Any], *words: Any, **names: Any) -> Any:
        """One verb, and what follows its commit."""
        with self._commit():
            return verb(*words, **names)

    # --- the shop -------------------------------------------------------------------------------

    def sells(self, sku: str, price: str | None = None, currency: str = "EUR", **names: Any) -> None:
        self.do(services.CatalogService.create_product, sku, price=price, currency=currency, **names)

    def meets(self, name: str) -> Person:
        """Somebody who shows up."""
        person = Person(name, services.CustomerRef(provider="story", external_id=name))
        self.do(services.CustomerService.identify, "story", name)
        return person

    # --- what people do -------------------------------------------------------------------------

    def orders(self, person: Person, *skus: str | tuple[str, int], **names: Any) -> Order:
        items = [{"sku": sku, "quantity": 1} if isinstance(sku, str) else _item(*sku) for sku in skus]
        order: Order = self.do(services.OrderService.create_order, person.ref, items, **names)
        return order

    def pays(self, order: Order, payment_id: str | None = None, **names: Any) -> Payment:
        name = payment_id or f"pay-{order.pk}"
        payment: Payment = self.do(services.OrderService.confirm_payment, order.pk, payment_id=name, **names)
        return payment

    def buys(self, person: Person, *skus: str | tuple[str, int], **names: Any) -> Order:
        """Order and pay at once."""
        order = self.orders(person, *skus, **names)
        if order.status == "pending":
            self.pays(order)
        return self.order(order)

    def uses(self, person: Person, feature: str, quantity: int, **names: Any) -> Any:
        return self.do(services.QuotaService.consume_quota, person.ref, feature, quantity=quantity, **names)

    def cannot_use(self, person: Person, feature: str, quantity: int = 1) -> None:
        self.refuses("quota_exceeded", services.QuotaService.consume_quota, person.ref, feature, quantity=quantity)

    def refunds(self, order: Order, refund_id: str = "r1", **names: Any) -> Refund:
        refund: Refund = self.do(services.OrderService.refund_order, order.pk, refund_id=refund_id, **names)
        return refund

    def refuses(self, code: str, verb: Callable[..., Any], *words: Any, **names: Any) -> BillableError:
        with pytest.raises(BillableError) as refusal:
            self.do(verb, *words, **names)
        assert refusal.value.code == code, repr(refusal.value)
        return refusal.value

    # --- how things stand -------------------------------------------------------------------------

    def order(self, order: Order) -> Order:
        return services.OrderService.get_order(order.pk)

    def has(self, person: Person, feature: str) -> int | None:
        """What is left of a feature; None is unlimited."""
        return services.QuotaService.check_quota(person.ref, feature).balance

    def may(self, person: Person, feature: str) -> bool:
        return bool(services.QuotaService.check_quota(person.ref, feature))

    # --- the end ----------------------------------------------------------------------------------

    def ends(
        self,
        *,
        paid: dict[str, int] | None = None,
        refunded: dict[str, int] | None = None,
        set_aside: dict[str, int] | None = None,
        granted: dict[str, int] | None = None,
        used: dict[str, int] | None = None,
        left: dict[str, int] | None = None,
        gone: dict[str, int] | None = None,
    ) -> None:
        """The sums of the story, as the test added them up by hand, and clean books.

        Money by currency: what counts as ``paid`` for orders, what went back, what is ``set_aside`` for nobody's
        order. Units by feature: granted to whoever, used in the end, left, and gone (expired or taken back).
        """
        counted = [status.value for status in COUNTED]
        assert _money(Payment.objects.filter(status__in=counted)) == (paid or {})
        assert _money(Refund.objects.all()) == (refunded or {})
        assert _money(Payment.objects.filter(status="unapplied")) == (set_aside or {})
        sums = _units()
        assert sums["granted"] == Counter(granted or {})
        assert sums["used"] == Counter(used or {})
        assert sums["left"] == Counter(left or {})
        assert sums["gone"] == Counter(gone or {})
        for feature, units in sums["granted"].items():
            assert units == sums["used"][feature] + sums["left"][feature] + sums["gone"][feature]
        self.do(services.QuotaService.expire_grants)
        found = books.problems()
        assert not found, found


def _item(sku: str, quantity: int) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity}


def _money(rows: Any) -> dict[str, int]:
    sums = rows.order_by().values_list("currency").annotate(total=Sum("amount_minor"))
    return {currency: total for currency, total in sums if total}


def _units() -> dict[str, Counter[str]]:
    """Units of limited grants by what became of them. What moves from a grant to its heir is neither new nor gone."""
    sums: dict[str, Counter[str]] = {name: Counter() for name in ("granted", "used", "left", "gone")}
    entries = LedgerEntry.objects.filter(grant__quantity__isnull=False).select_related("grant__feature")
    for entry in entries:
        feature = entry.grant.feature.key
        if entry.kind == EntryKind.GRANT.value:
            heir = entry.grant.origin_id is not None
            sums["gone" if heir else "granted"][feature] += -entry.amount if heir else entry.amount
        elif entry.kind in (EntryKind.CONSUME.value, EntryKind.REVERSE.value):
            sums["used"][feature] -= entry.amount
        else:
            sums["gone"][feature] -= entry.amount
    for grant in Grant.objects.filter(quantity__isnull=False).select_related("feature"):
        sums["left"][grant.feature.key] += grant.remaining or 0
    return {name: Counter({key: units for key, units in sum_.items() if units}) for name, sum_ in sums.items()}


@pytest.fixture
def story(db: None, clock: Clock, commit: Callable[[], Any]) -> Teller:
    """Noon of 31 January 2026, an empty shop."""
    return Teller(clock, commit)
