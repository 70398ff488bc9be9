"""The console script ``billable``."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from django.core.management import execute_from_command_line, find_commands, load_command_class

import billable.management
from billable.management.commands.billable_demo import Command as Demo
from billable.server import database, home, project, schema
from billable.server.errors import CannotStart
from billable.server.serve import serve

PREFIX = "billable_"
# These words only ask: they need no database.
QUESTIONS = frozenset({"help", "--help", "-h", "version", "--version"})
DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``billable`` with these arguments, or the shell's. Returns the exit status."""
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        return run(name, rest)
    except CannotStart as error:
        print(*(f"billable: {line}" for line in str(error).splitlines()), sep="\n", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def serve_demo() -> int:
    """What ``make run`` does: serve the demo, with everything it keeps in ``.billable`` of this directory."""
    if not os.environ.get("BILLABLE_HOME"):
        os.environ["BILLABLE_HOME"] = home.LOCAL_HOME
    return main(["serve", "--demo"])


def run(name: str, arguments: Sequence[str]) -> int:
    if name in ("--help", "-h", "help"):
        print(help_text())
    elif name == "--version":
        print(f"billable {billable.__version__}")
    elif name == "serve":
        serve(arguments)
    elif name == "manage":
        manage(arguments)
    elif name in commands():
        run_command(name, arguments)
    else:
        print(f"billable: there is no command {name!r}{close_match(name)}", file=sys.stderr)
        return MISUSED
    return DONE


def manage(arguments: Sequence[str]) -> None:
    name, *rest = arguments or ["help"]
    if name.startswith(PREFIX) and name.removeprefix(PREFIX) in commands():
        return run_command(name.removeprefix(PREFIX), rest)
    if arguments and QUESTIONS.isdisjoint(arguments):
        database.require_there(arguments[0])
    project.choose_settings()
    execute_from_command_line(["billable manage", *arguments])


def run_command(name: str, arguments: Sequence[str]) -> None:
    command = load_command_class("billable", PREFIX + name)
    if isinstance(command, Demo):  # it talks to a server, and to no database
        command.read_token = partial(home.secret, home.API_TOKEN)
    elif QUESTIONS.isdisjoint(arguments):
        database.require_there(PREFIX + name)
        project.start()
        schema.require_current()
    command.run_from_argv(["billable", name, *arguments])


def commands() -> Mapping[str, str]:
    """Every command of billable by its short name → what it does."""
    names = find_commands(str(Path(billable.management.__file__).parent))
    return {
        name.removeprefix(PREFIX): str(load_command_class("billable", name).help)
        for name in sorted(names)
        if name.startswith(PREFIX)
    }


def help_text() -> str:
    listed = {
        "serve": "Serve the API and the admin; makes what is missing. `billable serve --help` lists its options.",
        "manage": "Django's management commands on the same project: `billable manage help`.",
        **commands(),
        "--version": "Say which version this is.",
        "--help": "Say this.",
    }
    width = max(map(len, listed))
    lines = [f"  {name:<{width}} {text}" for name, text in listed.items()]
    return "\n".join(("usage: billable <command> [options]", "", *lines))


def close_match(name: str) -> str:
    close = difflib.get_close_matches(name, ["serve", "manage", *commands()], n=1)
    return f"; did you mean {close[0]!r}?" if close else "; billable --help lists them."
