"""What every page of this admin shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from billable.admin.acts import Acts
from billable.admin.columns import own_id, pretty
from billable.admin.panels import Panel, Related, panels_for


class Admin(Acts, admin.ModelAdmin):  # type: ignore[type-arg]  # ModelAdmin is generic in the stubs only
    """Rows that may be looked at, found by id, and never deleted."""

    # Counting a whole ledger to print one number would be the slowest query of the page.
    show_full_result_count = False
    list_per_page = 50
    panels: Sequence[Related] = ()
    id_fields: Sequence[str] = ()
    """What a UUID typed into the search box may be."""

    metadata_shown = pretty("metadata")
    own_id = own_id

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows whose id it is; if there are none, rows that contain the words."""
        if not self.id_fields:
            return super().get_search_results(request, queryset, search_term)
        try:
            wanted = UUID(search_term.strip())
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        by_id = queryset.filter(Q(*((field, wanted) for field in self.id_fields), _connector=Q.OR))
        if by_id.exists():
            return by_id, False
        return super().get_search_results(request, queryset, search_term)

    def panels_of(self, request: HttpRequest, row: Any) -> list[Panel]:
        """The panels on the page of one row."""
        return panels_for(self.panels, self.admin_site, request, row.pk)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            context |= {"acts": self.act_links(request, obj.pk), "panels": self.panels_of(request, obj)}
        return super().render_change_form(request, context, add, change, form_url, obj)


class Books(Admin):
    """Rows that only verbs write."""

    computed: Sequence[str] = ()
    """Columns of what is no field of the row but follows from them, such as a status. They head its page."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """What is computed, then every field of the row, each by its column ``<field>_shown`` where there is one."""
        names = (field.name for field in self.model._meta.concrete_fields)
        return [*self.computed, *(f"{name}_shown" if hasattr(self, f"{name}_shown") else name for name in names)]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return list(self.get_fields(request, obj))
