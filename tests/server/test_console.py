"""The console script: what it lists, and what it says to a typing error."""

from pathlib import Path

import pytest

from billable import __version__
from billable.server import cli
from tests.server.processes import billable

pytestmark = pytest.mark.sqlite


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0

    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]]
    assert listed == ["serve", "manage", "demo", "expire", "seed_demo", "verify", "--version", "--help"]


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

    for arguments in (["--help"], ["serve", "--help"], ["demo", "--help"]):
        billable(*arguments, home=home)

    assert not home.exists()
