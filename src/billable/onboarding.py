"""Where customers come from, and the products that every new one gets.

The only place that creates a customer. It stands above the rooms because it touches two: a customer is made in one,
its default products are granted in the other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from django.db import models, transaction
from django.utils.module_loading import import_string

from billable import clock, inputs
from billable.actor import current_actor
from billable.catalog.features import can_be_overdrawn
from billable.catalog.services import default_products
from billable.conf import knobs
from billable.customers.models import Customer, Identity
from billable.customers.services import claim_identity, claim_user, user_id_of
from billable.customers.subjects import (
    CustomerRef,
    Who,
    find_address,
    identity_key,
    lock_customer_id,
    user_exists,
    who,
)
from billable.db.units import unit_of_work, write_alias
from billable.errors import Misconfigured, NotSandbox
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
    is_sandbox: bool


def opens_account(verb: Callable[P, T], admit: Admit, *, subjects: Sequence[str] = ("user",)) -> Callable[P, T]:
    """The same verb, which first makes its subjects customers where ``admit`` says so. One transaction for all of it.

    ``subjects`` are the names of the verb's first parameters, those that say who is meant.
    """

    @unit_of_work
    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        given: dict[str, Any] = {**dict(zip(subjects, args, strict=False)), **kwargs}
        if any(name not in given for name in subjects):
            return verb(*args, **kwargs)  # which says who is missing

        def act() -> T:
            first = [given[name] for name in subjects[: len(args)]]
            named = {name: given[name] for name in kwargs}
            return verb(*first, *args[len(first) :], **named)  # type: ignore[arg-type]  # P, but for the subjects

        new: list[tuple[str, Who]] = []
        for name in subjects:
            person = who(given[name])
            if person.is_anonymous or (person.customer_id is not None and person.references == 1):
                continue
            address = find_address(person)
            if address is not None:
                given[name] = CustomerRef(customer_id=address.own_id)
            elif person.customer_id is None:
                new.append((name, person))
        if not new:
            return act()
        # A savepoint, for this once: when the verb refuses, the accounts that were opened for it must go again.
        with transaction.atomic(using=write_alias()):
            # In one order, whoever comes as what: two who open the same two accounts must not wait in a ring.
            for name, person in sorted(new, key=lambda each: str(each[1])):
                if customer_id := _open(person, admit):
                    given[name] = CustomerRef(customer_id=customer_id)
            return act()

    return run


def _open(person: Who, admit: Admit) -> UUID | None:
    if admit is Admit.USERS_WITH_DEFAULTS and not default_products() and not can_be_overdrawn():
        return None
    if user_exists(person):
        customer_id = new_id()
        link = claim_user(customer_id, person)
        if link.customer_id == customer_id:
            _welcome(customer_id)
        if admit is Admit.ANYBODY and person.identity is not None:
            # Whoever orders by two references means one customer by both, also when the order is repeated.
            claim_identity(link.customer_id, *person.identity, {})
        return link.customer_id
    if admit is Admit.ANYBODY and person.identity is not None and person.user_id is None:
        return identify(*person.identity).customer_id
    return None


@unit_of_work
def identify(
    provider: str, external_id: str, *, profile: Metadata | None = None, sandbox: bool = False
) -> Identification:
    """Find the customer that an identity names, or make one (with a user, where the user factory makes one).

    An identity never takes over an existing user, and one whose user was deleted stays without. A repeat changes
    nothing.

    ``sandbox`` asks for a customer to try things out with, whose clock can be moved: one that is made is of the sandbox
    for good. Raises NotSandbox when it is asked for and the identity names a real customer, Invalid, Misconfigured.
    """
    provider, external_id = identity_key(provider, external_id)
    facts, wanted = inputs.metadata(profile, "profile"), inputs.flag(sandbox, "sandbox")
    factory = _user_factory()
    candidate = new_id()
    identity = claim_identity(candidate, provider, external_id, facts)
    created = identity.customer_id == candidate
    if created:
        user = None if factory is None else factory(provider, external_id, facts)
        user_id = None if user is None else _link(candidate, user)
        customer = _welcome(candidate, is_sandbox=wanted)
    else:
        customer = Customer.objects.using(write_alias()).get(pk=identity.customer_id)
        if wanted and not customer.is_sandbox:
            raise NotSandbox(customer=str(customer.pk))
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
        is_sandbox=customer.is_sandbox,
    )


def _user_factory() -> Callable[[str, str, dict[str, Any]], models.Model | None] | None:
    path = knobs.user_factory
    if path is None:
        return None
    try:
        factory: Callable[[str, str, dict[str, Any]], models.Model | None] = import_string(path)
    except ImportError as error:
        raise Misconfigured(setting="BILLABLE_USER_FACTORY", problem=f"cannot import {path!r}") from error
    return factory


def _link(customer_id: UUID, user: models.Model) -> Any:
    """Link the user that a factory made; its primary key, or None when it is another customer's."""
    link = claim_user(customer_id, Who(user_id=user.pk, user_is_saved=True))
    return link.user_id if link.customer_id == customer_id else None


def _welcome(customer_id: UUID, *, is_sandbox: bool = False) -> Customer:
    # The claim (the link or the identity) was written first and is unique, so nobody else makes this customer.
    Customer.objects.using(write_alias()).bulk_create(
        [Customer(pk=customer_id, is_sandbox=is_sandbox, actor=current_actor(), created_at=clock.now())]
    )
    customer = lock_customer_id(customer_id)
    emit("customer.created", customer=customer)
    grant_defaults(customer, default_products())
    return customer
