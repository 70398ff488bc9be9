"""Verbs of the customers room. What creates a customer is above the rooms, in ``billable.onboarding``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypedDict

from django.db.models import DateTimeField, F, Q, QuerySet, Value

from billable import clock, inputs
from billable.actor import current_actor
from billable.customers.models import Customer, Identity, UserLink
from billable.customers.subjects import (
    TRIES,
    Row,
    Subject,
    Who,
    find_customer_id,
    identity_key,
    lock_customer,
    user_exists,
    who,
)
from billable.db.instants import Moved
from billable.db.units import unit_of_work, write_alias
from billable.errors import (
    AlreadyAnonymized,
    CustomerNotFound,
    IdentityTaken,
    Invalid,
    InvalidSubject,
    Retryable,
    UserTaken,
)
from billable.inputs import Metadata
from billable.signals import emit

# The longest text of each billing detail, in characters.
_BILLING_DETAILS = {"name": 200, "address": 500, "email": 254, "country": 100, "tax_id": 64}


class BillingDetails(TypedDict, total=False):
    """Who invoices are made out to. Every text may be left out; ``address`` may have several lines."""

    name: str
    address: str
    email: str
    country: str
    tax_id: str


def now_for(customer: Customer | None, present: datetime | None = None) -> datetime:
    """The instant that a decision about this customer is made at, when it is ``present`` (None: now) for everybody."""
    present = present or clock.now()
    return present if customer is None else present + timedelta(seconds=customer.clock_offset_seconds)


def due_for(comparison: str, present: datetime | None = None, *, customer: str = "customer__") -> Q:
    """A condition that compares an instant of a row with the clock of the row's customer: ``due_at__lte``.

    ``customer`` leads from the row to its customer. Of real customers it is a comparison with a constant, which an
    index answers; ``present`` is what time it is for them (None: now).
    """
    common = Value(present or clock.now(), output_field=DateTimeField())
    own = Moved(common, F(f"{customer}clock_offset_seconds"))
    real = Q(**{f"{customer}is_sandbox": False, comparison: common})
    return real | Q(**{f"{customer}is_sandbox": True, comparison: own})


def apart(rows: QuerySet[Row], sandbox: bool | None) -> QuerySet[Row]:
    """The rows of sandbox customers (True), of real ones (False), or of both (None). Raises Invalid."""
    return rows if sandbox is None else rows.filter(customer__is_sandbox=inputs.flag(sandbox, "sandbox"))


def find_customer(user: Subject) -> Customer | None:
    """The customer of a subject, or None when there is none (yet)."""
    customer_id = find_customer_id(who(user))
    return None if customer_id is None else Customer.objects.using(write_alias()).get(pk=customer_id)


def get_customer(user: Subject) -> Customer:
    """The customer of a subject. Raises CustomerNotFound."""
    customer = find_customer(user)
    if customer is None:
        raise CustomerNotFound(customer=str(who(user)))
    return customer


def refuse_anonymized(customer: Customer) -> None:
    """Nobody may become known again as a customer that was anonymized. Raises AlreadyAnonymized."""
    if customer.anonymized_at is not None:
        raise AlreadyAnonymized(customer=str(customer.pk))


@unit_of_work
def link_identity(user: Subject, provider: str, external_id: str, *, profile: Metadata | None = None) -> Identity:
    """Make an identity name this customer too. A repeat changes nothing.

    Raises CustomerNotFound, AlreadyAnonymized, IdentityTaken when it names another customer.
    """
    provider, external_id = identity_key(provider, external_id)
    facts = inputs.metadata(profile, "profile")
    customer = lock_customer(user)
    refuse_anonymized(customer)
    identity = claim_identity(customer.pk, provider, external_id, facts)
    if identity.customer_id != customer.pk:
        raise IdentityTaken(provider=provider, external_id=external_id)
    return identity


def claim_identity(customer_id: Any, provider: str, external_id: str, profile: dict[str, Any]) -> Identity:
    """Claim an identity for a customer unless somebody has it; the row as it stands afterwards."""
    identities = Identity.objects.using(write_alias())
    existing = identities.filter(provider=provider, external_id=external_id).first()
    if existing is not None:
        return existing
    mine = Identity(
        customer_id=customer_id,
        provider=provider,
        external_id=external_id,
        profile=profile,
        actor=current_actor(),
        created_at=clock.now(),
    )
    standing = _claimed(identities, mine, provider=provider, external_id=external_id)
    if standing.pk == mine.pk:
        emit("identity.linked", identity=standing)
    return standing


@unit_of_work
def link_user(customer: Subject, user: Subject) -> UserLink:
    """Let a user act for a customer, beside the users that already do. A repeat changes nothing.

    Raises CustomerNotFound, AlreadyAnonymized, InvalidSubject, UserTaken when the user belongs to another customer.
    """
    person = who(user)
    if not user_exists(person):
        raise InvalidSubject(field="user", problem="must be a saved user")
    locked = lock_customer(customer)
    refuse_anonymized(locked)
    link = claim_user(locked.pk, person)
    if link.customer_id != locked.pk:
        raise UserTaken(user_id=str(person.user_id))
    return link


def claim_user(customer_id: Any, person: Who) -> UserLink:
    """Claim a user for a customer unless another has it; the row as it stands afterwards."""
    links = UserLink.objects.using(write_alias())
    mine = UserLink(user_id=person.user_id, customer_id=customer_id, actor=current_actor(), created_at=clock.now())
    return _claimed(links, mine, user=person.user_id)


def _claimed(rows: QuerySet[Row], mine: Row, **key: Any) -> Row:
    """Insert a row unless its key is taken; the row that has the key. Raises Retryable."""
    for _ in range(TRIES):
        rows.bulk_create([mine], ignore_conflicts=True)
        if standing := rows.filter(**key).first():
            return standing
        # Whoever had it was anonymized, or deleted by the host, since we met it.
    raise Retryable()


def user_id_of(customer: Customer) -> Any:
    """The primary key of the user that was linked first, or None."""
    links = UserLink.objects.using(write_alias()).filter(customer=customer).order_by("created_at", "user")
    return links.values_list("user_id", flat=True).first()


@unit_of_work
def set_billing_details(user: Subject, details: BillingDetails | None) -> Customer:
    """Say whom invoices of a customer are made out to from now on. It replaces what was said before; None empties it.

    Invoices that were issued keep what they say. Raises CustomerNotFound, AlreadyAnonymized, Invalid for a field that
    is none, is no text or is too long.
    """
    clean = _billing_details(details)
    customer = lock_customer(user)
    refuse_anonymized(customer)
    if customer.billing_details != clean:
        customer.billing_details = clean
        Customer.objects.using(write_alias()).filter(pk=customer.pk).update(billing_details=clean)
    return customer


def _billing_details(details: object) -> dict[str, str]:
    if details is None:
        return {}
    if not isinstance(details, Mapping):
        raise Invalid(field="details", problem="must be an object")
    for name in details:
        if name not in _BILLING_DETAILS:
            raise Invalid(field=f"details.{name}"[:100], problem=f"is none of {', '.join(_BILLING_DETAILS)}")
    given = {
        name: inputs.text(details[name], f"details.{name}", maximum=longest).strip()
        for name, longest in _BILLING_DETAILS.items()
        if name in details
    }
    return {name: text for name, text in given.items() if text}
