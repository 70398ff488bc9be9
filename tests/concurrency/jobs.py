"""What workers do. A job is a callable without arguments that can be pickled."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from billable import services
from billable.errors import BillableError
from billable.orders.confirm import confirm_payment
from billable.services import CustomerRef, OrderService, QuotaService, UpkeepService
from billable.signals import grant_expired, order_paid, quota_consumed
from tests.concurrency.worker import Job


def verb(name: str, /, *args: Any, **kwargs: Any) -> Job:
    """A verb of the front door, as in ``verb("QuotaService.consume_quota", ref, "credits", quantity=5)``."""
    return partial(call, name, args, kwargs)


def call(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    service, _, verb_name = name.partition(".")
    return getattr(getattr(services, service), verb_name)(*args, **kwargs)


def consume(ref: CustomerRef, feature: str = "credits", **kwargs: Any) -> Job:
    return verb("QuotaService.consume_quota", ref, feature, **kwargs)


def one_after_the_other(*jobs: Job) -> Job:
    """Several jobs of one worker, each in the transaction that it opens."""
    return partial(_each, jobs)


def in_one_transaction(*jobs: Job) -> Job:
    """Several jobs of one worker, in a transaction of the caller."""
    return partial(_together, jobs)


def after(sql: str, job: Job) -> Job:
    """A job in a session that first runs ``sql``."""
    return partial(_after, sql, job)


def _each(jobs: tuple[Job, ...]) -> list[Any]:
    return [job() for job in jobs]


def _together(jobs: tuple[Job, ...]) -> list[Any]:
    with transaction.atomic():
        return _each(jobs)


def _after(sql: str, job: Job) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
    try:
        return job()
    finally:
        # Settings of the session must not meet the next job.
        connection.close()


def quietly(job: Job) -> Job:
    """A job whose refusal is its answer."""
    return partial(_quietly, job)


def _quietly(job: Job) -> Any:
    try:
        return job()
    except BillableError as refusal:
        return refusal


# --------------------------------------------------------------------------------------------------- to be killed


def consume_until_killed(ref: CustomerRef, prefix: str, journal: Path) -> None:
    """Consume one by one, and write down each usage once it is acknowledged."""
    with journal.open("ab", buffering=0) as acknowledged:
        for number in count():
            usage = QuotaService.consume_quota(ref, "credits", idempotency_key=f"{prefix}-{number}")
            acknowledged.write(f"{usage.idempotency_key} {usage.pk} {usage.balance}\n".encode())


def die_before_the_commit(ref: CustomerRef, key: str) -> None:
    """Consume, and die when everything is written but the commit."""

    def last_write(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if sql.startswith('INSERT INTO "billable_ledgerentry"'):
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    with connection.execute_wrapper(last_write):
        QuotaService.consume_quota(ref, "credits", idempotency_key=key)


def die_after_the_commit(ref: CustomerRef, key: str) -> None:
    """Consume, and die when it is committed, before anybody is told."""
    quota_consumed.connect(lambda **_: os.kill(os.getpid(), signal.SIGKILL), weak=False)
    QuotaService.consume_quota(ref, "credits", idempotency_key=key)


def die_before_the_receipt(order_id: UUID) -> None:
    """Pay an order, and die when that is committed, before its receipt is issued."""
    order_paid.connect(lambda **_: os.kill(os.getpid(), signal.SIGKILL), weak=False)
    OrderService.confirm_payment(order_id, payment_id=f"pi_{order_id}")


def die_in_a_sweep(grants: int) -> None:
    """Sweep, and be killed once so many grants have ended."""
    ended = count(1)

    def tell(**_: Any) -> None:
        if next(ended) == grants:
            os.kill(os.getpid(), signal.SIGKILL)

    grant_expired.connect(tell, weak=False)
    UpkeepService.tick()


def pay_and_nothing_more(order_id: UUID) -> None:
    """Pay an order without what follows: as if that was lost."""
    confirm_payment(order_id, payment_id=f"pi_{order_id}")


def change_ones_mind(job: Job) -> Job:
    """A job in a transaction that the caller rolls back."""
    return partial(_roll_back, job)


def _roll_back(job: Job) -> None:
    with transaction.atomic():
        job()
        transaction.set_rollback(True)


# --------------------------------------------------------------------------------------------------- in a loop


def hold_in_a_loop(ref: CustomerRef, cancel_after: float | None) -> str:
    """Work in a block that holds 40 credits, in a task that is cancelled after so many seconds; how that ended."""

    async def work() -> None:
        async with QuotaService.holding(ref, "credits", 40):
            await asyncio.sleep(0.5)

    async def main() -> str:
        task = asyncio.create_task(work())
        if cancel_after is not None:
            await asyncio.sleep(cancel_after)
            task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return "cancelled"
        return "done"

    return asyncio.run(main())
