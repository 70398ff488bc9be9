"""The embedded Django project: choosing its settings and starting it."""

from __future__ import annotations

import os

import django

SETTINGS = "billable.server.settings"


def choose_settings() -> None:
    """Name the embedded settings, whatever project the shell's environment names: this one brings its own."""
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS


def start() -> None:
    """Start the embedded project in this process."""
    choose_settings()
    django.setup()
