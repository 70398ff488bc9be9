"""The server's home: who makes it, and who may read it."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from billable.server import home
from billable.server.errors import CannotStart
from tests.server.processes import START_SECONDS, environment

pytestmark = pytest.mark.sqlite

# A process that has imported everything, and begins at the instant that it is told.
FIRST_STARTS = """
import os, sys, time
from billable.server import home
print("ready", flush=True)
for line in sys.stdin:
    instant, os.environ["BILLABLE_HOME"] = line.strip().split(" ", 1)
    while time.time() < float(instant):
        pass
    made = home.prepare()
    print(*sorted(made), *(home.secret(name) for name in home.VARIABLES), flush=True)
"""
ROUNDS = 30


@pytest.fixture(autouse=True)
def in_a_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in home.VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BILLABLE_HOME", str(tmp_path / "deep" / "home"))
    umask = os.umask(0o022)
    yield
    os.umask(umask)


def test_processes_that_start_at_once_use_the_same_secrets(tmp_path: Path) -> None:
    processes = [starter(tmp_path), starter(tmp_path)]
    try:
        assert [said(process) for process in processes] == [["ready"], ["ready"]]
        for number in range(ROUNDS):
            directory = tmp_path / "at once" / str(number)
            instant = time.time() + 0.01
            for process in processes:
                told(process, f"{instant} {directory}")
            first, second = (said(process) for process in processes)

            assert first[-3:] == second[-3:]
            assert sorted(first[:-3] + second[:-3]) == sorted(home.VARIABLES)  # each was made once
    finally:
        for process in processes:
            process.communicate(timeout=START_SECONDS)


def test_threads_that_fill_an_empty_file_fill_it_once() -> None:
    home.prepare()
    home.path_of(home.API_TOKEN).write_text("")
    together = Barrier(8)

    def fill(value: str) -> bool:
        together.wait(START_SECONDS)
        return home.keep(home.API_TOKEN, value * 64)

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(fill, "abcdefgh"))

    assert sorted(made) == [False] * 7 + [True]
    assert len(home.secret(home.API_TOKEN)) == 64


@pytest.mark.parametrize("content", ["", "\n", "kept-from-before\n"])
def test_a_secret_that_others_could_read_is_taken_from_them(content: str) -> None:
    path = home.path_of(home.API_TOKEN)
    path.parent.mkdir(parents=True)
    path.write_text(content)
    path.chmod(0o666)

    made = home.prepare()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (home.API_TOKEN in made) is not bool(content.strip())
    assert home.secret(home.API_TOKEN) == content.strip() or len(home.secret(home.API_TOKEN)) == 64


def test_no_secret_is_written_where_others_cannot_be_kept_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(descriptor: int, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refused)

    with pytest.raises(CannotStart, match="Operation not permitted"):
        home.prepare()

    assert home.path_of(home.API_TOKEN).read_text() == ""


def starter(tmp_path: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", FIRST_STARTS],
        env=environment(tmp_path, {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def told(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def said(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout
    return process.stdout.readline().split()
