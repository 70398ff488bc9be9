"""A server that lives as long as the demo does."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.core.management.base import CommandError

START_SECONDS = 60
STOP_SECONDS = 15
SERVING = re.compile(r"^Serving on (http://\S+)", re.MULTILINE)

BILLABLE = (sys.executable, "-m", "billable")


@dataclass(frozen=True, kw_only=True)
class OwnServer:
    """Where it answers, and how to run commands on its database."""

    url: str
    token: str
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the console script beside it."""
        return subprocess.run(
            [*BILLABLE, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """Serve the demo catalogue on a free port, from a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="billable-demo-") as home:
        environment = isolated(home)
        output = Path(home, "output")
        with output.open("wb") as stream:
            process = subprocess.Popen(
                [*BILLABLE, "serve", "--demo", "--host", "127.0.0.1", "--port", "0"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
        try:
            url = url_when_serving(process, output)
            yield OwnServer(url=url, token=environment["BILLABLE_API_TOKEN"], environment=environment)
        finally:
            stop(process)


def isolated(home: str) -> dict[str, str]:
    """This environment without anything that would lead to another database."""
    names = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PORT")
    inherited = {
        name: value for name, value in os.environ.items() if name not in names and not name.startswith("BILLABLE_")
    }
    return {**inherited, "BILLABLE_HOME": home, "BILLABLE_API_TOKEN": secrets.token_hex(32)}


def url_when_serving(process: subprocess.Popen[bytes], output: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if found := SERVING.search(output.read_text(errors="replace")):
            return found[1]
        time.sleep(0.05)
    raise CommandError(f"The server for the demo did not start:\n{output.read_text(errors='replace').strip()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
