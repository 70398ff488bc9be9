"""The task ``tick`` for ``django.tasks``, which is in Django 6 and before that in the package django-tasks."""

from __future__ import annotations

import django

from billable import tasks

if django.VERSION >= (6, 0):
    from django.tasks import task
else:
    from django_tasks import task  # type: ignore[no-redef]  # the same, before Django had it


@task()
def tick(limit_seconds: int | None = None, batch_size: int = 500) -> dict[str, object]:
    """Do everything that is due: ``tick.enqueue(limit_seconds=50)``."""
    return tasks.tick(limit_seconds, batch_size)
