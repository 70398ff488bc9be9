"""The migrations on an empty database, and the names in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, models

from billable.db.append_only import PROTECTED
from tests.migrations.databases import empty_database
from tests.migrations.processes import told_by
from tests.migrations.rows import tables

# PostgreSQL cuts names at 63 bytes, MariaDB refuses more than 64 characters; Django itself allows indexes 30.
LONGEST_NAME = 63


@pytest.mark.django_db
def test_migrate_goes_forward_from_nothing_back_to_nothing_and_forward_again(tmp_path: Path) -> None:
    with empty_database(tmp_path) as name:
        # "auth" first: a host may migrate its own apps while the engine's tables are not there yet.
        stops = told_by("migrate", "auth", "", "billable zero", "billable", database=name)
    first, everything, nothing, again = stops.values()
    assert first == []
    assert {model._meta.db_table for model in tables()} <= set(everything)
    assert {f"{each.table}_no_update" for each in PROTECTED} <= set(everything)
    assert nothing == []
    assert again == everything


@pytest.mark.django_db
def test_the_models_have_no_change_that_no_migration_makes() -> None:
    call_command("makemigrations", "billable", check=True, dry_run=True, verbosity=0)


def test_tables_are_prefixed() -> None:
    assert {model._meta.db_table.partition("_")[0] for model in tables()} == {"billable"}


def test_every_name_fits_the_databases() -> None:
    names = [each.name for model in tables() for each in [*model._meta.constraints, *model._meta.indexes]]
    assert len(names) == len(set(names))
    assert [name for name in names if len(name) > LONGEST_NAME] == []
    indexes = [index.name for model in tables() for index in model._meta.indexes]
    assert [name for name in indexes if len(name) > models.Index.max_name_length] == []


def test_no_index_names_what_every_consume_changes() -> None:
    fields = {field.lstrip("-") for model in tables() for index in model._meta.indexes for field in index.fields}
    assert not fields & {"remaining", "held"}


@pytest.mark.django_db
def test_claim_tables_and_hot_rows_have_only_the_foreign_keys_of_the_design() -> None:
    with connection.cursor() as cursor:
        referring = {
            model._meta.db_table: set(connection.introspection.get_relations(cursor, model._meta.db_table))
            for model in tables()
        }
    for claim in ("identity", "userlink", "paymentclaim", "trialfingerprint"):
        assert referring[f"billable_{claim}"] == set()
    assert referring["billable_ledgerentry"] == {"grant_id", "usage_id"}
    assert referring["billable_usage"] <= {"grant_id"}
