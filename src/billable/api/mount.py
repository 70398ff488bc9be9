"""From a NinjaAPI to URL patterns that work under any mount."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import BadRequest
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import URLPattern, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI

from billable.actor import acting_as
from billable.api.auth import ROOT_ACTOR
from billable.api.errors import LengthRequired, method_not_allowed, not_found
from billable.api.pages import pages
from billable.compat import login_not_required

View = Callable[..., HttpResponseBase]


def patterns(api: NinjaAPI) -> list[URLPattern]:
    """All addresses: the operations, the documentation, and a catch-all that answers 404 as a problem."""
    operations = [
        with_view(pattern, at_the_door(pattern.callback, api))
        for pattern in api.urls[0]
        if isinstance(pattern, URLPattern) and pattern.name != "api-root"
    ]
    everything = [*operations, *pages(api), re_path("", nothing_here)]
    return [with_view(pattern, detached(pattern.callback)) for pattern in everything]


def with_view(pattern: URLPattern, view: View) -> URLPattern:
    """The same address with another view."""
    return URLPattern(pattern.pattern, view, pattern.default_args, pattern.name)


def nothing_here(request: HttpRequest, **captured: object) -> HttpResponseBase:
    """The view of every path that is none of ours."""
    return not_found(request)


def at_the_door(view: View, api: NinjaAPI) -> View:
    """What every operation needs and Ninja does not give: an actor, and a problem for the wrong method."""

    @functools.wraps(view)
    def operation(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            make_readable(request)
            with acting_as(ROOT_ACTOR):
                response = view(request, *args, **kwargs)
        except Exception as error:
            return api.on_exception(request, error)
        if isinstance(response, HttpResponseNotAllowed):
            return method_not_allowed(request, ", ".join(sorted(response.headers["Allow"].split(", "))))
        return response

    return operation


def make_readable(request: HttpRequest) -> None:
    """Keep three headers from misleading Django's own parsing of the request."""
    # Django reads no body without a length: a chunked "revoke 1 unit" would arrive as "revoke", which is the whole.
    if request.META.get("HTTP_TRANSFER_ENCODING"):
        raise LengthRequired
    if not re.fullmatch("[0-9]*", request.META.get("CONTENT_LENGTH") or ""):
        raise BadRequest
    # JSON and addresses are UTF-8, whatever charset a client names.
    request.encoding = "utf-8"


def detached(view: View) -> View:
    """The view, free of what the host's project demands of its own: sessions, CSRF tokens, request transactions."""
    for alias in connections:
        # The engine's transactions end inside the view: what a 409 reports was kept, and must stay.
        view = transaction.non_atomic_requests(using=alias)(view)
    return login_not_required(csrf_exempt(view))
