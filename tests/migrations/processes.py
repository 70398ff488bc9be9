"""Processes that are no test run: what they do with a database is what a host's own would do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def told_by(module: str, *arguments: str, database: str) -> dict[str, Any]:
    """What a module of this package prints, as JSON, when it is run on a database."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", f"tests.migrations.{module}", *arguments],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "BILLABLE_TEST_DATABASE_NAME": database},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told
