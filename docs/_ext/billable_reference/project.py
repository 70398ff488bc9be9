"""The smallest Django project that the package can be looked at in. No database is ever opened."""

from __future__ import annotations

import django
from django.conf import settings


def start() -> None:
    """Set Django up, unless somebody (the test suite) has."""
    if settings.configured:
        return
    settings.configure(
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "billable"],
        DATABASES={"default": {"ENGINE": "billable.db.sqlite3", "NAME": ":memory:"}},
        SECRET_KEY="only-for-the-documentation",  # noqa: S106  # it protects nothing
        USE_TZ=True,
    )
    django.setup()
