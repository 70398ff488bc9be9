"""A bot: one process, one `asyncio.run`, no requests. It takes its jobs as workers do, and awaits them."""

from __future__ import annotations

import asyncio
import importlib
import traceback
from collections.abc import Coroutine, Mapping
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from tests.concurrency.worker import BEGUN, READY, Job, Outcome, connect_otherwise


def main(pipe: Connection, database: Mapping[str, Any]) -> None:
    importlib.import_module("tests.concurrency.nursery")
    connect_otherwise(database)
    asyncio.run(live(pipe))


async def live(pipe: Connection) -> None:
    pipe.send(READY)
    while (job := pipe.recv()) is not None:
        pipe.send(BEGUN)
        pipe.send(await answer(job))


async def answer(job: Job) -> Outcome:
    from billable.errors import BillableError

    try:
        return Outcome(value=await job())
    except BillableError as refusal:
        return Outcome(refusal=refusal)
    except Exception:
        return Outcome(traceback=traceback.format_exc())


def twin(name: str, /, *args: Any, **kwargs: Any) -> Job:
    """A twin of the front door, as in ``twin("QuotaService.aconsume_quota", ref, "credits")``."""
    return partial(_await, name, args, kwargs)


async def _await(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    from tests.concurrency.jobs import call

    return await call(name, args, kwargs)


def acting_as(actor: str, job: Job) -> Job:
    """A job in the name of somebody."""
    return partial(_acting_as, actor, job)


async def _acting_as(actor: str, job: Job) -> Any:
    from billable import actor as billable_actor

    with billable_actor.acting_as(actor):
        answer = await job()
        assert billable_actor.current_actor() == actor
    return answer


def gathered(*jobs: Job) -> Job:
    """Jobs that run side by side in the loop; refusals are answers."""
    return partial(_gathered, jobs)


async def _gathered(jobs: tuple[Job, ...]) -> list[Any]:
    return await asyncio.gather(*[job() for job in jobs], return_exceptions=True)


def in_a_loop_each(*jobs: Job) -> Job:
    """A job of a plain worker: several `asyncio.run`, one after the other."""
    return partial(_in_a_loop_each, jobs)


def _in_a_loop_each(jobs: tuple[Job, ...]) -> list[Any]:
    async def alone(job: Job) -> Any:
        coroutine: Coroutine[Any, Any, Any] = job()
        return await coroutine

    return [asyncio.run(alone(job)) for job in jobs]
