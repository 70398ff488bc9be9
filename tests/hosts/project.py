"""A host project, made as its owner makes it: ``django-admin startproject``, then the three steps of the README."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.migrations.databases import empty_database

HERE = Path(__file__).parent
NAME = "site_of_host"
TOKEN = "a-token-of-the-host-0123456789abcdef"

# Warnings are errors, but for those of others: Django 4.2 on Python 3.12 and later, django-ninja 1.4 on newer pydantic.
WARNINGS = (
    "error",
    "ignore:datetime.datetime.utc:DeprecationWarning",
    "ignore:The default datetime adapter is deprecated:DeprecationWarning",
    "ignore:Support for class-based:DeprecationWarning",
)

STEP_1 = f"""
import os

INSTALLED_APPS += ["billable"]
BILLABLE_API_TOKEN = os.environ.get("HOST_TOKEN", "{TOKEN}")
"""
STEP_2 = """
from django.urls import include

urlpatterns += [path("api/v1/billing/", include("billable.urls"))]
"""
BILLING_FILE = '\nDATABASES["billing"] = {**DATABASES["default"], "NAME": BASE_DIR / "billing.sqlite3"}'


@dataclass(kw_only=True)
class Host:
    """A project in a folder. ``settings`` and ``urls`` are added to what startproject wrote."""

    folder: Path
    stack: ExitStack
    apps: Sequence[str] = ()
    settings: str = ""
    urls: str = STEP_2
    aliases: Sequence[str] = ("default",)

    facts: dict[str, Any] = field(default_factory=dict)
    """What a script that was played here has told."""

    def build(self, started: Path) -> Host:
        """Copy what startproject wrote to ``started``, and take the README's first two steps."""
        shutil.copytree(started, self.folder)
        for app in self.apps:
            shutil.copytree(HERE / "apps" / app, self.folder / app)
        installed = "".join(f'\nINSTALLED_APPS += ["{app}"]' for app in self.apps)
        with (self.folder / NAME / "settings.py").open("a") as file:
            file.write(f"{STEP_1}{installed}{self._databases()}\n{self.settings}\n")
        with (self.folder / NAME / "urls.py").open("a") as file:
            file.write(self.urls)
        return self

    def manage(self, *arguments: str, fails: bool = False, **environment: str) -> str:
        """Run ``manage.py``; what it said."""
        return run(self.folder, "manage.py", *arguments, fails=fails, environment=environment)

    def play(self, script: str, *arguments: str) -> dict[str, Any]:
        """Run one of the scripts of this folder in the project; the facts that it prints."""
        shutil.copy(HERE / "scripts" / f"{script}.py", self.folder)
        said = run(self.folder, f"{script}.py", *arguments)
        self.facts = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
        return self.facts

    def _databases(self) -> str:
        """On SQLite what startproject wrote; on PostgreSQL empty databases on the server of the suite."""
        default = settings.DATABASES["default"]
        if "postgresql" not in default["ENGINE"]:
            return BILLING_FILE if "billing" in self.aliases else ""
        server = {key: default[key] for key in ("ENGINE", "HOST", "PORT", "USER", "PASSWORD")}
        databases = {
            alias: {**server, "NAME": self.stack.enter_context(empty_database(self.folder))} for alias in self.aliases
        }
        return f"\nDATABASES = {databases!r}"


def run(folder: Path, *arguments: str, fails: bool = False, environment: Mapping[str, str] | None = None) -> str:
    """Run Python in a folder, with nothing of the suite's own settings; what it said."""
    ours = ("DJANGO_", "BILLABLE_", "PYTHONDONTWRITEBYTECODE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        [sys.executable, *(f"-W{each}" for each in WARNINGS), *arguments],
        cwd=folder,
        env={**inherited, "DJANGO_SETTINGS_MODULE": f"{NAME}.settings", **(environment or {})},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    said = done.stdout + done.stderr
    assert (done.returncode != 0) is fails, f"{' '.join(arguments)} → {done.returncode}\n{said}"
    return said
