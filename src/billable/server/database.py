"""Which database the server uses: the SQLite file in its home, or the one that ``DATABASE_URL`` names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from billable.server.errors import INSTALL_EXTRA, CannotStart
from billable.server.home import home, keep_private

SQLITE = "billable.db.sqlite3"
SQLITE_FILE = "billable.sqlite3"
CONNECTION_MAX_AGE_SECONDS = 600
CONNECT_TIMEOUT_SECONDS = 10

PRODUCTS = {"postgresql": "PostgreSQL", "mysql": "MariaDB or MySQL", "oracle": "Oracle"}


def database() -> dict[str, Any]:
    """The entry of ``DATABASES``. Raises CannotStart for a ``DATABASE_URL`` that names no usable database."""
    url = os.environ.get("DATABASE_URL", "").strip()
    chosen = parsed(url) if url else {"ENGINE": SQLITE, "NAME": str(home() / SQLITE_FILE)}
    return {**chosen, "CONN_MAX_AGE": CONNECTION_MAX_AGE_SECONDS, "CONN_HEALTH_CHECKS": True}


def parsed(url: str) -> dict[str, Any]:
    try:
        import dj_database_url
    except ImportError:
        raise CannotStart(f"DATABASE_URL needs the server extra: {INSTALL_EXTRA}.") from None
    try:
        chosen: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError:
        # Not the parser's own words: they may repeat the URL, and the password in it.
        raise CannotStart(
            "DATABASE_URL is not understood; it looks like postgresql://user:password@host/name."
        ) from None
    if chosen["ENGINE"] == "django.db.backends.sqlite3":
        if chosen["NAME"] in ("", ":memory:"):
            raise CannotStart("DATABASE_URL names a database in memory, which processes cannot share; name a file.")
        chosen["ENGINE"] = SQLITE
    if chosen["ENGINE"].endswith((".postgresql", ".mysql")):
        chosen["OPTIONS"] = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, **chosen.get("OPTIONS", {})}
    return chosen


def require_there(command: str) -> None:
    """Raise CannotStart unless a server has made the file in our home, or another database is named.

    ``command`` is what the caller may have meant: the arguments of ``manage.py`` in a Django project.
    """
    keep_private()
    chosen = database()
    if not is_own_file(chosen):
        return
    try:
        Path(chosen["NAME"]).stat()
    except PermissionError as error:
        raise CannotStart(f"{chosen['NAME']} cannot be read: {error.strerror}.") from None
    except OSError:
        raise CannotStart(
            f"There is no server database at {chosen['NAME']} (`billable serve` makes it; BILLABLE_HOME or "
            f"DATABASE_URL names another); in a Django project: python manage.py {command}"
        ) from None


def is_own_file(settings: Mapping[str, Any]) -> bool:
    """Whether this is the file in our home, which nobody else writes."""
    return bool(settings["ENGINE"] == SQLITE and settings["NAME"] == str(home() / SQLITE_FILE))


def described(settings: Mapping[str, Any]) -> str:
    """The database in words for people: never with its password."""
    if settings["ENGINE"] == SQLITE:
        return f"SQLite file {settings['NAME']}"
    engine = str(settings["ENGINE"]).rpartition(".")[2]
    port = f":{settings['PORT']}" if settings.get("PORT") else ""
    host = settings.get("HOST") or "localhost"
    return f"{PRODUCTS.get(engine, engine)} database {settings['NAME']} at {host}{port}"
