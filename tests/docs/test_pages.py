"""Every block of every page runs, or says why it does not."""

import asyncio
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from tests.docs.blocks import DATA, DOCS, ROOT, RUNNABLE, Block, blocks, pages
from tests.docs.projects import Project
from tests.docs.running import Shell, compare, run_python, run_session

IN_A_PROJECT = [DOCS / "tutorial.md", DOCS / "how-to" / "install.md"]
AGAINST_MAKE_RUN = DOCS / "how-to" / "rest.md"
SETTINGS_ONLY = DOCS / "how-to" / "databases.md"
MARKS = {"no-run", "file", "background", "shows", "test-case", "name", "needs-django"}
SETTINGS_FILE = "shop/settings.py"


def is_run(block: Block) -> bool:
    return block.language in RUNNABLE and "no-run" not in block.marks


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


HERE = [
    page
    for page in pages()
    if page not in (*IN_A_PROJECT, AGAINST_MAKE_RUN, ROOT / "README.md")
    and any(is_run(block) for block in blocks(page))
]


@pytest.mark.parametrize("page", pages(), ids=named)
def test_each_block_is_of_a_known_kind(page: Path) -> None:
    for block in blocks(page):
        directive = block.language.startswith("{")
        assert directive or block.language in (*RUNNABLE, *DATA), f"{block.where}: {block.language!r}"
        assert set(block.marks) <= MARKS, f"{block.where}: {block.marks}"
        assert block.marks.get("no-run") != "", f"{block.where}: say why it is not run"
        if block.language == "json":
            json.loads(block.text)
    assert page.read_text().count("\n```") == 2 * len(blocks(page)), "a fence that no test sees"


@pytest.mark.parametrize("page", [page for page in HERE if page != SETTINGS_ONLY], ids=named)
@pytest.mark.django_db(transaction=True)
def test_the_blocks_of_a_page_run_in_order(
    page: Path, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLABLE_FINGERPRINT_KEYS", "fingerprint-key-new-0123456789 fingerprint-key-old-0123456789")
    namespace: dict[str, Any] = {"__name__": "__console__"}
    shell = Shell(folder=tmp_path, state=tmp_path)
    shown = ""
    try:
        for block in blocks(page):
            if "shows" in block.marks:
                compare(block, shown)
            elif is_run(block) and block.marks.get("file") == SETTINGS_FILE:
                apply(block, settings)
            elif is_run(block):
                shown = run(block, namespace, shell)
    finally:
        asyncio.run(sync_to_async(connections.close_all)())  # the twins' thread has connections of its own


def run(block: Block, namespace: dict[str, Any], shell: Shell) -> str:
    if block.language == "pycon":
        run_session(block, namespace)
        return ""
    return run_python(block, namespace) if block.language == "python" else shell.run(block)


def apply(block: Block, settings: Any) -> None:
    """Billable's settings of a block hold for the rest of the page."""
    given: dict[str, Any] = {"INSTALLED_APPS": [], "DATABASES": {"default": {}}}
    exec(block.code, given)  # noqa: S102  # our own pages
    for name, value in given.items():
        if name.startswith("BILLABLE_"):
            setattr(settings, name, value)


# ------------------------------------------------------------------- in projects of their own


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    folder, state = tmp_path / "work", tmp_path / "state"
    folder.mkdir()
    state.mkdir()
    shell = Shell(folder=folder, state=state)
    yield shell
    shell.stop()


@pytest.mark.sqlite
@pytest.mark.parametrize("page", IN_A_PROJECT, ids=named)
def test_the_blocks_of_a_page_run_in_a_project(page: Path, shell: Shell) -> None:
    needs_curl()
    if not any("startproject" in block.text for block in blocks(page)):
        Project.make(shell.folder)
    shown, waiting = "", []
    for block in [*blocks(page), None]:
        python = block is not None and is_run(block) and block.language != "sh" and "file" not in block.marks
        if block is not None and python:
            waiting.append(block)
            continue
        project = Project(shell.place, "shop")
        if waiting:
            shown = project.run(*waiting)
            waiting = []
        if block is None or "no-run" in block.marks:
            continue
        if "shows" in block.marks:
            compare(block, shown)
        elif "file" in block.marks:
            project.append(block)
        elif "background" in block.marks:
            shell.start(block)
        elif block.language == "sh":
            shown = shell.run(block)


@pytest.mark.sqlite
def test_the_blocks_of_a_page_run_against_make_run(shell: Shell) -> None:
    needs_curl()
    (shell.folder / ".venv").symlink_to(sys.prefix)
    (shell.folder / "Makefile").write_text("run:\n\t@.venv/bin/python -m billable\n")  # no setting up here
    shown = ""
    for block in blocks(AGAINST_MAKE_RUN):
        if "shows" in block.marks:
            compare(block, shown)
        elif "background" in block.marks:
            shell.start(block)
        elif is_run(block):
            shown = shell.run(block)


@pytest.mark.sqlite
@pytest.mark.parametrize("block", [*filter(is_run, blocks(SETTINGS_ONLY))], ids=lambda block: f"line {block.line}")
def test_the_settings_of_a_page_please_the_system_checks(block: Block, tmp_path: Path) -> None:
    needed = tuple(int(part) for part in block.marks.get("needs-django", "4.2").split("."))
    if django.VERSION < needed:
        pytest.skip("this machine has an older Django")
    project = Project.make(tmp_path)
    with (tmp_path / SETTINGS_FILE).open("a") as file:
        file.write('\nINSTALLED_APPS += ["billable"]\nBILLABLE_API_TOKEN = "0123456789" * 3\n')
    project.append(block)

    if "postgresql" in block.text:
        assert "no issues" in project.manage("check")
    else:
        project.manage("migrate")
        assert "no issues" in project.manage("check", "--database", "default")


def needs_curl() -> None:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("this machine has no curl or no bash")
