"""Columns: how one value of a row is shown, in lists, in panels and on the page of the row.

Each function makes a method for a ModelAdmin. By convention ``remaining_shown`` stands in for the field
``remaining`` on the page of a row (see ``base.Admin.get_fields``).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import display_for_value, quote
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils import formats
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billable.conf import knobs
from billable.errors import Invalid
from billable.models import UserLink
from billable.money import Money

UNLIMITED = "unlimited"
NEVER = "never"

Column = Callable[[Any, Any], str]


def money(amount_minor: int | None, currency: str) -> str:
    """An amount for a person: ``9.99 EUR``; in minor units when its currency is no longer configured."""
    if amount_minor is None:
        return ""
    try:
        return f"{Money(amount_minor, currency).text(knobs.currencies)} {currency}"
    except Invalid:
        return f"{amount_minor} minor units of {currency}"


def amount(field: str, description: str | None = None, *, of: str | None = None) -> Column:
    """A column of minor units, shown in the currency of its row, or of the row that ``of`` names."""

    @admin.display(description=description or words(field), ordering=field)
    def column(self: admin.ModelAdmin[Any], row: Any) -> str:
        return money(getattr(row, field), (getattr(row, of) if of else row).currency)

    return column


def value(field: str, description: str | None = None) -> Column:
    """A column of what a static feature reads."""

    @admin.display(description=description or words(field), ordering=field)
    def column(self: admin.ModelAdmin[Any], row: Any) -> str:
        return "" if getattr(row, field) is None else json.dumps(getattr(row, field), ensure_ascii=False)

    return column


def units(field: str, description: str | None = None) -> Column:
    """A column of units, where nothing means unlimited."""

    @admin.display(description=description or words(field), ordering=field)
    def column(self: admin.ModelAdmin[Any], row: Any) -> str:
        return quantity(getattr(row, field))

    return column


def change(field: str, description: str | None = None) -> Column:
    """A column of signed units: ``+5``, ``−3``."""

    @admin.display(description=description or words(field), ordering=field)
    def column(self: admin.ModelAdmin[Any], row: Any) -> str:
        value = getattr(row, field)
        return f"{value:+,}".replace("-", "−") if value else "0"

    return column


def until(field: str, description: str | None = None) -> Column:
    """A column of instants, where nothing means never."""

    @admin.display(description=description or words(field), ordering=field)
    def column(self: admin.ModelAdmin[Any], row: Any) -> str:
        return instant(getattr(row, field))

    return column


def pretty(field: str, description: str | None = None) -> Column:
    """A column of JSON, indented."""

    @admin.display(description=description or words(field))
    def column(self: admin.ModelAdmin[Any], row: Any) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(getattr(row, field), indent=2, ensure_ascii=False))

    return column


def link(field: str, description: str | None = None) -> Column:
    """A column of a foreign key: its id, linked to the page of that row. The row itself is not fetched."""

    @admin.display(description=description or words(field), ordering=field)
    def column(self: admin.ModelAdmin[Any], row: Any) -> str:
        target = type(row)._meta.get_field(field)
        return page_link(self.admin_site, target.related_model, getattr(row, target.attname))

    return column


@admin.display(description="id", ordering="pk")
def own_id(self: admin.ModelAdmin[Any], row: Any) -> str:
    """A column of the row's own id."""
    return short(row.pk)


@admin.display(description="period")
def lasts(self: admin.ModelAdmin[Any], row: Any) -> str:
    """A column of how long the units last."""
    return str(row.period or "for ever")


def loose_link(field: str, model: type[models.Model], description: str | None = None) -> Column:
    """A column that holds an id without a foreign key, linked to the page of that row."""

    @admin.display(description=description or words(field), ordering=field)
    def column(self: admin.ModelAdmin[Any], row: Any) -> str:
        return page_link(self.admin_site, model, getattr(row, field))

    return column


def page_link(site: admin.AdminSite, model: type[models.Model], key: Any) -> str:
    """The id of a row, linked to its page where it has one."""
    if key is None:
        return ""
    page = page_address(site, model, key)
    return format_html('<a href="{}">{}</a>', page, short(key)) if page else short(key)


def short(key: Any) -> str:
    """An id in a few characters: the end of a UUID, which is its random part."""
    if not isinstance(key, UUID):
        return str(key)
    return format_html('<span class="nowrap" title="{}">…{}</span>', key, str(key)[-8:])


def page_address(site: admin.AdminSite, model: type[models.Model], key: Any) -> str | None:
    """Where the page of a row is; None when its model has no admin."""
    try:
        return address(site, model, "change", quote(key))
    except NoReverseMatch:
        return None


def address(site: admin.AdminSite, model: type[models.Model], page: str, *args: Any) -> str:
    """Where a page of a model is in this admin: its ``changelist``, the ``change`` page of a row, an act."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
    return reverse(name, args=args, current_app=site.name)


def quantity(value: int | None) -> str:
    """Units for a person."""
    return UNLIMITED if value is None else formats.number_format(value, force_grouping=True)


def instant(value: Any) -> str:
    """An instant for a person, in the zone of the admin."""
    return display_for_value(value, NEVER)


def user_text(user_link: UserLink) -> str:
    """What a linked user is called. No constraint of the database holds users, so one may be gone."""
    try:
        return str(user_link.user)
    except ObjectDoesNotExist:
        return f"{user_link.user_id} (deleted)"


def words(field: str) -> str:
    """``total_amount_minor`` → ``total amount``."""
    return field.removesuffix("_minor").removesuffix("_id").replace("_", " ")
