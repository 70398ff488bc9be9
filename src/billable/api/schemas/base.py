"""What the schemas of all rooms share.

Requests are strict: ``"1"``, ``1.0`` and ``true`` are no quantities, and a field that is not listed is refused, not
ignored. Rules of the engine are not repeated here; a schema only says what kind of value a field takes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timezone
from decimal import Decimal
from typing import Annotated, Any, TypeVar
from uuid import UUID

from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from billable.conf import knobs
from billable.errors import Invalid
from billable.inputs import MAX_KEY_LENGTH, MAX_NAME_LENGTH, MAX_TEXT_LENGTH, MAX_UNITS
from billable.money import EXPONENTS, MAX_AMOUNT_MINOR, Money
from billable.paging import DEFAULT_LIMIT, MAX_LIMIT, Page
from billable.services import CustomerRef

KEY_HEADER = "Idempotency-Key"
DEFAULT_PROVIDER = "default"

Row = TypeVar("Row")

# ------------------------------------------------------------------------------------- kinds of value


def _user_id(value: object) -> int | str:
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("user_id", "must be a whole number or text")


def _identifier(value: object) -> UUID:
    try:
        if isinstance(value, str):
            return UUID(value)
    except ValueError:
        pass
    raise PydanticCustomError("uuid", "must be a UUID")


def _instant(value: object) -> datetime:
    try:
        parsed = parse_datetime(value) if isinstance(value, str) else None
        if parsed is not None and parsed.tzinfo is not None:
            return parsed.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        pass
    raise PydanticCustomError("instant", "must be an ISO 8601 date and time with its offset from UTC")


def _digits(value: object) -> object:
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,30}", value) else value


def _flag(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


UserId = Annotated[
    Any,
    PlainValidator(_user_id),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "minLength": 1, "maxLength": 200}]}),
]
Identifier = Annotated[UUID, PlainValidator(_identifier), WithJsonSchema({"type": "string", "format": "uuid"})]
Instant = Annotated[datetime, PlainValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
# In a path, what can be no id names nothing: the engine answers that it was not found.
PathId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
Key = Annotated[str, StringConstraints(min_length=1, max_length=MAX_KEY_LENGTH)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH)]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT_LENGTH)]
Units = Annotated[int, Field(ge=1, le=MAX_UNITS)]
AmountMinor = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR)]
Metadata = dict[str, Any]
# A query has only text: its numbers are read here, and just as strictly.
QueryUnits = Annotated[Units, BeforeValidator(_digits)]
QueryFlag = Annotated[bool, BeforeValidator(_flag)]
QueryLimit = Annotated[Annotated[int, Field(ge=1, le=MAX_LIMIT)], BeforeValidator(_digits)]

# ------------------------------------------------------------------------------------- requests


class Request(BaseModel):
    """What a client sends."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Parameters(Request):
    """The query of a GET."""

    @model_validator(mode="before")
    @classmethod
    def show_what_ninja_drops(cls, values: Any, info: ValidationInfo) -> Any:
        """Ninja passes on known names only, and the last of repeated ones: a typo would list everybody's orders."""
        sent = _request(info).GET
        return {name: sent.getlist(name) if len(sent.getlist(name)) > 1 else sent[name] for name in sent}


class PageParameters(Parameters):
    """The query of a list."""

    cursor: str | None = Field(default=None, description="`next` of the page before.")
    limit: QueryLimit = DEFAULT_LIMIT


class Body(Request):
    """The body of a POST."""


class KeyedBody(Body):
    """The body of a POST that writes. The key may come in the header ``Idempotency-Key`` instead."""

    idempotency_key: Key | None = Field(default=None, description=f"The same as the header `{KEY_HEADER}`.")

    @model_validator(mode="after")
    def agree_with_the_header(self, info: ValidationInfo) -> KeyedBody:
        """A request that has two different keys is refused."""
        header = header_key(_request(info)) if info.context else None
        if None not in (header, self.idempotency_key) and header != self.idempotency_key:
            raise Invalid(field="idempotency_key", problem=f"differs from the header {KEY_HEADER}")
        return self

    def key(self, request: HttpRequest) -> str | None:
        """The idempotency key of the request, from the body or the header."""
        return header_key(request) if self.idempotency_key is None else self.idempotency_key

    def required_key(self, request: HttpRequest) -> str:
        """The idempotency key of a request that must have one."""
        key = self.key(request)
        if key is None:
            raise Invalid(field="idempotency_key", problem=f"is required, here or as the header {KEY_HEADER}")
        return key


class CustomerFields(BaseModel):
    """Who is meant: ``user_id``, or ``customer_id``, or ``external_id`` with its ``provider``."""

    user_id: UserId | None = None
    customer_id: Identifier | None = None
    external_id: Key | None = None
    provider: Name = DEFAULT_PROVIDER

    @model_validator(mode="after")
    def complete_the_identity(self) -> CustomerFields:
        """A provider alone names nobody, and would otherwise list everybody."""
        if "provider" in self.model_fields_set and self.external_id is None:
            raise Invalid(field="external_id", problem="is required with provider")
        return self

    @property
    def customer(self) -> CustomerRef:
        """The customer that the request names. Its references are judged by the engine."""
        return CustomerRef(
            user_id=self.user_id,
            customer_id=self.customer_id,
            provider=self.provider,
            external_id=self.external_id,
        )

    @property
    def customer_if_named(self) -> CustomerRef | None:
        """The customer that the request names, or None when it names nobody."""
        named = (self.user_id, self.customer_id, self.external_id) != (None, None, None)
        return self.customer if named else None


class MoneyParameters(CustomerFields, PageParameters):
    """The query of a list of what was sold, paid or given back."""

    sandbox: QueryFlag | None = Field(
        default=None, description="`false` leaves out the customers of the sandbox, `true` leaves out all others."
    )


def header_key(request: HttpRequest) -> str | None:
    """The header ``Idempotency-Key``, or None."""
    header = request.headers.get(KEY_HEADER)
    if header is not None and not header.isascii():
        raise Invalid(field=KEY_HEADER, problem="must be ASCII; the body's idempotency_key takes any text")
    return header


def _request(info: ValidationInfo) -> HttpRequest:
    request: HttpRequest = info.context["request"]  # type: ignore[index]  # Ninja validates with this context
    return request


# ------------------------------------------------------------------------------------- answers


def whole(rows: Sequence[Row]) -> Page[Row]:
    """A list that has one page."""
    return Page(items=rows, next=None)


def text(money: Money) -> str:
    """An amount as JSON carries it; in whole minor units when its currency is no longer in the settings."""
    known = money.currency in EXPONENTS or money.currency in knobs.currencies
    return money.text(knobs.currencies) if known else str(money.amount_minor)


def percent(rate: Decimal) -> str:
    """A percentage as JSON carries it: ``"19"``, ``"8.875"``."""
    return f"{rate.normalize():f}"
