"""Panels: short read-only tables on the page of a row, such as the orders on the page of a customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.utils import display_for_field, display_for_value, label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.http import HttpRequest
from django.utils.http import urlencode
from django.utils.text import capfirst

from billable.admin.columns import address, page_address

LIMIT = 20


@dataclass(frozen=True)
class PanelRow:
    """One row; ``address`` is where its own page is."""

    cells: Sequence[str]
    address: str | None = None


@dataclass(frozen=True)
class Panel:
    """A table as the template draws it; ``more`` is where the rows are that did not fit."""

    title: str
    headers: Sequence[str]
    rows: Sequence[PanelRow]
    more: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Related:
    """What one panel shows: the rows of ``model`` whose ``field`` names the row of the page.

    ``columns`` are fields, or methods of the ModelAdmin of ``model``, as in ``list_display``.
    """

    model: type[models.Model]
    field: str
    columns: tuple[str, ...]
    title: str = ""
    ordering: tuple[str, ...] = ()

    def panel(self, site: AdminSite, request: HttpRequest, key: Any) -> Panel | None:
        """The panel for the row ``key``; None for those who may not see the rows."""
        shown_by = site._registry.get(self.model)
        if shown_by is None or not shown_by.has_view_permission(request):
            return None
        rows = shown_by.get_queryset(request).filter(**{self.field: key})
        if shown_by.list_select_related:
            rows = rows.select_related(*shown_by.list_select_related)  # type: ignore[misc]  # a tuple, in this package
        fetched = list(rows.order_by(*self.ordering)[: LIMIT + 1] if self.ordering else rows[: LIMIT + 1])
        return Panel(
            title=self.title or str(capfirst(self.model._meta.verbose_name_plural)),
            headers=[capfirst(str(label_for_field(name, self.model, shown_by))) for name in self.columns],
            rows=[self._row(site, shown_by, row) for row in fetched[:LIMIT]],
            more=self._more(site, key) if len(fetched) > LIMIT else None,
        )

    def _row(self, site: AdminSite, shown_by: ModelAdmin[Any], row: models.Model) -> PanelRow:
        return PanelRow(
            cells=[cell(name, row, shown_by) for name in self.columns],
            address=page_address(site, self.model, row.pk),
        )

    def _more(self, site: AdminSite, key: Any) -> str:
        return f"{address(site, self.model, 'changelist')}?{urlencode({f'{self.field}__exact': key})}"


def cell(name: str, row: models.Model, shown_by: ModelAdmin[Any]) -> str:
    """One value, as the change list of its model would show it."""
    empty = shown_by.get_empty_value_display()
    try:
        field, attribute, value = lookup_field(name, row, shown_by)
    except ObjectDoesNotExist:
        return empty
    if field is None:
        boolean = getattr(attribute, "boolean", False)
        return value if hasattr(value, "__html__") else display_for_value(value, empty, boolean)
    if field.is_relation:
        return empty if value is None else str(value)
    return display_for_field(value, field, empty)


def panels_for(related: Iterable[Related], site: AdminSite, request: HttpRequest, key: Any) -> list[Panel]:
    """The panels that this person may see."""
    panels = (one.panel(site, request, key) for one in related)
    return [panel for panel in panels if panel is not None]
