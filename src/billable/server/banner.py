"""What the server says when it starts. Secrets appear only in the start that made them."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from typing import Any

from billable.conf import knobs
from billable.server import admin_login, home

API_PATH = "/api/v1/billing/"

# A customer appears, orders, and uses what the free plan gave: each works at once, and again.
TRIES: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("identify", {"external_id": "ada"}),
    ("orders", {"external_id": "ada", "items": [{"sku": "papermill_team_monthly"}], "currency": "EUR"}),
    ("quota/consume", {"external_id": "ada", "feature": "papermill_export", "idempotency_key": "first-export"}),
)


def token_line(made: frozenset[str]) -> str:
    """Where the API token is; the token itself if it was made now."""
    if os.environ.get(home.VARIABLES[home.API_TOKEN]):
        return f"the one in {home.VARIABLES[home.API_TOKEN]}"
    path = home.path_of(home.API_TOKEN)
    if home.API_TOKEN in made:
        return f"{home.secret(home.API_TOKEN)}  (shown this once; kept in {path})"
    return f"in {path}"


def admin_line(password: str | None) -> str:
    """How to log in to the admin; the password if the login was made now."""
    if password is not None:
        return f"user {admin_login.USERNAME}, password {password}  (shown this once; only its hash is kept)"
    return f"the login that was made before  (lost? billable manage changepassword {admin_login.USERNAME})"


def serving(url: str) -> str:
    """The lines once it answers."""
    docs = f"{url}{API_PATH}docs" if knobs.show_docs else "hidden by BILLABLE_SHOW_DOCS"
    return "\n".join(
        (
            f"Serving on {url}  (Ctrl-C stops)",
            f"  API docs   {docs}",
            f"  API base   {url}{API_PATH}  (requests go below it)",
            f"  admin      {url}/admin/",
        )
    )


def tries(url: str) -> str:
    """Three lines to paste into another shell."""
    lines = [curl(url + API_PATH + path, body) for path, body in TRIES]
    return "\n".join(("Try it in another terminal:", *lines))


def curl(url: str, body: Mapping[str, Any]) -> str:
    """One request as a shell line. It reads the token where it is kept: none gets into a shell's history."""
    variable, path = home.VARIABLES[home.API_TOKEN], home.path_of(home.API_TOKEN)
    token = f"${variable}" if os.environ.get(variable) else f"$(cat {shlex.quote(str(path))})"
    return (
        f"curl -sS -w '\\n' {url} -H \"Authorization: Bearer {token}\""
        f" -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}"
    )
