"""Upkeep as a task of Celery and of django.tasks: really run, by an in-process worker and at once."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import django
import pytest
from django.db import connections
from django.test import override_settings

from billable import clock, upkeep
from billable.models import LedgerEntry
from billable.services import CatalogService, CustomerService, QuotaService

EAGER = "django.tasks.backends.immediate.ImmediateBackend"
if django.VERSION < (6, 0):
    EAGER = "django_tasks.backends.immediate.ImmediateBackend"


@pytest.fixture
def due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve units that ran out."""
    CatalogService.create_feature("credits")
    customer = CustomerService.identify("test", "ada").customer
    QuotaService.grant_feature(customer, "credits", quantity=12, period="1 day")
    later = clock.now() + timedelta(days=2)
    monkeypatch.setattr(clock, "now", lambda: later)


def is_done(report: Any) -> bool:
    entry = LedgerEntry.objects.latest("seq")
    assert (entry.kind, entry.amount, entry.actor) == ("expire", -12, "task:billable_tick")
    assert [step["name"] for step in report["steps"]] == [duty.name for duty in upkeep.DUTIES]
    return bool(report["complete"]) and report["steps"][0]["done"] == 1


@pytest.fixture
def celery() -> Any:
    from celery import Celery

    app = Celery("host", broker="memory://", backend="cache+memory://", include=["billable.tasks.celery"])
    app.loader.import_default_modules()
    app.set_default()
    return app


@pytest.mark.django_db
def test_celery_runs_it_at_once(due: None, celery: Any) -> None:
    celery.conf.task_always_eager = True

    assert is_done(celery.tasks["billable.tick"].delay(limit_seconds=50).get())


@pytest.mark.django_db(transaction=True)
def test_a_worker_of_celery_runs_it(due: None, celery: Any) -> None:
    from celery.contrib.testing.worker import start_worker

    with start_worker(celery, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        report = celery.tasks["billable.tick"].delay(batch_size=10).get(timeout=60)

    assert is_done(report)
    connections.close_all()


@pytest.mark.django_db
def test_django_tasks_run_it(due: None) -> None:
    # Releases of django-tasks from 0.7 on wait for the commit otherwise.
    with override_settings(TASKS={"default": {"BACKEND": EAGER, "ENQUEUE_ON_COMMIT": False}}):
        from billable.tasks.queued import tick

        result = tick.enqueue(limit_seconds=50)

    assert is_done(result.return_value)


def test_neither_is_imported_with_billable() -> None:
    script = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; django.setup();"
        "import billable.services, billable.urls, billable.tasks;"
        "print([name for name in ('celery', 'django_tasks', 'django.tasks') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "[]"
