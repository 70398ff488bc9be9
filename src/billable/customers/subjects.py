"""Who is meant: every verb takes a Subject, and this file is the only one that looks inside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import connections, models, router
from django.db.models import Case, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from billable import inputs
from billable.conf import knobs
from billable.customers.models import PROVIDER_MAX_LENGTH, Customer, Identity
from billable.db.locks import lock_clause, locked
from billable.db.rows import fetch, select_list
from billable.db.units import start_over, write_alias
from billable.errors import CustomerNotFound, Invalid, InvalidSubject, Retryable

DEFAULT_PROVIDER = "default"
_BIGGEST_INTEGER = 2**63 - 1
TRIES = 20

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class CustomerRef:
    """A customer named from outside: by a user's primary key, by its own id, or by an identity.

    Several references are accepted when they name the same customer.
    """

    user_id: int | str | UUID | None = None
    customer_id: UUID | str | None = None
    provider: str = DEFAULT_PROVIDER
    external_id: str | None = None


Subject = Customer | CustomerRef | models.Model | AnonymousUser
"""A saved user, a Customer or a CustomerRef. Anonymous and unsaved users are accepted by reads, which answer no."""


@dataclass(frozen=True)
class Who:
    """A Subject, taken apart. ``user_is_saved`` says that the caller holds the user itself, not only its key."""

    customer_id: UUID | None = None
    user_id: Any = None
    identity: tuple[str, str] | None = None
    user_is_saved: bool = False

    @property
    def is_anonymous(self) -> bool:
        """Whether it names nobody."""
        return not self.references

    @property
    def references(self) -> int:
        """How many ways it names a customer."""
        return sum(reference is not None for reference in (self.customer_id, self.user_id, self.identity))

    def __str__(self) -> str:
        if self.customer_id is not None:
            return str(self.customer_id)
        if self.identity is not None:
            return ":".join(self.identity)
        return f"of user {self.user_id}"


def user_model() -> type[models.Model]:
    """The model that users are."""
    return apps.get_model(knobs.user_model)


def who(subject: Subject) -> Who:
    """Take a subject apart, without a query. Raises InvalidSubject for anything that is none."""
    if isinstance(subject, Customer):
        return Who(customer_id=subject.pk)
    if isinstance(subject, CustomerRef):
        return _named(subject)
    if isinstance(subject, user_model()):
        return Who() if subject._state.adding or subject.pk is None else Who(user_id=subject.pk, user_is_saved=True)
    if getattr(subject, "is_anonymous", False) is True:
        return Who()
    raise InvalidSubject(
        field="user", problem=f"must be a user, a Customer or a CustomerRef, not {type(subject).__name__}"
    )


def _named(ref: CustomerRef) -> Who:
    if ref.user_id is None and ref.customer_id is None and ref.external_id is None:
        raise InvalidSubject(field="customer", problem="give user_id, customer_id or external_id")
    return Who(
        customer_id=None if ref.customer_id is None else inputs.identifier(ref.customer_id, "customer_id"),
        user_id=None if ref.user_id is None else _user_key(ref.user_id),
        identity=None if ref.external_id is None else identity_key(ref.provider, ref.external_id),
    )


def identity_key(provider: object, external_id: object) -> tuple[str, str]:
    """A clean ``(provider, external_id)``."""
    return (
        inputs.key(provider, "provider", maximum=PROVIDER_MAX_LENGTH),
        inputs.key(external_id, "external_id"),
    )


def _user_key(value: object) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, str, UUID)):
        raise Invalid(field="user_id", problem="must be a user's primary key")
    if isinstance(value, str):
        inputs.key(value, "user_id")
    try:
        clean = user_model()._meta.pk.to_python(value)
    except ValidationError:
        raise Invalid(field="user_id", problem="is not a primary key of the user model") from None
    if isinstance(clean, int) and abs(clean) > _BIGGEST_INTEGER:
        raise Invalid(field="user_id", problem="is out of range")
    return clean


@dataclass(frozen=True)
class Address:
    """Whom a reference names now, and whom it named before a merge: in their books its keys are looked up first."""

    customer_id: UUID
    own_id: UUID


def find_customer_id(person: Who) -> UUID | None:
    """The id of the customer that the references name, or None. Raises Invalid when they name different ones.

    A reference that names nobody yet contradicts nothing.
    """
    address = find_address(person)
    return None if address is None else address.customer_id


def find_address(person: Who) -> Address | None:
    """Where the references lead, or None; of several, the first says whose keys are meant. Raises Invalid."""
    found = [address for address in _lookups(person) if address is not None]
    if len({address.customer_id for address in found}) > 1:
        raise Invalid(field="customer", problem="the references name different customers")
    return found[0] if found else None


def _lookups(person: Who) -> Iterator[Address | None]:
    alias = write_alias()
    if person.customer_id is not None:
        own = "SELECT COALESCE(merged_into_id, id), id FROM billable_customer WHERE id = %s"
        yield _address(alias, own, Customer._meta.pk, person.customer_id)
    if person.user_id is not None:
        link = "SELECT customer_id, merged_from FROM billable_userlink WHERE user_id = %s"
        yield _address(alias, link, user_model()._meta.pk, person.user_id)
    if person.identity is not None:
        identity = "SELECT customer_id, merged_from FROM billable_identity WHERE provider = %s AND external_id = %s"
        yield _address(alias, identity, Identity._meta.get_field("external_id"), *person.identity)


def _address(alias: str, sql: str, field: models.Field[Any, Any], *keys: object) -> Address | None:
    """Where a statement about ``keys``, which are like the values of ``field``, says that a reference leads."""
    customer, params = Customer._meta.pk, [field.get_db_prep_value(key, connections[alias]) for key in keys]
    found = next(fetch(alias, sql, params, (customer, customer)), None)
    return None if found is None else Address(customer_id=found[0], own_id=found[1] or found[0])


def customer_sql(person: Who, alias: str) -> tuple[str, list[Any]]:
    """A SELECT of the id of the customer that a single reference names, for use inside a larger statement."""
    connection = connections[alias]
    if person.customer_id is not None:
        key = Customer._meta.pk.get_db_prep_value(person.customer_id, connection)
        return "SELECT COALESCE(merged_into_id, id) AS id FROM billable_customer WHERE id = %s", [key]
    if person.user_id is not None:
        key = user_model()._meta.pk.get_db_prep_value(person.user_id, connection)
        return "SELECT customer_id AS id FROM billable_userlink WHERE user_id = %s", [key]
    if person.identity is not None:
        sql = "SELECT customer_id AS id FROM billable_identity WHERE provider = %s AND external_id = %s"
        return sql, list(person.identity)
    return "SELECT id FROM billable_customer WHERE 1 = 0", []


def user_sql(person: Who, alias: str) -> tuple[str, list[Any]]:
    """A condition that is true when the subject is a user that exists."""
    if person.user_is_saved:
        return "1 = 1", []
    if person.user_id is None:
        return "1 = 0", []
    if router.db_for_read(user_model()) != alias:
        # Users of another database cannot be joined: they are looked up there, in a statement of their own.
        return ("1 = 1" if user_exists(person) else "1 = 0"), []
    connection, users = connections[alias], user_model()._meta
    table, column = connection.ops.quote_name(users.db_table), connection.ops.quote_name(str(users.pk.column))
    key = users.pk.get_db_prep_value(person.user_id, connection)
    return f"EXISTS (SELECT 1 FROM {table} WHERE {column} = %s)", [key]  # noqa: S608  # names of the user model


def user_exists(person: Who) -> bool:
    """Whether the subject is a user that exists."""
    if person.user_id is None:
        return False
    users = user_model()
    return (
        person.user_is_saved or users._base_manager.using(router.db_for_read(users)).filter(pk=person.user_id).exists()
    )


def lock_customer(subject: Subject) -> Customer:
    """Find the subject's customer and lock its row until the transaction ends.

    This is the one lock that decisions rely on; whatever they read, they read in a statement after it.
    Raises InvalidSubject for an anonymous or unsaved user, CustomerNotFound.
    """
    person = who(subject)
    if person.is_anonymous:
        raise InvalidSubject(field="user", problem="is not a saved user")
    if person.customer_id is not None and person.references == 1:
        return lock_customer_id(person.customer_id)
    address = find_address(person)
    if address is None:
        raise CustomerNotFound(customer=str(person))
    return lock_customer_id(address.own_id)


def lock_customer_id(customer_id: UUID) -> Customer:
    """Lock a customer's row by its id, or the row of the customer that absorbed it. Raises CustomerNotFound.

    ``addressed_id`` of the answer is the id that was asked for.
    """
    # Nobody locks an absorbed row on the way to the one that absorbed it: whoever locks both would wait for us and we
    # for it. Who was absorbed or parted while we waited is followed, from the start if we can give the lock back.
    wanted = customer_id
    for _ in range(TRIES):
        customer = _lock_head(wanted)
        if customer is None:
            raise CustomerNotFound(customer=str(customer_id))
        if _is_head(customer, customer_id):
            customer.addressed_id = customer_id
            return customer
        start_over()
        wanted = customer.merged_into_id or customer_id
    raise Retryable()


def _lock_head(customer_id: UUID) -> Customer | None:
    alias, connection = write_alias(), connections[write_alias()]
    head = "SELECT COALESCE(merged_into_id, id) FROM billable_customer WHERE id = %s"
    sql = f"SELECT {select_list(Customer, 'head')} FROM billable_customer head WHERE id = ({head}){lock_clause(alias)}"  # noqa: S608  # names of models
    found = fetch(alias, sql, [Customer._meta.pk.get_db_prep_value(customer_id, connection)], (Customer,))
    return next((customer for (customer,) in found), None)


def _is_head(customer: Customer, customer_id: UUID) -> bool:
    """Whether a locked customer is the one that is meant by an id: itself, or who absorbed it and still stands so."""
    if customer.merged_into_id is not None or customer.pk == customer_id:
        return customer.merged_into_id is None
    return Customer.objects.using(write_alias()).filter(pk=customer_id, merged_into=customer.pk).exists()


def lock_owner(row: QuerySet[Any]) -> Customer | None:
    """Lock the customer that a row belongs to, or the one that absorbed it, in one statement; None without a row."""
    owner_id = Subquery(row.order_by().values("customer_id")[:1], output_field=models.UUIDField())
    head = Customer.objects.order_by().filter(pk=owner_id).values(head=Coalesce("merged_into_id", "id"))
    customers = locked(Customer.objects.order_by()).filter(pk=Subquery(head)).annotate(owner_id=owner_id)
    customer = customers.first()
    if customer is None or _is_head(customer, customer.owner_id):
        return customer
    start_over()
    return lock_customer_id(customer.owner_id)


def lock_customers(customer_ids: Iterable[UUID]) -> list[Customer]:
    """Lock the rows of several customers, as they are, in ascending order: whoever needs several locks them so."""
    rows = locked(Customer.objects.order_by("pk"))
    return [row for customer_id in sorted(set(customer_ids)) for row in rows.filter(pk=customer_id)]


def family(customer_id: UUID) -> QuerySet[Customer, Any]:
    """The customer and those that it absorbed, as a subquery: whose receipts count as its own."""
    members = Customer.objects.using(write_alias()).order_by()
    return members.filter(Q(pk=customer_id) | Q(merged_into=customer_id)).values("pk")


def family_of(user: Subject) -> QuerySet[Customer, Any]:
    """The family of a subject's customer, as a subquery; nobody's is empty. Raises Invalid, InvalidSubject."""
    person = who(user)
    customer_id = None if person.is_anonymous else find_customer_id(person)
    return Customer.objects.none().values("pk") if customer_id is None else family(customer_id)


def of_family(rows: QuerySet[Row], customer: Customer) -> QuerySet[Row]:
    """The rows that belong to a locked customer or to one that it absorbed; first those of whom the caller named."""
    own = Case(
        When(customer=customer.addressed_id or customer.pk, then=0), When(customer=customer.pk, then=1), default=2
    )
    return rows.filter(customer__in=family(customer.pk)).order_by(own, "pk")
