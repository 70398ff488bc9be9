"""The API's own documentation: ``docs`` and ``openapi.json``, shown where ``BILLABLE_SHOW_DOCS`` says so.

No address in them names a host or asks for a namespace, and Ninja's packaged assets are served from here: they work
under any mount, without a CDN, and without ``ninja`` in INSTALLED_APPS.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import ninja
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from ninja import NinjaAPI
from ninja.responses import NinjaJSONEncoder

from billable.api.errors import method_not_allowed, not_found
from billable.conf import knobs

ASSETS = Path(ninja.__file__).parent / "static" / "ninja"
MEDIA_TYPES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui-init.js": "text/javascript",
    "favicon.png": "image/png",
}

# Ninja's swagger.html without its template tags; it has no script of its own, so that a strict CSP allows it.
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{title}</title>
    <link rel="icon" href="docs/favicon.png" type="image/png">
    <link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
    <div id="swagger-ui"></div>
    <noscript>This page needs JavaScript; <a href="openapi.json">openapi.json</a> says the same.</noscript>
    <script type="application/json" id="swagger-settings">
        {{"url": "openapi.json", "layout": "BaseLayout", "deepLinking": true}}
    </script>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/swagger-ui-init.js"></script>
</body>
</html>
"""

View = Callable[..., HttpResponse]


def pages(api: NinjaAPI) -> list[URLPattern]:
    """The addresses of the documentation. Each takes whatever the path of its mount captures."""
    description = path("openapi.json", shown(functools.partial(openapi_json, api=api)), name="openapi-json")
    assets = [path(f"docs/{name}", shown(asset), {"name": name}) for name in MEDIA_TYPES]
    return [description, path("docs", shown(docs), name="docs"), *assets]


def docs(request: HttpRequest, **captured: object) -> HttpResponse:
    """The interactive page."""
    return HttpResponse(format_html(PAGE, title=knobs.api_title))


def openapi_json(request: HttpRequest, api: NinjaAPI, **captured: object) -> HttpResponse:
    """The OpenAPI document, with the path that it is mounted at as its server."""
    schema = api.get_openapi_schema()
    # ``.`` would be as right, and follow a proxy that cuts prefixes off, but generators and fuzzers misread it.
    schema["servers"] = [{"url": request.path.removesuffix("/openapi.json") or "/"}]
    return JsonResponse(schema, encoder=NinjaJSONEncoder)


def asset(request: HttpRequest, name: str, **captured: object) -> HttpResponse:
    """A file of Swagger UI."""
    content = (ASSETS / name).read_bytes()
    return HttpResponse(content, content_type=MEDIA_TYPES[name], headers={"Cache-Control": "max-age=3600"})


def shown(page: View) -> View:
    """The page, or a 404 where documentation is switched off."""

    def gated(request: HttpRequest, **kwargs: object) -> HttpResponse:
        if not knobs.show_docs:
            return not_found(request)
        if request.method not in ("GET", "HEAD"):
            return method_not_allowed(request, "GET, HEAD")
        return page(request, **kwargs)

    return gated
