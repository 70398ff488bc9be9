"""A database that release 0001 wrote into, brought up to date and back, with the append-only triggers on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.migrations.databases import empty_database
from tests.migrations.processes import told_by


@pytest.fixture(scope="module")
def stops(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What stood at each stop of the way."""
    with empty_database(tmp_path_factory.mktemp("upgrade")) as database:
        return told_by("upgrade", database=database)


def test_the_books_of_the_release_have_something_of_everything(stops: dict[str, Any]) -> None:
    assert all(stops["before"]["rows"].values())
    statuses = {order["status"] for order in stops["before"]["rows"]["billable.order"]}
    assert statuses == {"pending", "paid", "partially_refunded", "cancelled"}


def test_every_row_survives_the_upgrade_unchanged(stops: dict[str, Any]) -> None:
    assert stops["after"]["rows"] == stops["before"]["rows"]


def test_the_books_are_clean_after_the_upgrade_and_go_on(stops: dict[str, Any]) -> None:
    assert stops["after"]["problems"] == []
    assert stops["used"]["problems"] == []
    assert len(stops["used"]["rows"]["billable.usage"]) == len(stops["before"]["rows"]["billable.usage"]) + 1


def test_what_was_written_since_survives_the_way_back_too(stops: dict[str, Any]) -> None:
    assert stops["backward"]["rows"] == stops["used"]["rows"]


def test_the_triggers_are_there_at_every_stop(stops: dict[str, Any]) -> None:
    for stop in ("before", "after", "used", "backward"):
        assert stops[stop]["unprotected"] == [], stop
        assert stops[stop]["written_over"] == [], stop


def test_nothing_is_left_of_it_after_all(stops: dict[str, Any]) -> None:
    assert stops["nothing"]["objects"] == []
