"""``billable serve``."""

from __future__ import annotations

import argparse
import importlib.util
import os
import socket
from collections.abc import Sequence
from io import StringIO

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

from billable import __version__
from billable.management.commands.billable_seed_demo import CONTENTS
from billable.server import admin_login, banner, home, network, project, schema, system_checks
from billable.server.database import SQLITE, described
from billable.server.environment import switched
from billable.server.errors import INSTALL_EXTRA, CannotStart

EXTRAS = ("gunicorn", "whitenoise", "dj_database_url")
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = "8000"
SQLITE_WORKERS = 2  # they write one at a time anyway
MAX_WORKERS = 8
THREADS = 16
MAX_THREADS = 64  # of all workers: each has a connection, and PostgreSQL allows 100 unless it is told otherwise
CLIENT_TIMEOUT_SECONDS = 15

EPILOG = """\
environment variables:
  BILLABLE_HOST, PORT       where to listen, unless --host and --port say so
  BILLABLE_HOME             directory of the SQLite file and the secrets
  BILLABLE_API_TOKEN        the API token, instead of the generated one
  DATABASE_URL              another database, as in postgresql://user:password@host/name
  BILLABLE_ALLOWED_HOSTS    host names to answer to, comma-separated
  BILLABLE_FINGERPRINT_KEYS, BILLABLE_SECRET_KEY
                            instead of the generated ones, for machines with one database
  BILLABLE_CURRENCY         of prices that name none (USD)
  BILLABLE_TAX_RATE         of products that name none, in percent (0)
  BILLABLE_PRICES_INCLUDE_TAX
                            0 adds the tax to the prices, which contain it otherwise
  BILLABLE_SELLER_NAME, BILLABLE_SELLER_ADDRESS, BILLABLE_SELLER_COUNTRY,
  BILLABLE_SELLER_EMAIL, BILLABLE_SELLER_TAX_ID
                            who sells, as receipts print it; \\n begins a line
  BILLABLE_SELLER_ZONE      time zone of the days and years of receipts (UTC)
  BILLABLE_SHOW_DOCS        0 hides the API's docs page
"""


def serve(arguments: Sequence[str]) -> None:
    """Serve the embedded project until a signal ends it. Raises CannotStart."""
    options = parser().parse_args(arguments)
    require_extras()
    refuse_exposed_debug(options)
    listener = network.listening_socket(options.host, options.port)

    os.environ["BILLABLE_HOST"] = options.host
    os.environ["BILLABLE_DEBUG"] = "1" if options.debug else "0"
    say(f"billable {__version__}")
    made = home.prepare()
    say(f"  API token  {banner.token_line(made)}")
    project.start()
    system_checks.require_sound_settings()
    make_ready(options)
    run(listener, options)


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(
        prog="billable serve",
        description="Serve the API and the admin. The database is migrated, and what is missing is made.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    environ = os.environ
    arguments.add_argument(
        "--host", default=environ.get("BILLABLE_HOST") or DEFAULT_HOST, help="where to listen; default 127.0.0.1"
    )
    arguments.add_argument(
        "--port",
        type=port,
        default=environ.get("PORT") or DEFAULT_PORT,
        help="default 8000; 0 takes any free one",
    )
    add_limits(arguments)
    arguments.add_argument("--migrate", action="store_true", help="migrate also among tables that are not billable's")
    arguments.add_argument("--demo", action="store_true", help=f"put the demo catalogue into an empty one: {CONTENTS}")
    arguments.add_argument("--access-log", action="store_true", help="log every request, without its query string")
    arguments.add_argument(
        "--debug",
        action="store_true",
        default=switched("BILLABLE_DEBUG", default=False),
        help="Django's debug pages; refused where other machines could see them",
    )
    return arguments


def add_limits(arguments: argparse.ArgumentParser) -> None:
    arguments.add_argument("--workers", type=count, help="processes; default 2 on SQLite, else one for each core")
    arguments.add_argument(
        "--threads",
        type=count,
        help="threads of each process; default 16, fewer where all would be more than 64 together",
    )
    arguments.add_argument(
        "--client-timeout",
        type=count,
        default=CLIENT_TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="how long a thread waits for a client, with a request half sent or an answer half taken; default 15",
    )


def port(text: str) -> int:
    if text.isdecimal() and 0 <= int(text) <= 65_535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port number")


def count(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 1_000:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1000")


def require_extras() -> None:
    missing = [name for name in EXTRAS if importlib.util.find_spec(name) is None]
    if missing:
        raise CannotStart(
            f"The server needs {' and '.join(missing)}: install billable with its server extra: {INSTALL_EXTRA}."
        )


def refuse_exposed_debug(options: argparse.Namespace) -> None:
    if options.debug and not network.is_loopback(options.host):
        raise CannotStart(
            f"Debug pages show secrets, and {options.host} lets other machines see them: "
            "serve on 127.0.0.1, or without --debug and BILLABLE_DEBUG."
        )


def make_ready(options: argparse.Namespace) -> None:
    """Everything between the settings and the first request: database, admin login, demo catalogue."""
    say(f"  database   {described(connection.settings_dict)}")
    schema.connect()
    with schema.alone():
        schema.bring_up_to_date(among_foreign_tables=options.migrate)
        say(f"  admin      {banner.admin_line(admin_login.make_first_admin())}")
        if options.demo:
            told = StringIO()
            call_command("billable_seed_demo", stdout=told)
            say(f"  catalogue  {told.getvalue().strip()}")
    system_checks.require_sound_database()
    connections.close_all()  # workers are forks of this process, and connections do not survive that


def run(listener: socket.socket, options: argparse.Namespace) -> None:
    from billable.server.http_server import HttpServer

    url = network.url_of(options.host, listener.getsockname()[1])
    told = f"{banner.serving(url)}\n\n{banner.tries(url)}" if options.demo else banner.serving(url)
    workers = options.workers or default_workers()
    HttpServer(
        listener,
        workers=workers,
        threads=options.threads or default_threads(workers),
        client_timeout_seconds=options.client_timeout,
        access_log=options.access_log,
        announce=lambda: say(f"\n{told}\n"),
    ).run()


def default_workers() -> int:
    if settings.DATABASES["default"]["ENGINE"] == SQLITE:
        return SQLITE_WORKERS
    return min(os.cpu_count() or 1, MAX_WORKERS)


def default_threads(workers: int) -> int:
    return max(1, min(THREADS, MAX_THREADS // workers))


def say(text: str) -> None:
    print(text, flush=True)
