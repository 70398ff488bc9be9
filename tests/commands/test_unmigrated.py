"""The commands in a project that is not migrated."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.processes import START_SECONDS

pytestmark = pytest.mark.sqlite


@pytest.mark.parametrize(
    "command", ["billable_verify", "billable_expire", "billable_expire_orders", "billable_seed_demo", "billable_tick"]
)
def test_it_is_one_line_that_says_to_migrate(command: str, tmp_path: Path) -> None:
    refusal = subprocess.run(
        [sys.executable, "-m", "django", command],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "BILLABLE_TEST_DATABASE_NAME": str(tmp_path / "empty.sqlite3"),
        },
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )

    assert refusal.returncode == 1
    assert refusal.stderr.splitlines() == [
        "CommandError: The tables of billable are not up to date; run: python manage.py migrate"
    ]
