"""Django's system checks, before anything is served: a line for each warning, and no start with an error."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from django.core.checks import WARNING, CheckMessage, Tags, run_checks

from billable.server.errors import CannotStart


def require_sound_settings() -> None:
    """Check everything that needs no database. Raises CannotStart, with a line for each error."""
    require_no_errors(run_checks())


def require_sound_database() -> None:
    """Check the database, once it is migrated. Raises CannotStart, with a line for each error."""
    require_no_errors(run_checks(tags=[Tags.database], databases=["default"]))


def require_no_errors(messages: Iterable[CheckMessage]) -> None:
    told = [message for message in messages if message.level >= WARNING and not message.is_silenced()]
    # Django keeps its checks in a set: without this the lines would come in another order in each process.
    told.sort(key=lambda message: message.id or "")
    for message in told:
        if not message.is_serious():
            print(f"billable: warning: {one_line(message)}", file=sys.stderr)
    if errors := [one_line(message) for message in told if message.is_serious()]:
        raise CannotStart("\n".join(errors))


def one_line(message: CheckMessage) -> str:
    return " ".join(str(message).removeprefix("?: ").split())
