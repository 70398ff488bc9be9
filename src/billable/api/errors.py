"""Refusals as problem documents (RFC 9457), and everything else that can go wrong as one too.

A problem has ``type``, ``title``, ``status``, ``detail``, a stable ``code``, and the data of the refusal. Failed
validation lists ``errors``: ``[{"field": "items[0].sku", "message": "is required"}]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.serializers.json import DjangoJSONEncoder
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils.log import log_response
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from billable.api.schemas.catalog import ProductOut
from billable.errors import (
    BillableError,
    Conflict,
    Invalid,
    Misconfigured,
    NotFound,
    QuotaExceeded,
    Refused,
    Retryable,
)
from billable.services import CatalogService

PROBLEM_MEDIA_TYPE = "application/problem+json"
PLAIN_MEDIA_TYPE = "application/json"
TYPE_PREFIX = "urn:problem-type:billable:"
RETRY_AFTER_SECONDS = 1

# The most specific class of a refusal that is listed here decides.
STATUSES: Mapping[type[BillableError], int] = {
    QuotaExceeded: 402,
    NotFound: 404,
    Refused: 409,
    Conflict: 409,
    Invalid: 422,
    Misconfigured: 503,
    Retryable: 503,
    BillableError: 400,
}
# ``status`` is the HTTP status of a problem, so an order's goes by another name.
RENAMED = {"status": "order_status"}

MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this request",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "string_unicode": "must be valid Unicode",
}


# A body of many wrong items is answered with the first of them.
MAX_LISTED_ERRORS = 20


class UnsupportedMediaType(Exception):
    """The body is not declared to be JSON."""


class LengthRequired(Exception):
    """The body comes in chunks, without a length."""


def problem(
    request: HttpRequest,
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> HttpResponse:
    """A problem document, in the media type that the client can parse."""
    document = {
        "type": TYPE_PREFIX + code.replace("_", "-"),
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        **members,
    }
    return JsonResponse(
        document,
        status=status,
        encoder=DjangoJSONEncoder,
        content_type=media_type(request),
        headers={"Vary": "Accept", **(headers or {})},
    )


def media_type(request: HttpRequest) -> str:
    """Plain JSON for clients that name it and not the other: n8n and axios parse only that."""
    accepted = {part.partition(";")[0].strip().lower() for part in request.headers.get("Accept", "").split(",")}
    plain = PLAIN_MEDIA_TYPE in accepted and PROBLEM_MEDIA_TYPE not in accepted
    return PLAIN_MEDIA_TYPE if plain else PROBLEM_MEDIA_TYPE


def refused(request: HttpRequest, refusal: BillableError) -> HttpResponse:
    """A refusal of the engine."""
    status = next(STATUSES[family] for family in type(refusal).__mro__ if family in STATUSES)
    members = {RENAMED.get(name, name): value for name, value in refusal.data.items()}
    headers = {}
    if isinstance(refusal, Invalid):
        members["errors"] = [{"field": members.pop("field"), "message": members.pop("problem")}]
    if isinstance(refusal, QuotaExceeded):
        members["offers"] = offers(refusal.feature)
    if isinstance(refusal, Retryable):
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return problem(request, status, refusal.code, refusal.message, headers=headers, **members)


def offers(feature: str) -> list[dict[str, Any]]:
    """The products that would help somebody who ran out of this feature."""
    return [ProductOut.model_validate(product).model_dump() for product in CatalogService.offers_for(feature)]


def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Input that does not fit the operation's schema: the same problem as the engine's Invalid."""
    listed = error.errors[:MAX_LISTED_ERRORS]
    errors = [{"field": field_of(one["loc"]), "message": message_of(one)} for one in listed]
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in errors)
    return problem(request, 422, Invalid.code, detail, errors=errors)


def field_of(location: Sequence[str | int]) -> str:
    """Where an error is, as the caller wrote it: ``("body", "body", "items", 0, "sku")`` is ``items[0].sku``."""
    source, *path = location
    if path and path[0] == source:
        # Ninja's name of the parameter that a body or a query is read into.
        path = path[1:]
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".") or str(source)


def message_of(error: Mapping[str, Any]) -> str:
    """What is wrong, in words that go on from the field's name."""
    message = MESSAGES.get(error["type"]) or str(error["msg"])
    return message.replace("Input should be ", "must be ").replace("Input should ", "must ")


def unauthorized(request: HttpRequest, error: Exception) -> HttpResponse:
    """No token, or not the right one."""
    detail = "Send the API's token as 'Authorization: Bearer <token>'."
    return problem(request, 401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def not_found(request: HttpRequest, error: Exception | None = None) -> HttpResponse:
    """A path that is none of ours."""
    return problem(request, 404, "not_found", "There is nothing at this address.")


def method_not_allowed(request: HttpRequest, allow: str) -> HttpResponse:
    """A path of ours, and another method."""
    detail = f"This address answers to {allow}."
    return problem(request, 405, "method_not_allowed", detail, headers={"Allow": allow})


def malformed(request: HttpRequest, error: Exception) -> HttpResponse:
    """A request that cannot be read."""
    # What the parser raised is the cause of Ninja's HttpError.
    if isinstance(error.__cause__, UnsupportedMediaType):
        return problem(request, 415, "unsupported_media_type", "Send the body as 'Content-Type: application/json'.")
    if isinstance(error.__cause__, RequestDataTooBig):
        return too_large(request, error)
    return problem(request, 400, "malformed", "The request could not be read: its body must be one JSON object.")


def too_large(request: HttpRequest, error: Exception) -> HttpResponse:
    """A body past our limit or past DATA_UPLOAD_MAX_MEMORY_SIZE."""
    return problem(request, 413, "too_large", "The body is too large.")


def length_required(request: HttpRequest, error: Exception) -> HttpResponse:
    """A body that Django would not read."""
    return problem(request, 411, "length_required", "Send the body with its Content-Length, not in chunks.")


def unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    """A bug. It is reported as Django reports one; the client learns nothing of it."""
    got_request_exception.send(sender=None, request=request)
    response = problem(request, 500, "internal_error", "Something went wrong here; it has been logged.")
    log_response("Internal Server Error: %s", request.path, response=response, request=request, exception=error)
    return response


def misconfigured(request: HttpRequest, error: Misconfigured) -> HttpResponse:
    """A setting is missing: nothing that the client could do better, and somebody should look."""
    response = refused(request, error)
    log_response("%s: %s", error, request.path, response=response, request=request, exception=error)
    return response


def add_handlers(api: NinjaAPI) -> None:
    """Answer every exception with a problem; the most specific class of an exception decides."""
    for exception, handler in HANDLERS.items():
        api.add_exception_handler(exception, handler)


HANDLERS: Mapping[type[Exception], Callable[..., HttpResponse]] = {
    BillableError: refused,
    Misconfigured: misconfigured,
    ValidationError: invalid,
    AuthenticationError: unauthorized,
    Http404: not_found,
    HttpError: malformed,
    BadRequest: malformed,
    SuspiciousOperation: malformed,
    UnreadablePostError: malformed,
    RequestDataTooBig: too_large,
    LengthRequired: length_required,
    Exception: unexpected,
}
