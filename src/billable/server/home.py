"""Where the server keeps what must survive a restart: its SQLite file and its secrets.

Every secret is a file that only its owner may read. An environment variable goes before the file, and is then
never written down.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from billable.server.errors import CannotStart

LOCAL_HOME = ".billable"
OWNER_ONLY = 0o600

API_TOKEN = "token"  # noqa: S105  # the name of a file
SECRET_KEY = "secret-key"  # noqa: S105  # the name of a file
FINGERPRINT_KEYS = "fingerprint-keys"

VARIABLES = {
    API_TOKEN: "BILLABLE_API_TOKEN",
    SECRET_KEY: "BILLABLE_SECRET_KEY",
    FINGERPRINT_KEYS: "BILLABLE_FINGERPRINT_KEYS",
}


def home() -> Path:
    """``BILLABLE_HOME``; else ``.billable`` of this directory, if ``make run`` made it; else the user's."""
    if given := os.environ.get("BILLABLE_HOME"):
        return Path(given).expanduser().absolute()
    local = Path(LOCAL_HOME).absolute()
    return local if local.is_dir() else users_home()


def users_home() -> Path:
    """The directory for data of this user, by the XDG convention."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share", "billable").absolute()


def prepare() -> frozenset[str]:
    """Make the home and the secrets that are missing. Returns the names of those that were made now.

    Several may do so at once: one of them makes each secret, and all use that one. Only ``billable serve`` does: a
    command that were to guess the home would leave secrets where nobody looks.
    """
    keep_private()
    try:
        make_home(home())
        narrow_files()
        return frozenset(name for name in VARIABLES if not secret(name) and keep(name, secrets.token_hex(32)))
    except OSError as error:
        raise CannotStart(
            f"{home()} cannot be used: {error.strerror}. Set BILLABLE_HOME to a directory of yours."
        ) from None


def keep_private() -> None:
    """What this process makes from here on, the SQLite file too, is its owner's alone."""
    os.umask(0o077)


def make_home(directory: Path) -> None:
    if directory.is_dir():
        return
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    (directory / ".gitignore").write_text("# Secrets and data of `billable serve`.\n*\n")


def narrow_files() -> None:
    """Take every secret's file from others. One that is not ours, or cannot be written, is its owner's business."""
    for name in VARIABLES:
        with suppress(OSError):
            if path_of(name).stat().st_mode & 0o077:
                path_of(name).chmod(OWNER_ONLY)


def secret(name: str) -> str:
    """The secret of this name, or an empty text when there is none."""
    if given := os.environ.get(VARIABLES[name], "").strip():
        return given
    try:
        return path_of(name).read_text().strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CannotStart(f"{path_of(name)} cannot be read: {error.strerror}.") from None


def keep(name: str, value: str) -> bool:
    """Write the secret down where nobody else can read it. Returns False if somebody has meanwhile."""
    import fcntl  # not on Windows, where other commands work

    with open(os.open(path_of(name), os.O_RDWR | os.O_CREAT, OWNER_ONLY), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
        if file.read().strip():
            return False
        os.fchmod(file.fileno(), OWNER_ONLY)  # an empty file of somebody else's is refused
        file.write(value + "\n")
    return True


def path_of(name: str) -> Path:
    """The file that the secret is in, unless the environment has it."""
    return home() / name
