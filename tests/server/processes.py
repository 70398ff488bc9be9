"""Real `billable` processes, in a home of their own and with nothing of this machine's environment."""

# ruff: noqa: S310  # only addresses that we serve on

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

START_SECONDS = 60
STOP_SECONDS = 20
ANSWER_SECONDS = 20

BILLABLE = (sys.executable, "-m", "billable")
TOKEN = "token-of-a-served-test-0123456789abcdef0123456789"


def environment(home: Path, variables: Mapping[str, str]) -> dict[str, str]:
    ours = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "HOST", "PORT")
    clean = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("BILLABLE_")}
    return {**clean, "BILLABLE_HOME": str(home), **variables}


def billable(*arguments: str, home: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the console script to its end."""
    return subprocess.run(
        [*BILLABLE, *arguments],
        env=environment(home, variables),
        cwd=home.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


@dataclass(kw_only=True)
class Served:
    """A server that answers, and what it has said so far."""

    process: "subprocess.Popen[bytes]"
    output: Path
    url: str = ""
    token: str = TOKEN

    @property
    def told(self) -> str:
        return self.output.read_text(errors="replace")

    def get(self, path: str) -> tuple[int, str]:
        return answer(Request(self.url + path, headers={"Authorization": f"Bearer {self.token}"}))

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        request = Request(
            f"{self.url}/api/v1/billing/{path}",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        status, content = answer(request)
        return status, json.loads(content)

    def stop(self) -> int:
        """Ask it to end, as a service manager does. Returns its exit status."""
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)


@contextmanager
def serving(*arguments: str, home: Path, **variables: str) -> Iterator[Served]:
    """Start a server and wait until it says that it serves; it is gone afterwards."""
    with tempfile.NamedTemporaryFile(prefix="billable-served-") as output:
        process = subprocess.Popen(
            [*BILLABLE, *arguments],
            env=environment(home, {"PORT": "0", **variables}),
            cwd=home.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Whoever runs the suite under nohup would have the server deaf to hang-ups, too.
            preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_DFL),
        )
        served = Served(process=process, output=Path(output.name))
        try:
            served.url = url_of(served)
            yield served
        finally:
            end(process)


def url_of(served: Served) -> str:
    deadline = time.monotonic() + START_SECONDS
    while served.process.poll() is None and time.monotonic() < deadline:
        if found := re.search(r"^Serving on (http://\S+)", served.told, re.MULTILINE):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(f"did not start:\n{served.told}")


def end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def answer(request: Request) -> tuple[int, str]:
    try:
        with urlopen(request, timeout=ANSWER_SECONDS) as response:
            return response.status, response.read().decode()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()
