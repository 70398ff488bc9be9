"""The API's description of itself: what Ninja leaves out of OpenAPI, said once."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from pydantic import BaseModel, ConfigDict, Field

from billable.api.errors import PLAIN_MEDIA_TYPE, PROBLEM_MEDIA_TYPE
from billable.api.schemas.base import KEY_HEADER
from billable.conf import knobs
from billable.inputs import MAX_KEY_LENGTH


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str = Field(examples=["items[0].sku"])
    message: str = Field(examples=["is required"])


class Problem(BaseModel):
    """Why the answer is no (RFC 9457). The data of the refusal stands beside these members."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:problem-type:billable:order-not-found"])
    title: str = Field(examples=["Order not found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="For people.")
    code: str = Field(description="For programs; it never changes.", examples=["order_not_found"])
    errors: list[FieldError] | None = Field(default=None, description="Of failed validation: each field.")


ALWAYS = (400, 401, 422, 503)
WITH_A_BODY = (413, 415)

KEY_PARAMETER = {
    "name": KEY_HEADER,
    "in": "header",
    "required": False,
    "description": "Repeating a request with the same key answers what it answered, and does nothing again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
}
TAKES_KEY: dict[str, Any] = {"parameters": [KEY_PARAMETER]}
"""``openapi_extra`` of an operation that writes once per key."""

IGNORED_KEY = {
    **KEY_PARAMETER,
    "description": "Accepted, and not needed: by what it names, repeating this request does nothing again.",
}
REPEATS_SAFELY: dict[str, Any] = {"parameters": [IGNORED_KEY]}
"""``openapi_extra`` of an operation that writes, and whose own input is its key."""


def reads(answer: Any, *statuses: int) -> dict[int, Any]:
    """The answers of a GET: ``answer``, the problems that all have, and ``statuses``."""
    return {200: answer, **dict.fromkeys(sorted({*ALWAYS, *statuses}), Problem)}


def takes_body(answer: Any, *statuses: int) -> dict[int, Any]:
    """The answers of a POST."""
    return reads(answer, *WITH_A_BODY, *statuses)


def answers_file(media_type: str) -> dict[str, Any]:
    """``openapi_extra`` of a GET whose answer is no JSON."""
    return {"responses": {200: {"content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}}}


class BillingAPI(NinjaAPI):
    """A NinjaAPI that says of itself what is true wherever it is mounted, without asking for a namespace."""

    def get_root_path(self, path_params: dict[str, Any]) -> str:
        """Paths in the document are relative to its server, which is where the document lies."""
        return ""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The function's name: what generated clients call it."""
        return operation.view_func.__name__

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        """The document, with the title of the settings and the media type that problems have."""
        schema = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
        schema["info"]["title"] = knobs.api_title
        for path in schema["paths"].values():
            for operation in path.values():
                _describe_problems(operation["responses"])
                _leave_out_null(operation["parameters"])
        return schema


def _describe_problems(responses: dict[int, Any]) -> None:
    for status, response in responses.items():
        if status >= 400:
            response["description"] = HTTPStatus(status).phrase
            response["content"][PROBLEM_MEDIA_TYPE] = response["content"][PLAIN_MEDIA_TYPE]
    if 401 in responses:
        responses[401]["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    if 503 in responses:
        responses[503]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}


def _leave_out_null(parameters: list[dict[str, Any]]) -> None:
    """A parameter is given or not; no address can say null."""
    for parameter in parameters:
        schema = parameter["schema"]
        kinds = [kind for kind in schema.pop("anyOf", ()) if kind != {"type": "null"}]
        schema.update(kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})
