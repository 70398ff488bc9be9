"""System checks: what would go wrong in production, said before it does."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, connections
from django.utils.module_loading import import_string

from billable.conf import (
    EXAMPLE_TOKENS,
    MAX_EXPIRING_DAYS,
    MAX_HOLD_SECONDS,
    MAX_ORDER_TTL_HOURS,
    MAX_SUBSCRIPTION_DAYS,
    MIN_FINGERPRINT_KEY_LENGTH,
    MIN_TOKEN_LENGTH,
    PREFIX,
    SANDBOX_SERIES,
    SELLER_FIELDS,
    knobs,
    known_names,
)
from billable.db.append_only import unprotected_tables
from billable.db.units import write_alias
from billable.errors import Invalid
from billable.inputs import percent
from billable.money import EXPONENTS

_SERIES = re.compile(r"[A-Za-z0-9-]{1,20}")
_STRICTER_LEVELS = ("repeatable read", "serializable")


def token_problem() -> str | None:
    """What is wrong with the API token, if anything."""
    if not knobs.api_token:
        return "BILLABLE_API_TOKEN is not set: the REST API lets nobody in."
    if knobs.api_token in EXAMPLE_TOKENS:
        return "BILLABLE_API_TOKEN is an example: anybody can know it. Outside DEBUG the REST API lets nobody in."
    if len(knobs.api_token) < MIN_TOKEN_LENGTH:
        return f"BILLABLE_API_TOKEN is shorter than {MIN_TOKEN_LENGTH} characters."
    return None


@register(Tags.security)
def check_token(**kwargs: Any) -> list[CheckMessage]:
    """W001: the API token is missing, an example, or short."""
    problem = token_problem()
    hint = "Make one with: python -c 'import secrets; print(secrets.token_hex(32))'"
    return [Warning(problem, hint=hint, id="billable.W001")] if problem else []


@register(Tags.security, deploy=True)
def check_token_for_deployment(**kwargs: Any) -> list[CheckMessage]:
    """E001 (``check --deploy``): the API token is missing, an example, or short."""
    problem = token_problem()
    return [Error(problem, id="billable.E001")] if problem else []


@register()
def check_setting_names(**kwargs: Any) -> list[CheckMessage]:
    """W002: a setting starts with BILLABLE_ and is none of ours."""
    known = list(known_names())
    messages: list[CheckMessage] = []
    for name in dir(settings):
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else None
            messages.append(Warning(f"Unknown setting {name}.", hint=hint, id="billable.W002"))
    return messages


@register()
def check_setting_values(**kwargs: Any) -> list[CheckMessage]:
    """E002: a setting has a value that no verb can work with."""
    messages: list[CheckMessage] = []
    if knobs.append_only not in ("auto", "on", "off"):
        messages.append(Error("BILLABLE_APPEND_ONLY must be 'auto', 'on' or 'off'.", id="billable.E002"))
    if any(not isinstance(places, int) or not 0 <= places <= 8 for places in knobs.currencies.values()):
        messages.append(Error("BILLABLE_CURRENCIES must map codes to 0 to 8 decimals.", id="billable.E002"))
    if knobs.metadata_max_bytes < 2:
        messages.append(Error("BILLABLE_METADATA_MAX_BYTES must be at least 2.", id="billable.E002"))
    if knobs.currency not in EXPONENTS and knobs.currency not in knobs.currencies:
        messages.append(Error(f"BILLABLE_CURRENCY is no known currency: {knobs.currency!r}.", id="billable.E002"))
    if knobs.order_ttl_hours is not None and not 0 < knobs.order_ttl_hours <= MAX_ORDER_TTL_HOURS:
        problem = f"BILLABLE_ORDER_TTL_HOURS must be above 0 and at most {MAX_ORDER_TTL_HOURS}, or None."
        messages.append(Error(problem, id="billable.E002"))
    if not 1 <= knobs.hold_seconds <= knobs.hold_max_seconds <= MAX_HOLD_SECONDS:
        problem = f"BILLABLE_HOLD_SECONDS must be 1 to BILLABLE_HOLD_MAX_SECONDS, and that at most {MAX_HOLD_SECONDS}."
        messages.append(Error(problem, id="billable.E002"))
    if not 0 <= knobs.hold_grace_seconds <= MAX_HOLD_SECONDS:
        problem = f"BILLABLE_HOLD_GRACE_SECONDS must be 0 to {MAX_HOLD_SECONDS}."
        messages.append(Error(problem, id="billable.E002"))
    if not 0 <= knobs.expiring_days <= MAX_EXPIRING_DAYS:
        problem = f"BILLABLE_EXPIRING_DAYS must be 0 to {MAX_EXPIRING_DAYS}."
        messages.append(Error(problem, id="billable.E002"))
    for name in ("subscription_grace_days", "renewal_lead_days"):
        if not 0 <= getattr(knobs, name) <= MAX_SUBSCRIPTION_DAYS:
            problem = f"BILLABLE_{name.upper()} must be 0 to {MAX_SUBSCRIPTION_DAYS}."
            messages.append(Error(problem, id="billable.E002"))
    if not _is_percent(knobs.tax_rate):
        problem = f"BILLABLE_TAX_RATE is no percentage: {knobs.tax_rate!r}."
        messages.append(Error(problem, id="billable.E002"))
    if any(len(key) < MIN_FINGERPRINT_KEY_LENGTH for key in knobs.fingerprint_keys):
        problem = f"BILLABLE_FINGERPRINT_KEYS must have at least {MIN_FINGERPRINT_KEY_LENGTH} characters each."
        messages.append(Error(problem, id="billable.E002"))
    if knobs.user_factory is not None and not _can_import(knobs.user_factory):
        problem = f"BILLABLE_USER_FACTORY cannot be imported: {knobs.user_factory!r}."
        messages.append(Error(problem, id="billable.E002"))
    return messages


@register()
def check_seller(**kwargs: Any) -> list[CheckMessage]:
    """E003: BILLABLE_SELLER or BILLABLE_INVOICE_SERIES has a value that no document can be issued with."""
    problems = []
    if not all(isinstance(value, str) for value in knobs.seller.values()):
        problems.append("BILLABLE_SELLER must map names to text.")
    if unknown := sorted(set(knobs.seller) - set(SELLER_FIELDS)):
        problems.append(f"BILLABLE_SELLER has no {unknown[0]!r}; it may have {', '.join(SELLER_FIELDS)}.")
    if not _is_zone(knobs.seller.get("zone", "UTC")):
        problems.append(f"BILLABLE_SELLER names an unknown time zone: {knobs.seller['zone']!r}.")
    if unknown := sorted(set(knobs.invoice_series) - {"receipt", "credit_note"}):
        problems.append(f"BILLABLE_INVOICE_SERIES has no {unknown[0]!r}; it may have receipt and credit_note.")
    if not all(_SERIES.fullmatch(str(series)) for series in knobs.invoice_series.values()):
        problems.append("BILLABLE_INVOICE_SERIES must be 1 to 20 letters, digits or dashes each.")
    if SANDBOX_SERIES in [str(series).upper() for series in knobs.invoice_series.values()]:
        problems.append(f"BILLABLE_INVOICE_SERIES must not be {SANDBOX_SERIES!r}: that is the series of sandboxes.")
    return [Error(problem, id="billable.E003") for problem in problems]


@register(deploy=True)
def check_seller_for_deployment(**kwargs: Any) -> list[CheckMessage]:
    """W007 (``check --deploy``): receipts would not say who sells, and what was issued never changes."""
    if knobs.seller.get("name"):
        return []
    hint = "Set BILLABLE_SELLER = {'name': ..., 'address': ..., 'tax_id': ...}."
    return [Warning("BILLABLE_SELLER has no name: receipts do not say who sells.", hint=hint, id="billable.W007")]


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        return False
    return True


def _is_percent(value: str) -> bool:
    try:
        percent(value, "BILLABLE_TAX_RATE")
    except Invalid:
        return False
    return True


def _can_import(path: str) -> bool:
    try:
        import_string(path)
    except ImportError:
        return False
    return True


@register()
def check_time_zone_support(**kwargs: Any) -> list[CheckMessage]:
    """W003: USE_TZ is off, so that instants would be stored in local time."""
    if settings.USE_TZ:
        return []
    return [
        Warning(
            "USE_TZ is False: periods and expiries need instants.",
            hint="Set USE_TZ = True.",
            id="billable.W003",
        )
    ]


@register(Tags.database)
def check_sqlite_transactions(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """W004: SQLite transactions are not immediate; those of the host may fail with “database is locked”."""
    connection = connections[write_alias()]
    if connection.vendor != "sqlite" or connection.alias not in (databases or ()):
        return []
    mode = getattr(connection, "transaction_mode", None) or connection.settings_dict["OPTIONS"].get("transaction_mode")
    if mode in ("IMMEDIATE", "EXCLUSIVE"):
        return []
    hint = "Set OPTIONS['transaction_mode'] = 'IMMEDIATE' (Django 5.1 and later) or ENGINE = 'billable.db.sqlite3'."
    return [Warning("SQLite transactions are not immediate.", hint=hint, id="billable.W004")]


@register(Tags.database)
def check_triggers(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """W005: the append-only triggers are missing."""
    alias = write_alias()
    if alias not in (databases or ()):
        return []
    try:
        if "billable_ledgerentry" not in connections[alias].introspection.table_names():
            return []
        tables = unprotected_tables(alias)
    except DatabaseError:
        return []
    hint = "Run migrate; the triggers are installed after it."
    return [Warning(f"{table} has no append-only triggers.", hint=hint, id="billable.W005") for table in tables]


@register(Tags.database)
def check_isolation_level(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """W006: an isolation level above READ COMMITTED, which brings serialization failures and no more safety."""
    alias = write_alias()
    connection = connections[alias]
    if alias not in (databases or ()) or connection.vendor not in ("postgresql", "mysql"):
        return []
    query = "SHOW transaction_isolation" if connection.vendor == "postgresql" else "SELECT @@transaction_isolation"
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            level = str(cursor.fetchone()[0]).lower().replace("-", " ")
    except DatabaseError:
        return []
    if level not in _STRICTER_LEVELS:
        return []
    hint = "Locks and unique constraints decide; READ COMMITTED is enough."
    return [Warning(f"The isolation level is {level}.", hint=hint, id="billable.W006")]
