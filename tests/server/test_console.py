"""The console script: what it lists, and what it says to a typing error."""

import re
from pathlib import Path

import pytest

from billable import __version__
from billable.server import cli
from tests.server.processes import billable

pytestmark = pytest.mark.sqlite

INSTALLS_BARE_NAME = re.compile(r"""\b(?:pipx? install|uv add)(?: -[\w-]+)* *['"]?billable\b""")
BROKEN_STRING = re.compile(r"""["']\n\s*[rf]*["']""")


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0

    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]]
    assert listed == [
        "serve",
        "manage",
        "demo",
        "expire",
        "expire_orders",
        "issue_invoices",
        "link_identities",
        "roll_out",
        "seed_demo",
        "settle_referrals",
        "tick",
        "verify",
        "--version",
        "--help",
    ]


def test_no_command_is_a_question_for_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert "usage: billable" in capsys.readouterr().out


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"billable {__version__}\n"


@pytest.mark.parametrize(
    ("typed", "advice"),
    [("verfy", "did you mean 'verify'?"), ("server", "did you mean 'serve'?"), ("xyz", "billable --help")],
)
def test_an_unknown_command_gets_a_close_match(typed: str, advice: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([typed]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert advice in line


def test_looking_around_makes_no_home(tmp_path: Path) -> None:
    home = tmp_path / "home"

    for arguments in (
        ["--help"],
        ["serve", "--help"],
        ["demo", "--help"],
        ["verify", "--help"],
        ["manage"],
        ["manage", "help", "migrate"],
    ):
        assert billable(*arguments, home=home).returncode == 0

    assert not home.exists()


def test_help_says_what_the_demo_catalogue_is(capsys: pytest.CaptureFixture[str]) -> None:
    told = "plans, credit packs and a trial of Papermill, a made-up document tool"

    assert told in cli.help_text()
    with pytest.raises(SystemExit):
        cli.main(["serve", "--help"])
    assert told in " ".join(capsys.readouterr().out.split())


def test_nothing_says_to_install_the_bare_name_which_belongs_to_another_project() -> None:
    package = Path(cli.__file__).parent.parent
    texts = {
        path: BROKEN_STRING.sub("", path.read_text())
        for path in package.rglob("*")
        if path.suffix in (".py", ".html", ".md", ".txt", ".js")
    }
    assert any("pip install" in text for text in texts.values())

    assert [str(path) for path, text in texts.items() if INSTALLS_BARE_NAME.search(text)] == []


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("pip install 'billable[server]'", True),
        ("pip install --upgrade billable", True),
        ("uv add billable", True),
        ('pip install "./billable[server]"', False),
        ('pip install ".[server]" in a checkout of billable', False),
        ("pip install ./billable-0.1.0-py3-none-any.whl", False),
    ],
)
def test_the_bare_name_is_recognised(text: str, bare: bool) -> None:
    assert bool(INSTALLS_BARE_NAME.search(text)) is bare
