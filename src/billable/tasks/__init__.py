"""Upkeep as a task of somebody else's queue: one thin module for each, which nothing in billable imports.

``billable.tasks.celery`` needs the extra ``celery``, ``billable.tasks.queued`` Django 6 or the extra ``django-tasks``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from billable.actor import acting_as


def tick(limit_seconds: int | None = None, batch_size: int = 500) -> dict[str, Any]:
    """Do everything that is due, as ``UpkeepService.tick``; the report as plain JSON. What failed is in the log."""
    from billable.services import UpkeepService

    with acting_as("task:billable_tick"):
        report = UpkeepService.tick(limit_seconds=limit_seconds, batch_size=batch_size)
    return {"complete": report.complete, **dataclasses.asdict(report)}
