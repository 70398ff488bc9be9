"""Commands: of ``manage.py`` and of the console script."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from django.core.management import load_command_class

from billable_reference.markdown import code, prose, table, target

# Options that every Django command has.
COMMON = set("help version verbosity settings pythonpath traceback no_color force_color skip_checks".split())


def commands() -> Mapping[str, str]:
    """The commands by their short name."""
    from billable.server import cli

    return cli.commands()


def render() -> str:
    """The console script's own commands, then those that both have."""
    parts = [_serve(), _manage()]
    parts += [_command(name) for name in commands()]
    return "\n\n".join(parts)


def _serve() -> str:
    from billable.server import serve

    parser = serve.parser()
    parts = [target("command", "serve"), "## serve", "`billable serve`", parser.description or "", _options(parser)]
    if parser.epilog:
        parts.append(f"```text\n{parser.epilog.strip()}\n```")
    return "\n\n".join(parts)


def _manage() -> str:
    text = "Any management command of Django on the server's own project, such as `billable manage shell`."
    return "\n\n".join((target("command", "manage"), "## manage", "`billable manage <command>`", text))


def _command(name: str) -> str:
    command = load_command_class("billable", f"billable_{name}")
    parser = command.create_parser("manage.py", f"billable_{name}")
    return "\n\n".join(
        (
            target("command", name),
            f"## {name}",
            f"`billable {name}`, or `python manage.py billable_{name}` in a project of your own.",
            prose(command.help),
            _options(parser),
        )
    )


def _options(parser: argparse.ArgumentParser) -> str:
    rows = [(_spelled(action), action.help or "") for action in parser._actions if action.dest not in COMMON]
    return table(("Option", "Meaning"), rows) if rows else "It has no options of its own."


def _spelled(action: argparse.Action) -> str:
    names = ", ".join(action.option_strings) or action.dest
    if action.nargs == 0:
        return code(names)
    value = "|".join(map(str, action.choices)) if action.choices else action.dest.upper()
    return code(f"{names} {value}")
