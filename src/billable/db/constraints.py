"""Constraints that several tables have."""

from __future__ import annotations

from enum import Enum

from django.db.models import CheckConstraint, Q

from billable.compat import check_constraint


def one_of(field: str, words: type[Enum], name: str) -> CheckConstraint:
    """A column holds a word of a closed vocabulary."""
    return check_constraint(Q(**{f"{field}__in": [word.value for word in words]}), name=name)
