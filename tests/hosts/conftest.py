"""Hosts are made once per module and kept until its tests are over; what they were seen to do is shared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.project import NAME, Host, run

HostMaker = Callable[..., Host]


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``django-admin startproject`` writes. It writes the same each time, so once is enough."""
    folder = tmp_path_factory.mktemp("started")
    run(folder, "-m", "django", "startproject", NAME, ".", environment={"DJANGO_SETTINGS_MODULE": ""})
    return folder


@pytest.fixture(scope="module")
def make_host(
    started: Path, tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> Iterator[HostMaker]:
    """Builds a project; its databases are dropped at the end of the module."""
    with ExitStack() as stack, django_db_blocker.unblock():

        def make(**parts: Any) -> Host:
            return Host(folder=tmp_path_factory.mktemp("hosts") / "host", stack=stack, **parts).build(started)

        yield make
