"""The package burdens nobody: it loads without Django's settings, and without pytest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import billable
from tests.docs.running import clean_environment

pytestmark = pytest.mark.sqlite

SOURCE = str(Path(billable.__file__).parent.parent)


def python(folder: Path, *arguments: str, **variables: str) -> str:
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**clean_environment(), "PYTHONPATH": SOURCE, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_importing_it_imports_no_django(tmp_path: Path) -> None:
    code = """
import sys
import billable.testing
import billable.testing.plugin
assert "django" not in sys.modules, "django"
assert "FakePayments" in dir(billable.testing) or "FakePayments" in billable.testing.__all__
try:
    billable.testing.nothing
except AttributeError as error:
    print(error)
"""
    assert "has no attribute 'nothing'" in python(tmp_path, "-c", code)


def test_everything_but_the_plugin_works_without_pytest(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["pytest"] = None
from django.conf import settings
settings.configure(INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "billable"], USE_TZ=True)
import django
django.setup()
import billable.testing
for name in billable.testing.__all__:
    getattr(billable.testing, name)
print("all there")
"""
    assert python(tmp_path, "-c", code) == "all there\n"


def test_a_project_uses_it_in_two_lines(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["billable.testing.plugin"]\n')
    (tmp_path / "shop_settings.py").write_text(
        "SECRET_KEY = 'for tests'\nUSE_TZ = True\n"
        "INSTALLED_APPS = ['django.contrib.auth', 'django.contrib.contenttypes', 'billable']\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}\n"
    )
    (tmp_path / "test_shop.py").write_text(
        "from billable.testing import assert_balance, make_customer, make_grant\n"
        "def test_a_month_is_over(db, billing_clock):\n"
        "    customer = make_customer()\n"
        "    make_grant(customer, period='1 month')\n"
        "    billing_clock.advance(months=1)\n"
        "    assert_balance(customer, 'units', 0)\n"
    )
    options = ("-q", "-p", "no:cacheprovider", "--ds", "shop_settings", "-p", "billable.testing.plugin")

    assert "1 passed" in python(tmp_path, "-m", "pytest", *options)
