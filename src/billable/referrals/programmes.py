"""Verbs of referral programmes. What a programme gives and what earns it never change: they were promised."""

from __future__ import annotations

from types import EllipsisType

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from billable import inputs
from billable.catalog.models import Product
from billable.catalog.services import get_product
from billable.db.locks import locked
from billable.db.units import unit_of_work, write_alias
from billable.errors import Invalid, NotForSale, ProgrammeNotFound, ProgrammeTaken
from billable.inputs import Metadata
from billable.quota.grant import lines_of
from billable.referrals.kinds import ReferralTrigger
from billable.referrals.models import ReferralProgramme

MAX_HOLD_DAYS = 3650
MAX_CAP = 10**6


@unit_of_work
def create_programme(
    key: str,
    *,
    name: str = "",
    referrer_product: str | None = None,
    referee_product: str | None = None,
    trigger: str = ReferralTrigger.ON_FIRST_PAYMENT.value,
    hold_days: int = 0,
    cap_per_referrer: int | None = None,
    metadata: Metadata | None = None,
) -> ReferralProgramme:
    """Start a referral programme: which product each side gets (a SKU; None: nothing), and what earns it.

    ``trigger`` is ``on_first_payment`` (the referee's first paid order of more than 0) or ``on_signup`` (the referral
    itself). The reward waits ``hold_days`` after that. A referrer gets at most ``cap_per_referrer`` rewards (None: any
    number). Raises ProductNotFound, NotForSale (inactive, a trial, or nothing to give), ProgrammeTaken, Invalid.
    """
    programme = ReferralProgramme(
        key=inputs.name(key, "key"),
        name=inputs.text(name, "name", maximum=200),
        referrer_product=_reward(referrer_product, "referrer_product"),
        referee_product=_reward(referee_product, "referee_product"),
        trigger=_trigger(trigger),
        hold_days=_days(hold_days),
        cap_per_referrer=None if cap_per_referrer is None else _cap(cap_per_referrer),
        metadata=inputs.metadata(metadata),
    )
    try:
        # A savepoint: somebody may take the key in the same moment, and the caller's transaction must survive it.
        with transaction.atomic(using=write_alias()):
            programme.save(using=write_alias(), force_insert=True)
    except IntegrityError:
        raise ProgrammeTaken(programme=programme.key) from None
    return programme


@unit_of_work
def update_programme(
    key: str,
    *,
    name: str | None = None,
    is_active: bool | None = None,
    hold_days: int | None = None,
    cap_per_referrer: int | EllipsisType | None = ...,
    metadata: Metadata | None = None,
) -> ReferralProgramme:
    """Change a programme; None leaves a part as it is, of the cap ``...`` does: None takes it away.

    For other products or another trigger, start another programme. An inactive programme takes no new referrals and
    keeps its word about the old ones. ``hold_days`` counts for what is earned from now on. The cap can be raised and
    taken away, never lowered. Raises ProgrammeNotFound, Invalid.
    """
    locked(ReferralProgramme.objects.filter(key=inputs.name(key, "key"))).first()
    programme = get_programme(key)
    if cap_per_referrer is not ...:
        programme.cap_per_referrer = _raised(programme.cap_per_referrer, cap_per_referrer)
    if name is not None:
        programme.name = inputs.text(name, "name", maximum=200)
    if hold_days is not None:
        programme.hold_days = _days(hold_days)
    if metadata is not None:
        programme.metadata = inputs.metadata(metadata)
    programme.is_active = programme.is_active if is_active is None else inputs.flag(is_active, "is_active")
    programme.save(using=write_alias())
    return programme


def get_programme(key: str) -> ReferralProgramme:
    """One programme with its products loaded. Raises ProgrammeNotFound, Invalid."""
    programme = _programmes().filter(key=inputs.name(key, "programme")).first()
    if programme is None:
        raise ProgrammeNotFound(programme=key)
    return programme


def list_programmes(*, include_inactive: bool = False) -> tuple[ReferralProgramme, ...]:
    """The programmes by key, with their products loaded."""
    return tuple(_programmes() if include_inactive else _programmes().filter(is_active=True))


def choose(key: str | None) -> ReferralProgramme | None:
    """The programme that a referral is under: the one named, else the only active one, else none.

    Raises ProgrammeNotFound, Invalid when the one named is not active, or none is named of several.
    """
    if key is not None:
        programme = get_programme(key)
        if not programme.is_active:
            raise Invalid(field="programme", problem=f"{programme.key!r} is not active")
        return programme
    active = list_programmes()
    if len(active) > 1:
        keys = ", ".join(programme.key for programme in active)
        raise Invalid(field="programme", problem=f"must be named, several are active: {keys}")
    return active[0] if active else None


def _programmes() -> QuerySet[ReferralProgramme]:
    programmes = ReferralProgramme.objects.using(write_alias())
    return programmes.select_related("referrer_product", "referee_product").order_by("key")


def _reward(sku: str | None, field: str) -> Product | None:
    if sku is None:
        return None
    product = get_product(inputs.name(sku, field))
    if not product.is_active or product.is_trial:
        state = "not active" if not product.is_active else "a trial"
        raise NotForSale(field=field, problem=f"the product {product.sku!r} is {state}")
    if not lines_of(product):
        raise NotForSale(field=field, problem=f"the product {product.sku!r} has no features")
    return product


def _trigger(trigger: object) -> str:
    known = [each.value for each in ReferralTrigger]
    if trigger not in known:
        raise Invalid(field="trigger", problem=f"must be {' or '.join(known)}")
    return str(ReferralTrigger(trigger).value)


def _days(hold_days: object) -> int:
    return inputs.whole(hold_days, "hold_days", minimum=0, maximum=MAX_HOLD_DAYS)


def _raised(standing: int | None, cap_per_referrer: object) -> int | None:
    if cap_per_referrer is None:
        return None
    cap = _cap(cap_per_referrer)
    if standing is None or cap < standing:
        raise Invalid(field="cap_per_referrer", problem="can only be raised or taken away: rewards were given under it")
    return cap


def _cap(cap_per_referrer: object) -> int:
    return inputs.whole(cap_per_referrer, "cap_per_referrer", maximum=MAX_CAP)
