"""What differs between the Django versions that are supported (4.2 to 6.x), in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import django
from django.db import models

View = TypeVar("View", bound=Callable[..., Any])


def check_constraint(condition: models.Q, *, name: str) -> models.CheckConstraint:
    """A CHECK: the keyword is ``check`` until Django 5.0 and only ``condition`` from 6.0."""
    if django.VERSION >= (5, 1):
        return models.CheckConstraint(condition=condition, name=name)
    return models.CheckConstraint(check=condition, name=name)  # type: ignore[call-arg]  # the stubs are newer


def login_not_required(view: View) -> View:
    """Exempt a view from LoginRequiredMiddleware, which exists from Django 5.1."""
    if django.VERSION >= (5, 1):
        from django.contrib.auth.decorators import login_not_required as exempt

        return exempt(view)
    return view
