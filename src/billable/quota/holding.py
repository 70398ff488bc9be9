"""holding: a hold for as long as a block runs, captured when it succeeds and released when it fails."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from billable.bridge import in_thread
from billable.db.units import refuse_transactions, unit_of_work
from billable.errors import HoldClosed
from billable.quota import holds
from billable.quota.capture import capture_hold
from billable.quota.hold import release_hold
from billable.quota.kinds import HoldEnd
from billable.quota.models import HELD, Hold

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger("billable")


class Holding:
    """``with QuotaService.holding(user, "ai_analysis", 5) as hold:`` reserves, and ``async with`` does too.

    When the block ends well, what is held is captured: all of it, or what the block left of it. When it raises, what is
    held is released. A block that captured or released the hold itself has the last word. Raises what ``hold_quota``
    raises, InsideTransaction, HoldClosed for a key whose hold is closed; at the end QuotaExceeded, when the block took
    so long that its hold lapsed and the units are gone.
    """

    _hold: Hold

    def __init__(self, reserve: Callable[[], Hold]) -> None:
        self._reserve = reserve

    def __enter__(self) -> Hold:
        refuse_transactions()
        self._hold = self._reserve()
        if self._hold.status != HELD:
            raise HoldClosed(hold=str(self._hold.pk), hold_status=self._hold.status, verb="opened again")
        return self._hold

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            _finish(self._hold)
            return
        try:
            _abandon(self._hold)
        except Exception:
            # The block's own error is what the caller must see; the hold lapses by itself.
            logger.exception("the hold %s could not be released", self._hold.pk)

    async def __aenter__(self) -> Hold:
        opening = asyncio.ensure_future(in_thread(self.__enter__)())
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # The thread cannot be stopped. Whoever cancelled us gets no block that could release what it reserves.
            await _settled(opening)
            if not opening.exception():
                await _settled(asyncio.ensure_future(in_thread(self.__exit__)(asyncio.CancelledError, None, None)))
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _to_the_end(in_thread(self.__exit__)(kind, error, trace))


def with_hold(reserve: Callable[P, Hold]) -> Callable[P, Holding]:
    """The verb that makes a hold, as one that makes it for a block."""

    @functools.wraps(reserve)
    def holding(*args: P.args, **kwargs: P.kwargs) -> Holding:
        return Holding(lambda: reserve(*args, **kwargs))

    holding.__doc__ = Holding.__doc__
    holding.__annotations__ = {**reserve.__annotations__, "return": Holding}
    return holding


async def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Await something that goes on when we are cancelled, and let go only when it is done."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _settled(task)
        raise


async def _settled(task: asyncio.Future[Any]) -> None:
    """Wait for the end of a task, however often we are cancelled meanwhile: whoever calls this raises that itself."""
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task})


@unit_of_work
def _finish(hold: Hold) -> None:
    if holds.get_hold(hold).status in (HELD, HoldEnd.LAPSED.value):
        capture_hold(hold)


@unit_of_work
def _abandon(hold: Hold) -> None:
    if holds.get_hold(hold).closed_at is None:
        release_hold(hold)
