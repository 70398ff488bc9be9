"""The default user factory of identify."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.contrib.auth.hashers import make_password
from django.db import models

from billable.customers.subjects import user_model


def make_user(provider: str, external_id: str, profile: dict[str, Any]) -> models.Model | None:
    """Make a ``billable-<uuid>`` user without a usable password, or none where the user model asks for more.

    It never looks for an existing user: an external id is no proof of owning an account.
    """
    users = user_model()
    if not _needs_only_a_username(users):
        return None
    return users._base_manager.create(username=f"billable-{uuid4()}", password=make_password(None))


def _needs_only_a_username(users: type[models.Model]) -> bool:
    fields = {field.name: field for field in users._meta.concrete_fields}
    if "username" not in fields or "password" not in fields:
        return False
    required = [
        name
        for name, field in fields.items()
        if not (field.blank or field.null or field.has_default() or field.primary_key)
        and not getattr(field, "auto_now", False)
        and not getattr(field, "auto_now_add", False)
    ]
    return set(required) <= {"username", "password"}
