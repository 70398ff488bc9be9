"""Where customers come from, and the products that every new one gets.

The only place that creates a customer. It stands above the rooms because it touches two: a customer is made in one,
its default products are granted in the other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from django.utils.module_loading import import_string

from billable import clock, inputs
from billable.actor import current_actor
from billable.catalog.services import default_products
from billable.conf import knobs
from billable.customers.models import Customer, Identity
from billable.customers.services import claim_identity, claim_user, user_id_of
from billable.customers.subjects import (
    CustomerRef,
    Subject,
    Who,
    find_customer_id,
    identity_key,
    lock_customer_id,
    user_exists,
    who,
)
from billable.db.units import unit_of_work, write_alias
from billable.errors import Misconfigured
from billable.ids import new_id
from billable.inputs import Metadata
from billable.quota.grant import grant_defaults
from billable.signals import emit

P = ParamSpec("P")
T = TypeVar("T")


class Admit(str, Enum):
    """For whom a verb makes a customer when there is none."""

    USERS = "users"
    USERS_WITH_DEFAULTS = "users with defaults"
    ANYBODY = "anybody"


@dataclass(frozen=True, kw_only=True)
class Identification:
    """The answer of identify. ``user_id`` is None when the customer has no user; ``created`` says it is new."""

    customer: Customer
    customer_id: UUID
    user_id: Any
    provider: str
    external_id: str
    created: bool
    profile: dict[str, Any]


def opens_account(verb: Callable[P, T], admit: Admit) -> Callable[P, T]:
    """The same verb, which first makes the subject a customer where ``admit`` says so. One transaction for both."""

    @unit_of_work
    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if "user" in kwargs:
            kwargs["user"] = _admitted(kwargs["user"], admit)  # type: ignore[arg-type]
            return verb(*args, **kwargs)
        subject, *others = args
        return verb(_admitted(subject, admit), *others, **kwargs)  # type: ignore[arg-type]

    return run


def _admitted(subject: Subject, admit: Admit) -> Subject:
    person = who(subject)
    if person.is_anonymous or (person.customer_id is not None and person.references == 1):
        return subject
    customer_id = find_customer_id(person)
    if customer_id is None and person.customer_id is None:
        customer_id = _open(person, admit)
    return subject if customer_id is None else CustomerRef(customer_id=customer_id)


def _open(person: Who, admit: Admit) -> UUID | None:
    if admit is Admit.USERS_WITH_DEFAULTS and not default_products():
        return None
    if user_exists(person):
        customer_id = new_id()
        link = claim_user(customer_id, person)
        if link.customer_id == customer_id:
            _welcome(customer_id)
        return link.customer_id
    if admit is Admit.ANYBODY and person.identity is not None and person.user_id is None:
        return identify(*person.identity).customer_id
    return None


@unit_of_work
def identify(provider: str, external_id: str, *, profile: Metadata | None = None) -> Identification:
    """Find the customer that an identity names, or make one (with a user, where the user factory makes one).

    An identity never takes over an existing user, and one whose user was deleted stays without. A repeat changes
    nothing. Raises Invalid, Misconfigured.
    """
    provider, external_id = identity_key(provider, external_id)
    facts = inputs.metadata(profile, "profile")
    candidate = new_id()
    identity = claim_identity(candidate, provider, external_id, facts)
    created = identity.customer_id == candidate
    if created:
        user_id = _user_for(candidate, provider, external_id, facts)
        customer = _welcome(candidate)
    else:
        customer = Customer.objects.using(write_alias()).get(pk=identity.customer_id)
        user_id = user_id_of(customer)
    return _identification(identity, customer, user_id, created)


def _identification(identity: Identity, customer: Customer, user_id: Any, created: bool) -> Identification:
    return Identification(
        customer=customer,
        customer_id=customer.pk,
        user_id=user_id,
        provider=identity.provider,
        external_id=identity.external_id,
        created=created,
        profile=identity.profile,
    )


def _user_for(customer_id: UUID, provider: str, external_id: str, profile: dict[str, Any]) -> Any:
    """Let the factory make a user and link it; its primary key, or None."""
    path = knobs.user_factory
    if path is None:
        return None
    try:
        factory = import_string(path)
    except ImportError as error:
        raise Misconfigured(setting="BILLABLE_USER_FACTORY", problem=f"cannot import {path!r}") from error
    user = factory(provider, external_id, profile)
    if user is None:
        return None
    link = claim_user(customer_id, Who(user_id=user.pk, user_is_saved=True))
    # A factory that hands out a user of another customer does not bring that customer along.
    return link.user_id if link.customer_id == customer_id else None


def _welcome(customer_id: UUID) -> Customer:
    # The claim (the link or the identity) was written first and is unique, so nobody else makes this customer.
    Customer.objects.using(write_alias()).bulk_create(
        [Customer(pk=customer_id, actor=current_actor(), created_at=clock.now())]
    )
    customer = lock_customer_id(customer_id)
    emit("customer.created", customer=customer)
    grant_defaults(customer, default_products())
    return customer
