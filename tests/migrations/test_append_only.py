"""The append-only triggers, on the running database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction

from billable import checks
from billable.db import append_only
from billable.models import (
    Adjustment,
    AlertNotice,
    Allowance,
    Customer,
    ExpiryNotice,
    Invoice,
    InvoiceLine,
    LedgerEntry,
    Refund,
    RefundGrant,
    RefundItem,
    Usage,
)
from billable.services import QuotaService
from tests.migrations.rows import NOW, Rows, one_row_of_every_table

# Column → what it may become although the table is append-only.
ERASABLE: dict[type[models.Model], dict[str, Any]] = {
    LedgerEntry: {},
    Usage: {"metadata": {}},
    Adjustment: {"metadata": {}, "reason": ""},
    Refund: {"metadata": {}, "reason": ""},
    RefundItem: {},
    RefundGrant: {},
    AlertNotice: {},
    ExpiryNotice: {},
    Invoice: {},
    InvoiceLine: {},
}
PROTECTED = list(ERASABLE)
TABLES = [model._meta.db_table for model in PROTECTED]
KEYS = [
    pytest.param(each, key, id=f"{each.model}: {', '.join(key)}") for each in append_only.PROTECTED for key in each.keys
]
COLUMNS = [pytest.param(model, field.name) for model in PROTECTED for field in model._meta.concrete_fields]


@pytest.fixture
def rows(db: None) -> Rows:
    rows = one_row_of_every_table()
    Usage.objects.update(metadata={"email": "anna@example.com"})
    Adjustment.objects.update(metadata={"email": "anna@example.com"})
    Refund.objects.update(metadata={"email": "anna@example.com"}, reason="anna@example.com asked for it")
    return rows


@pytest.fixture
def triggers(rows: Rows, settings: Any) -> Iterator[None]:
    settings.BILLABLE_APPEND_ONLY = "on"
    append_only.install("default")
    yield
    append_only.remove("default")


def another_value(row: models.Model, field: str) -> Any:
    """A value of the right type that is not the one that stands there, and breaks no constraint."""
    column: Any = row._meta.get_field(field)
    old = getattr(row, field)
    if column.is_relation:
        # Triggers speak before foreign keys are looked at, and of some there are none: any key of the type will do.
        return uuid4() if isinstance(column.target_field, models.UUIDField) else 999_999
    if isinstance(column, models.DateTimeField):
        return NOW.replace(year=2027)
    if isinstance(column, models.UUIDField):
        return uuid4()
    if isinstance(column, models.JSONField):
        return {"other": "value"}
    if isinstance(column, models.BooleanField):
        return not old
    number = isinstance(column, (models.IntegerField, models.DecimalField))
    return (old or 0) + 1 if number else f"{old or ''}x"


@pytest.mark.usefixtures("triggers")
@pytest.mark.parametrize(("model", "field"), COLUMNS)
def test_no_column_of_a_written_row_changes(rows: Rows, model: type[models.Model], field: str) -> None:
    row = model._base_manager.get()
    with pytest.raises(DatabaseError, match=f"{model._meta.db_table} is append-only"), transaction.atomic():
        model._base_manager.filter(pk=row.pk).update(**{field: another_value(row, field)})


@pytest.mark.usefixtures("triggers")
@pytest.mark.parametrize("model", PROTECTED)
def test_no_written_row_is_deleted(model: type[models.Model]) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        model._base_manager.all()._raw_delete("default")
    assert model._base_manager.count() == 1


@pytest.mark.sqlite
@pytest.mark.usefixtures("triggers")
@pytest.mark.parametrize(("protected", "key"), KEYS)
def test_no_written_row_is_replaced_under_any_of_its_keys(protected: append_only.Protected, key: list[str]) -> None:
    others = {column for other in protected.keys for column in other} - set(key)
    columns = [*protected.frozen_columns, *protected.erasable]
    values = [
        f"CASE typeof({name}) WHEN 'integer' THEN {name} + 1 ELSE {name} || 'x' END" if name in others else name
        for name in columns
    ]
    copied = f"SELECT {', '.join(values)} FROM {protected.table}"  # noqa: S608  # names of ours
    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        cursor.execute(f"INSERT OR REPLACE INTO {protected.table} ({', '.join(columns)}) {copied}")


@pytest.mark.postgresql
@pytest.mark.usefixtures("triggers")
@pytest.mark.parametrize("model", PROTECTED)
def test_no_table_is_truncated(model: type[models.Model]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(f"TRUNCATE {model._meta.db_table} CASCADE")
    assert model._base_manager.count() == 1


@pytest.mark.usefixtures("triggers")
@pytest.mark.parametrize(("model", "empty"), [(model, empty) for model, empty in ERASABLE.items() if empty])
def test_personal_columns_may_be_emptied_and_nothing_else_on_the_way(
    model: type[models.Model], empty: dict[str, Any]
) -> None:
    written = model._base_manager
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        written.update(**empty, actor="somebody else")
    written.update(**empty)
    assert all(getattr(written.get(), column) == value for column, value in empty.items())
    written.update(**empty)


@pytest.mark.usefixtures("triggers")
@pytest.mark.parametrize("model", PROTECTED)
def test_an_update_that_changes_nothing_is_no_change(rows: Rows, model: type[models.Model]) -> None:
    assert model._base_manager.update(customer=rows[Customer]) == 1


@pytest.mark.usefixtures("triggers")
def test_new_rows_are_still_written(rows: Rows) -> None:
    customer = rows[Customer]
    assert isinstance(customer, Customer)
    Customer.objects.filter(pk=customer.pk).update(seq=1, event_seq=1)
    Allowance.objects.update(next_at=None)  # no verb wrote it, so that nobody is told when it is due
    QuotaService.grant_feature(customer, "pdf_export", quantity=2, idempotency_key="new")
    QuotaService.consume_quota(customer, "pdf_export", idempotency_key="new")
    assert Usage.objects.count() == 2


@pytest.mark.usefixtures("triggers")
def test_installing_again_changes_nothing() -> None:
    before = trigger_names()
    append_only.install("default")
    append_only.install("default")
    assert trigger_names() == before != set()
    assert append_only.unprotected_tables("default") == []
    assert not problems()


@pytest.mark.usefixtures("triggers")
def test_removing_removes_all_and_may_be_repeated() -> None:
    append_only.remove("default")
    append_only.remove("default")
    assert trigger_names() == set()
    Usage.objects.update(actor="somebody else")


@pytest.mark.usefixtures("triggers")
@pytest.mark.parametrize(
    "missing", ["no_update", "no_delete", pytest.param("no_truncate", marks=pytest.mark.postgresql)]
)
@pytest.mark.parametrize("table", TABLES)
def test_a_missing_trigger_is_told_by_check_and_verify(table: str, missing: str) -> None:
    drop_trigger(table, f"{table}_{missing}")
    assert append_only.unprotected_tables("default") == [table]
    assert [message.id for message in checks.check_triggers(databases=["default"])] == ["billable.W005"]
    assert problems() == [(table, "has no append-only triggers")]


@pytest.mark.postgresql
@pytest.mark.usefixtures("triggers")
def test_a_trigger_that_is_switched_off_is_missing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billable_usage DISABLE TRIGGER USER")
    assert append_only.unprotected_tables("default") == ["billable_usage"]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billable_usage ENABLE TRIGGER USER")


@pytest.mark.django_db
def test_a_test_run_has_no_triggers_under_auto_and_nobody_complains(settings: Any) -> None:
    settings.BILLABLE_APPEND_ONLY = "auto"
    assert hasattr(mail, "outbox")
    append_only.install_after_migrate("default")
    assert trigger_names() == set()
    assert not append_only.wanted()
    assert append_only.unprotected_tables("default") == []
    assert checks.check_triggers(databases=["default"]) == []


@pytest.mark.django_db
@pytest.mark.parametrize(("setting", "wanted"), [("on", True), ("off", False)])
def test_the_setting_decides_what_migrate_does(settings: Any, setting: str, wanted: bool) -> None:
    settings.BILLABLE_APPEND_ONLY = setting
    append_only.install_after_migrate("default")
    try:
        assert bool(trigger_names()) is wanted
    finally:
        append_only.remove("default")


@pytest.mark.django_db(transaction=True)
def test_flush_works_in_a_test_database() -> None:
    one_row_of_every_table()
    call_command("flush", interactive=False, verbosity=0)
    assert not LedgerEntry.objects.exists()
    assert not Customer.objects.exists()


def test_the_protected_tables_are_those_of_this_test() -> None:
    assert [each.model for each in append_only.PROTECTED] == [model.__name__ for model in PROTECTED]


def test_names_of_triggers_fit_every_database() -> None:
    names = [f"{each.table}_{what}" for each in append_only.PROTECTED for what in ("no_truncate", "is_append_only")]
    assert max(map(len, names)) <= 63


def trigger_names() -> set[str]:
    return {name for name in append_only._present("default") if name.startswith("billable_")}


def drop_trigger(table: str, name: str) -> None:
    on = f" ON {table}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE") if on else None
        cursor.execute(f"DROP TRIGGER {name}{on}")


def problems() -> list[tuple[str, str]]:
    """What verify says about triggers; the rows here were written without the verbs and do not add up."""
    told = QuotaService.verify_ledger().problems
    return [(problem.table, problem.problem) for problem in told if "trigger" in problem.problem]
