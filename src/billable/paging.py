"""Pages: what every list answers with, and the opaque cursor that leads to the next one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from billable.errors import Invalid
from billable.inputs import whole

Row = TypeVar("Row")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of rows. ``next`` is the cursor of the following page, or None on the last."""

    items: Sequence[Row]
    next: str | None

    def __iter__(self) -> Iterator[Row]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def page_limit(limit: object) -> int:
    """How many rows a page holds: 1 to 200."""
    return whole(limit, "limit", maximum=MAX_LIMIT)


def cut(rows: Sequence[Row], limit: int, position: str | None) -> Page[Row]:
    """A page of ``limit`` rows out of ``limit + 1`` fetched; ``position`` names the last row on it."""
    if len(rows) <= limit:
        return Page(items=tuple(rows), next=None)
    return Page(items=tuple(rows[:limit]), next=None if position is None else encode(position))


def number(cursor: object) -> int:
    """The position of a cursor that is a number. Raises Invalid for one that we did not make."""
    position = decode(cursor)
    if not position.isdecimal() or len(position) > 18:
        raise Invalid(field="cursor", problem="is not one of ours")
    return int(position)


def encode(position: str) -> str:
    """An opaque cursor for a position."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def decode(cursor: object) -> str:
    """The position of a cursor. Raises Invalid for one that we did not make."""
    if not isinstance(cursor, str) or len(cursor) > 200:
        raise Invalid(field="cursor", problem="is not one of ours")
    try:
        position = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        raise Invalid(field="cursor", problem="is not one of ours") from None
    # The decoder passes over what is not in its alphabet; what we would have written is the only spelling.
    if encode(position) != cursor:
        raise Invalid(field="cursor", problem="is not one of ours")
    return position
