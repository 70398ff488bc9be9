"""The README is true: every block of it runs, in a project made as it says."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.docs.projects import Project, readme_block
from tests.docs.running import run_python

README = ROOT / "README.md"
SCREEN_LINES = 100
EXAMPLE_LINES = 18


def test_every_block_has_a_name_that_a_test_here_knows() -> None:
    names = [block.marks.get("name") for block in blocks(README)]

    assert names == ["example", "run", "test", "install", "settings", "urls", "migrate"]


def test_it_fits_on_a_screen() -> None:
    assert len(README.read_text().splitlines()) <= SCREEN_LINES
    assert len(readme_block("example").text.splitlines()) <= EXAMPLE_LINES


def test_a_checkout_has_two_commands_and_the_makefile_has_them() -> None:
    makefile = (ROOT / "Makefile").read_text()

    assert [readme_block(name).text for name in ("run", "test")] == ["make run\n", "make test\n"]
    for name in set(re.findall(r"(?:^|`|=\d+ )make (\w+)", README.read_text(), re.MULTILINE)):
        assert re.search(rf"^{name}:", makefile, re.MULTILINE), name


@pytest.mark.django_db(transaction=True)
def test_the_example_runs_and_prints_what_it_says() -> None:
    namespace: dict[str, Any] = {}

    assert run_python(readme_block("example"), namespace) == "99\n"
    assert namespace["QuotaService"].verify_ledger()


@pytest.mark.sqlite
def test_the_three_steps_make_a_project_that_sells(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    project = Project.make(folder)
    assert readme_block("install").text == "pip install ./billable\n"
    assert readme_block("migrate").text == "python manage.py migrate\n"
    packages = installed(project, tmp_path / "packages")
    project.variables = {"PYTHONPATH": str(packages), "BILLABLE_API_TOKEN": "token-of-the-readme-0123456789"}

    project.append(readme_block("settings"))
    project.append(readme_block("urls"))
    project.manage("migrate")

    assert "no issues" in project.manage("check")
    assert str(packages) in project.python("-c", "import billable; print(billable.__file__)")
    assert "99\n" in project.run(readme_block("example"))
    answered = project.manage("shell", "-c", ASK)
    assert "200 pro_monthly" in answered
    assert "401" in answered
    assert "all is well" in project.manage("billable_verify")


def installed(project: Project, packages: Path) -> Path:
    """Install the checkout, as the README says, into a folder of its own; what that needs may not be fetched."""
    if find_spec("pip") is None or find_spec("hatchling") is None:
        return ROOT / "src"
    project.python(
        *("-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir"),
        *("--target", str(packages), str(ROOT)),
    )
    return packages


ASK = """\
from django.test import Client
address = "/api/v1/billing/products"
token = {"HTTP_AUTHORIZATION": "Bearer token-of-the-readme-0123456789"}
answer = Client(SERVER_NAME="localhost").get(address, **token)
print(answer.status_code, answer.json()["items"][0]["sku"])
print(Client(SERVER_NAME="localhost").get(address).status_code)
"""


def test_the_architecture_names_every_part_of_the_package() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    parts = [path for path in (ROOT / "src" / "billable").iterdir() if not path.name.startswith(("__", "."))]

    for path in parts:
        if path.suffix == ".py":
            assert re.search(rf"\b{path.name}\b", text), path.name
        elif path.is_dir():
            assert re.search(rf"\b{path.name}/", text), path.name
