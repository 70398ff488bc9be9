"""``billable_demo``: the whole flow over HTTP, printed."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any
from urllib.error import URLError

from django.core.management.base import BaseCommand, CommandError

from billable.conf import knobs
from billable.management.commands._conversation import Conversation
from billable.management.commands._own_server import OwnServer, own_server
from billable.management.commands._playthrough import play

API_PATH = "/api/v1/billing/"


class Command(BaseCommand):
    help = "Play the whole flow over HTTP and print it; by default on a server of its own, gone afterwards."
    requires_system_checks = ()
    read_token: Callable[[], str]  # where the token is when none is given

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.read_token = token_of_project

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", help="a running server, as http://127.0.0.1:8000, or where its API is mounted")
        parser.add_argument("--token", help="its API token; default: the one of the server's home, or of the project")

    def handle(self, *args: Any, **options: Any) -> None:
        url, token = options["url"], options["token"]
        if token and not url:
            raise CommandError("--token is of a running server: say with --url where it is.")
        if url:
            talk = self.talk(api_url(url), token or self.known_token())
            self.stdout.write("\nThe ledger is proved beside the server: run `billable verify` there.")
        else:
            with own_server() as server:
                talk = self.talk(api_url(server.url), server.token)
                self.verify(server, talk)
        if talk.faults:
            raise CommandError("Not as documented:\n  " + "\n  ".join(talk.faults))
        self.stdout.write(f"\nAll {talk.steps} answers are as documented.")

    def known_token(self) -> str:
        if token := self.read_token():
            return token
        raise CommandError("There is no API token here: give that server's with --token.")

    def talk(self, url: str, token: str) -> Conversation:
        talk = Conversation(api_url=url, token=token, say=self.stdout.write)
        self.stdout.write(f"Talking to {url}")
        try:
            play(talk)
        except (URLError, TimeoutError) as error:
            raise CommandError(f"{url} does not answer: {getattr(error, 'reason', error)}") from None
        return talk

    def verify(self, server: OwnServer, talk: Conversation) -> None:
        talk.steps += 1
        self.stdout.write(f"\n{talk.steps}. The ledger proves itself\n   billable verify")
        proof = server.run("verify")
        self.stdout.write(f"   {(proof.stdout + proof.stderr).strip()}")
        talk.note("a clean ledger", met=proof.returncode == 0, got=proof.stderr.strip())


def token_of_project() -> str:
    """What the API of this Django project lets in."""
    return knobs.api_token


def api_url(url: str) -> str:
    """Where the API is: the address as it stands if it has a path, else the usual place on that server."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("http", "https") or not rest:
        raise CommandError(f"{url!r} is not an http address.")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}/{path.strip('/')}/" if path.strip("/") else f"{scheme}://{host}{API_PATH}"
