"""check: may this customer use this feature? One statement, no write, never raises for who or what is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from billable import inputs
from billable.catalog.kinds import ValueType
from billable.catalog.models import Product
from billable.catalog.services import offers_for
from billable.customers.subjects import Subject, who
from billable.quota import burn, standing
from billable.quota.caps import CapState
from billable.quota.entitlements import Value, entitlement_of

SHOWN_GRANTS = 20

_MESSAGES = {
    "allowed": "Allowed.",
    "anonymous": "Sign in first.",
    "unknown_customer": "There is no such customer.",
    "unknown_feature": "There is no such feature.",
    "no_grant": "Nothing that was bought includes this feature.",
    "exhausted": "Not enough units are left.",
    "expired": "The units of this feature have expired.",
    "cap_reached": "At most {cap.quantity} {cap.feature} in {cap.period} may be used; {cap.used} are.",
    "over_limit": "The limit is lower.",
}


@dataclass(frozen=True, kw_only=True)
class GrantSummary:
    """One usable grant, as check explains it. ``remaining`` None is unlimited, ``expires_at`` None is never.

    ``available`` is what it gives now: of what remains, no more than its ``cap`` (None: it has none) lets out.
    ``value`` is what one of a static feature reads. ``grant_id`` is None for what only the next write will write down:
    a default product, or a new period of an allowance.
    """

    grant_id: UUID | None
    feature: str
    product_sku: str | None
    source: str
    remaining: int | None
    available: int | None
    cap: CapState | None
    value: Value | None
    expires_at: datetime | None


class QuotaCheck(tuple[bool, str, "Product | None", "int | None"]):
    """The answer of check: a tuple ``(allowed, message, product, balance)`` whose truth is ``allowed``.

    ``code`` is ``allowed``, ``anonymous``, ``unknown_customer``, ``unknown_feature``, ``no_grant``, ``exhausted``,
    ``expired``, ``cap_reached`` (units are left, but ``cap``, the one that resets first, lets out no more now) or
    ``over_limit``. ``balance`` None is unlimited. ``product`` is the product of the first grant in burn order.
    ``grants`` are the first 20 usable grants in burn order, ``grant_count`` how many there are. ``expires_at`` is when
    the first of them expires, ``next_reset_at`` when an allowance gives units anew. ``offers`` are the products on sale
    that would help; it alone runs a query, when read.

    The balance is negative where more was used than was there; ``allowed`` says whether still more may be.

    A static feature is allowed when its ``value`` is neither false nor 0, a limit for no more than it says; the balance
    is the limit then, and None of a flag or a text. ``value`` is None of a metered feature, ``cap`` when none keeps
    units back.
    """

    feature: str
    code: str
    grants: tuple[GrantSummary, ...]
    grant_count: int
    expires_at: datetime | None
    next_reset_at: datetime | None
    cap: CapState | None
    value: Value | None

    @classmethod
    def no(cls, feature: str, code: str, balance: int = 0) -> QuotaCheck:
        """An answer that names no grant."""
        return cls._of(feature, code, None, balance, ())

    @classmethod
    def _of(
        cls,
        feature: str,
        code: str,
        product: Product | None,
        balance: int | None,
        grants: Sequence[GrantSummary],
        cap: CapState | None = None,
        value: Value | None = None,
    ) -> QuotaCheck:
        check = cls((code == "allowed", _MESSAGES[code].format(cap=cap), product, balance))
        check.feature, check.code, check.cap, check.value = feature, code, cap, value
        check.grants, check.grant_count = tuple(grants[:SHOWN_GRANTS]), len(grants)
        check.next_reset_at = None
        check.expires_at = min((grant.expires_at for grant in grants if grant.expires_at), default=None)
        return check

    @classmethod
    def of(cls, standing: standing.Standing, quantity: int, sku: str | None) -> QuotaCheck:
        """The answer that a standing gives."""
        usable, feature = standing.usable(sku), standing.feature
        grants = [_summary(standing, each) for each in usable]
        product = standing.grants[usable[0].id].product if usable else None
        if feature.is_static:
            value = entitlement_of(standing, sku).value
            balance = balance_of(value)
            code = _static_code(standing, value, quantity, sku)
            return cls._of(feature.key, code, product, balance, grants, value=value)
        allowed = standing.pay(quantity, sku, overdraw=True) is not None
        code = "allowed" if allowed else standing.shortage(quantity, sku)
        check = cls._of(feature.key, code, product, standing.balance(sku), grants, standing.narrowest(sku))
        check.next_reset_at = standing.next_reset_at
        return check

    def __bool__(self) -> bool:
        return self.allowed

    def __repr__(self) -> str:
        return f"<QuotaCheck {self.feature}: {self.code}, balance {'unlimited' if self[3] is None else self[3]}>"

    @property
    def allowed(self) -> bool:
        """Whether the whole quantity may be consumed now."""
        return self[0]

    @property
    def message(self) -> str:
        """One sentence for a person."""
        return self[1]

    @property
    def product(self) -> Product | None:
        """The product of the first grant in burn order."""
        return self[2]

    @property
    def balance(self) -> int | None:
        """How many units could be consumed now; None is unlimited."""
        return self[3]

    @cached_property
    def offers(self) -> tuple[Product, ...]:
        """The products on sale that give the feature, or one that it can be paid from. Runs a query when first read."""
        return offers_for(self.feature)


def balance_of(value: Value | None) -> int | None:
    """What a static feature has instead of a balance: its limit, nothing, or no end."""
    if not value:
        return 0
    return value if ValueType.of(value) is ValueType.LIMIT else None  # type: ignore[return-value]  # so it is one


def _static_code(found: standing.Standing, value: Value | None, quantity: int, sku: str | None) -> str:
    balance = balance_of(value)
    if balance is None or quantity <= balance:
        return "allowed"
    if value:
        return "over_limit"
    return "no_grant" if value is not None else found.shortage(quantity, sku)


def _summary(found: standing.Standing, given: burn.Open) -> GrantSummary:
    grant = found.grants[given.id]
    return GrantSummary(
        grant_id=None if grant._state.adding else grant.pk,
        feature=grant.feature.key,
        product_sku=grant.product.sku if grant.product else None,
        source=grant.source,
        remaining=given.remaining,
        available=given.available,
        cap=found.cap_of(grant.pk),
        value=grant.value,
        expires_at=grant.expires_at,
    )


def check(user: Subject, feature: str, *, quantity: int = 1, sku: str | None = None) -> QuotaCheck:
    """Whether ``user`` may use ``quantity`` units of ``feature`` now; ``sku`` narrows to grants of one product.

    ``feature`` is a feature's key, or the SKU of a product that has exactly one.

    ``if check_quota(user, "pdf_export"):`` is right. Writes nothing. An unknown or anonymous user and an unknown
    feature are a "no" with a code. Raises Invalid, InvalidSubject, AmbiguousSku for input that can never be right.
    """
    inputs.whole(quantity, "quantity")
    product_sku = None if sku is None else inputs.name(sku, "sku")
    person, name = who(user), inputs.known_name(feature)
    asked = feature if isinstance(feature, str) else ""
    if person.is_anonymous:
        return QuotaCheck.no(asked, "anonymous")
    if name is None:
        return QuotaCheck.no(asked, "unknown_feature")
    reading = standing.read(person, name)
    if reading.customer is None and not reading.user_exists:
        return QuotaCheck.no(name, "unknown_customer")
    if not reading.standings:
        return QuotaCheck.no(name, "unknown_feature")
    return QuotaCheck.of(standing.only(reading, name), quantity, product_sku)
