"""The first login to the admin."""

from __future__ import annotations

import secrets

USERNAME = "admin"


def make_first_admin() -> str | None:
    """Make a superuser if there is none. Returns the password, which is kept nowhere; None: none made."""
    from django.contrib.auth.models import User

    if User.objects.filter(is_superuser=True).exists() or User.objects.filter(username=USERNAME).exists():
        return None
    password = secrets.token_hex(10)
    User.objects.create_superuser(USERNAME, password=password)
    return password
