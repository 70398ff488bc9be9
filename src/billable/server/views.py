"""The few pages of the embedded project that are neither the API nor the admin."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe

from billable import __version__
from billable.conf import knobs


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """What is where."""
    return render(request, "billable_server/index.html", {"version": __version__, "has_docs": knobs.show_docs})


@require_safe
def api_base(request: HttpRequest) -> HttpResponse:
    """Nothing is here but what is below it: to the page that says so."""
    return redirect("/api/v1/billing/docs" if knobs.show_docs else "index")


@require_safe
@cache_control(max_age=86_400)
def no_icon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for one on every page that names none, and report a 404 as an error of that page."""
    return HttpResponse(status=204)


@require_safe
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """Yes, as soon as the process serves; asks no database."""
    return HttpResponse("ok\n", content_type="text/plain")
