"""Running the blocks of a page: Python in one namespace, shell lines in one session."""

import contextlib
import doctest
import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import unittest
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.docs.blocks import Block

SECONDS = 120
CHECKER = doctest.OutputChecker()
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run_python(block: Block, namespace: dict[str, Any]) -> str:
    """Execute a block. Returns what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.code, str(block.page), "exec"), namespace)  # noqa: S102  # our own pages
    if name := block.marks.get("test-case"):
        outcome = unittest.TextTestRunner(stream=io.StringIO()).run(
            unittest.defaultTestLoader.loadTestsFromTestCase(namespace[name])
        )
        assert outcome.testsRun, f"{block.where}: {name} has no tests"
        assert outcome.wasSuccessful(), f"{block.where}: {outcome.failures or outcome.errors}"
    return printed.getvalue()


def run_session(block: Block, namespace: dict[str, Any]) -> None:
    """Execute a block of ``>>>`` lines and compare every answer with the page's."""
    test = doctest.DocTestParser().get_doctest(block.text, {}, block.where, str(block.page), block.line)
    test.globs = namespace
    report = io.StringIO()
    runner = doctest.DocTestRunner(checker=CHECKER, optionflags=FLAGS, verbose=False)
    failed, tried = runner.run(test, out=report.write, clear_globs=False)
    assert tried, f"{block.where}: nothing to run"
    assert not failed, report.getvalue()


def compare(block: Block, printed: str) -> None:
    """A block that is marked as shown against what was printed: JSON by the members that the page names."""
    if block.language == "json":
        missing = list(differences(json.loads(block.text), json.loads(printed), "$"))
        assert not missing, f"{block.where}: {missing} in {printed}"
    else:
        assert CHECKER.check_output(block.text, printed, FLAGS), f"{block.where}: got\n{printed}"


def differences(shown: Any, got: Any, path: str) -> list[str]:
    """Where an answer is not what the page shows. ``"…"`` stands for any value; members may be left out."""
    if shown == "…":
        return []
    if isinstance(shown, dict) and isinstance(got, dict):
        missing = [f"{path}.{name}: missing" for name in shown if name not in got]
        common = [name for name in shown if name in got]
        return missing + [each for name in common for each in differences(shown[name], got[name], f"{path}.{name}")]
    if isinstance(shown, list) and isinstance(got, list) and len(shown) == len(got):
        pairs = enumerate(zip(shown, got, strict=True))
        return [each for place, (left, right) in pairs for each in differences(left, right, f"{path}[{place}]")]
    return [] if shown == got else [f"{path}: {got!r}"]


def clean_environment() -> dict[str, str]:
    """This machine's environment, with our interpreter first and without anybody's settings."""
    ours = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PORT", "HOST", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("BILLABLE_")}
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_PROXY": "*", "no_proxy": "*"}


def answers(port: int) -> bool:
    """Whether requests are answered on a port. One that only listens may be of a server that still gets ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/")
        return connection.getresponse().status > 0
    return False


@dataclass
class Shell:
    """One shell session: the directory and the variables last from block to block."""

    folder: Path
    state: Path
    environment: Mapping[str, str] = field(default_factory=clean_environment)
    port: int = 0
    servers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def run(self, block: Block) -> str:
        """Run a block to its end. Returns what a terminal would show."""
        saved = f"export -p > {self._variables}; pwd > {self._place}"
        script = f"{self._restored()}\n{self._on_our_port(block.text)}\n{saved}"
        ended = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode == 0, f"{block.where}: exit {ended.returncode}\n{ended.stdout}"
        return ended.stdout

    def start(self, block: Block) -> None:
        """Start a block that serves, and wait until it answers a request."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        log = self.state / "server.txt"
        with log.open("wb") as output:
            server = subprocess.Popen(
                ["bash", "-e", "-c", f"{self._restored()}\n{self._on_our_port(block.text)}"],
                cwd=self.folder,
                env={**self.environment, "PORT": str(self.port)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.servers.append(server)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and server.poll() is None:
            if answers(self.port):
                return
            time.sleep(0.1)
        raise AssertionError(f"{block.where}: it does not serve\n{log.read_text(errors='replace')}")

    def stop(self) -> None:
        """End whatever it started."""
        for server in self.servers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            server.wait(SECONDS)

    @property
    def _variables(self) -> Path:
        return self.state / "variables.sh"

    @property
    def _place(self) -> Path:
        return self.state / "place.txt"

    @property
    def place(self) -> Path:
        """The directory that the session is in."""
        return Path(self._place.read_text().strip()) if self._place.exists() else self.folder

    def _restored(self) -> str:
        return f"[ ! -e {self._variables} ] || . {self._variables}; cd '{self.place}'; set -a"

    def _on_our_port(self, text: str) -> str:
        return re.sub(r"\b8000\b", str(self.port), text) if self.port else text
