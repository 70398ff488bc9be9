"""Privacy: what of a customer is personal data, and how it is erased while the books stay.

Above the rooms, because personal data may stand in the receipts of each: in the columns that are named here, and
nowhere else. That is why those columns are the ones that append-only tables allow to be emptied.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Model, Q

from billable import clock, inputs
from billable.actor import current_actor
from billable.customers.models import Customer, Identity, Merge, UserLink
from billable.customers.services import refuse_anonymized
from billable.customers.subjects import Subject, family, lock_customer
from billable.db.append_only import PROTECTED
from billable.db.units import unit_of_work, write_alias
from billable.signals import emit

# Where people may write what they like about somebody, and what is there when they wrote nothing.
_EMPTY: dict[str, Any] = {
    "metadata": {},
    "profile": {},
    "billing_details": {},
    "notices": [],
    "reason": "",
    "ended_reason": "",
}


@unit_of_work
def anonymize_customer(user: Subject, *, reason: str = "") -> Customer:
    """Erase the personal data of a customer, and of those that it absorbed, for good. The books stay.

    Identities and links to users are deleted, so nobody is recognised as this customer any more; an identity may come
    back as somebody new. Metadata, reasons, billing details and late payment notices are emptied. Ledger, amounts and
    issued invoices stay. ``reason`` is kept: say why, not who.

    Raises CustomerNotFound, AlreadyAnonymized, Invalid.
    """
    why = inputs.text(reason, "reason")
    customer = lock_customer(user)
    refuse_anonymized(customer)
    alias, members = write_alias(), set(family(customer.pk).values_list("pk", flat=True))
    Identity.objects.using(alias).filter(customer__in=members).delete()
    UserLink.objects.using(alias).filter(customer__in=members).delete()
    for merge in Merge.objects.using(alias).filter(Q(customer__in=members) | Q(absorbed__in=members)):
        merge.moved = {**merge.moved, "identities": [], "users": []}
        merge.save(using=alias, update_fields=["moved"])
    for model, column in personal_columns():
        _empty(model, column, members)
    said = {"anonymized_at": clock.now(), "anonymized_by": current_actor(), "anonymized_reason": why}
    Customer.objects.using(alias).filter(pk__in=members).update(**said)
    customer.refresh_from_db(using=alias)
    emit("customer.anonymized", customer=customer)
    return customer


def personal_columns() -> Iterator[tuple[type[Model], str]]:
    """Every column in which personal data of a customer may stand, by its table."""
    frozen = {each.model: each.erasable for each in PROTECTED}
    for model in apps.get_app_config("billable").get_models():
        columns = {field.name for field in model._meta.concrete_fields}
        if model is Customer or "customer" in columns:
            erasable = frozen.get(model.__name__, _EMPTY)
            yield from ((model, column) for column in _EMPTY if column in columns and column in erasable)


def _empty(model: type[Model], column: str, members: set[UUID]) -> None:
    rows = model._base_manager.using(write_alias()).filter(_about(model, members))
    rows.exclude(**{column: _EMPTY[column]}).update(**{column: _EMPTY[column]})


def _about(model: type[Model], members: set[UUID]) -> Q:
    """Their own rows, and those that name them as the other side: what is said of a referral is said of both."""
    if model is Customer:
        return Q(pk__in=members)
    sides = [field.name for field in model._meta.concrete_fields if field.related_model is Customer]
    return Q(*((f"{side}__in", members) for side in sides), _connector=Q.OR)
