"""Who may call: the bearer of ``BILLABLE_API_TOKEN``."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import HttpRequest
from ninja.security.http import HttpAuthBase

from billable.conf import EXAMPLE_TOKENS, knobs

ROOT_ACTOR = "api:root"


class BearerToken(HttpAuthBase):
    """``Authorization: Bearer <token>``. The answer is the actor's name, or None: nobody."""

    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> str | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        # Reports of errors print META, and older Djangos do not hide this part of it.
        request.META.pop("HTTP_AUTHORIZATION", None)
        return ROOT_ACTOR if scheme.lower() == "bearer" and is_root_token(token) else None


def is_root_token(token: str) -> bool:
    """Whether this is the configured token. Without one, or with an example's outside DEBUG, none is."""
    expected = knobs.api_token
    if not expected or (expected in EXAMPLE_TOKENS and not settings.DEBUG):
        return False
    # The server hands headers over as latin-1, whatever bytes the client sent.
    return hmac.compare_digest(token.encode("latin-1", "replace"), expected.encode())
