"""Every constraint is violated on purpose, on the database itself: the verbs are not asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import (
    AutoField,
    BaseConstraint,
    BigAutoField,
    CheckConstraint,
    Field,
    Model,
    PositiveIntegerField,
    PositiveSmallIntegerField,
    UniqueConstraint,
    UUIDField,
)

from billable.models import Dispute, Exchange, Hold, Identity, Order, PaymentClaim, Refund, Usage
from tests.migrations.rows import Rows, one_row_of_every_table, tables, twin
from tests.migrations.violations import CHECKS, UNIQUES

pytestmark = pytest.mark.django_db

BREAKING = [
    pytest.param(name, model, change, id=f"{name}: {', '.join(map(str, change))}-{number}")
    for name, (model, changes) in CHECKS.items()
    for number, change in enumerate(changes, start=1)
]
UNSIGNED = [
    pytest.param(model, field.name, id=f"{model._meta.model_name}.{field.name}")
    for model in tables()
    for field in model._meta.concrete_fields
    if isinstance(field, (PositiveIntegerField, PositiveSmallIntegerField))
]


@pytest.fixture
def rows() -> Rows:
    return one_row_of_every_table()


def test_one_valid_row_of_every_table_is_accepted(rows: Rows) -> None:
    assert set(rows) == set(tables())


@pytest.mark.parametrize(("name", "model", "change"), BREAKING)
def test_the_database_refuses_what_a_check_forbids(
    rows: Rows, name: str, model: type[Model], change: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        model._base_manager.filter(pk=rows[model].pk).update(**change)
    assert broken(refusal.value) == name


@pytest.mark.parametrize("name", UNIQUES)
def test_the_database_refuses_a_second_row_under_one_key(rows: Rows, name: str) -> None:
    model, change = UNIQUES[name]
    second = twin(rows[model], **{field: value() if callable(value) else value for field, value in change.items()})
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        second.save(force_insert=True)
    assert broken(refusal.value) == expected(name, model)


@pytest.mark.parametrize(("model", "field"), UNSIGNED)
def test_the_database_refuses_a_negative_count(rows: Rows, model: type[Model], field: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        model._base_manager.filter(pk=rows[model].pk).update(**{field: -1})


@pytest.mark.parametrize("model", [Order, Usage, Hold])
def test_rows_without_an_idempotency_key_never_collide(rows: Rows, model: type[Model]) -> None:
    for _ in range(2):
        twin(rows[model], idempotency_key=None).save(force_insert=True)
    assert model._base_manager.filter(idempotency_key=None).count() == 2


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (Identity, "external_id"),
        (Usage, "idempotency_key"),
        (PaymentClaim, "payment_id"),
        (Refund, "refund_id"),
        (Dispute, "dispute_id"),
        (Exchange, "idempotency_key"),
    ],
)
def test_keys_are_compared_byte_for_byte(rows: Rows, model: type[Model], field: str) -> None:
    for value in ("straße", "STRASSE", "strasse", "Straße", "é", "e\u0301", "key", "key "):
        twin(rows[model], **{field: value}).save(force_insert=True)
        assert model._base_manager.filter(**{field: value}).count() == 1


def test_every_constraint_of_the_models_is_violated_on_purpose() -> None:
    declared = {constraint.name: constraint for model in tables() for constraint in model._meta.constraints}
    keys = {
        f"{model._meta.db_table}.{field.column}"
        for model in tables()
        for field in model._meta.concrete_fields
        if field.unique and not isinstance(field, (AutoField, BigAutoField, UUIDField))
    }
    checks = {name for name, constraint in declared.items() if isinstance(constraint, CheckConstraint)}
    assert set(CHECKS) == checks
    assert set(UNIQUES) == set(declared) - checks | keys


def test_no_unique_constraint_is_conditional() -> None:
    constraints = [each for model in tables() for each in model._meta.constraints]
    assert not [each.name for each in constraints if getattr(each, "condition", None) and unique(each)]


def unique(constraint: BaseConstraint) -> bool:
    return isinstance(constraint, UniqueConstraint)


def broken(error: IntegrityError) -> str:
    """The constraint that the database names: by its name, or SQLite's unique ones by table and columns."""
    cause: Any = error.__cause__
    if connection.vendor == "postgresql":
        return str(cause.diag.constraint_name)
    return str(cause).split("constraint failed: ", 1)[1]


def expected(name: str, model: type[Model]) -> str:
    """How the running database names a unique constraint."""
    declared = {each.name: each for each in model._meta.constraints if isinstance(each, UniqueConstraint)}
    table = model._meta.db_table
    columns = (
        [column_of(model, field) for field in declared[name].fields]
        if name in declared
        else [name.removeprefix(f"{table}.")]
    )
    if connection.vendor == "sqlite":
        return ", ".join(f"{table}.{column}" for column in columns)
    if name in declared:
        return name
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    return next(key for key, facts in found.items() if facts["unique"] and facts["columns"] == columns)


def column_of(model: type[Model], field: str) -> str:
    found = model._meta.get_field(field)
    assert isinstance(found, Field)
    return str(found.column)
