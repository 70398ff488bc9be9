"""How bodies are read: one JSON document, declared as such."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from ninja.parser import Parser

from billable.api.errors import PLAIN_MEDIA_TYPE, UnsupportedMediaType

MAX_BODY_BYTES = 1_000_000


class JSONParser(Parser):
    """Ninja's parser, which asks for the content type and takes JSON by its standard, without NaN and Infinity."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body's document. Whatever is raised here, Ninja makes an HttpError of it and keeps the cause."""
        if request.content_type != PLAIN_MEDIA_TYPE:
            raise UnsupportedMediaType
        # Django's own limit may be switched off, and does not see bodies that declare no length.
        if len(request.body) > MAX_BODY_BYTES:
            raise RequestDataTooBig
        return json.loads(request.body, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
