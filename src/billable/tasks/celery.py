"""The task ``billable.tick`` for Celery: ``Celery(include=["billable.tasks.celery"])``, and an entry of beat."""

from __future__ import annotations

from celery import shared_task

from billable import tasks

# Late or twice does no harm, and a worker that dies in the middle of it loses nothing: the next one does the rest.
tick = shared_task(tasks.tick, name="billable.tick", acks_late=True)
