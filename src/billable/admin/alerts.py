"""What customers were warned of: thresholds of use, and units that run out."""

from __future__ import annotations

from django.contrib import admin

from billable.admin.base import Books
from billable.admin.columns import link, units
from billable.models import AlertNotice, ExpiryNotice


@admin.register(AlertNotice)
class AlertNoticeAdmin(Books):
    list_display = ("own_id", "customer_link", "feature", "threshold", "used", "granted", "since", "created_at")
    list_select_related = ("feature",)
    list_filter = ("threshold", "created_at", "feature")
    search_fields = ("feature__key__exact",)
    search_help_text = "A feature key, or the id of a notice, customer or usage."
    id_fields = ("pk", "customer", "usage")
    customer_link = link("customer")
    usage_link = link("usage")


@admin.register(ExpiryNotice)
class ExpiryNoticeAdmin(Books):
    list_display = ("own_id", "customer_link", "grant_link", "feature", "units_shown", "expires_at", "created_at")
    list_select_related = ("grant__feature",)
    list_filter = ("expires_at", "created_at")
    search_fields = ("grant__feature__key__exact",)
    search_help_text = "A feature key, or the id of a notice, customer or grant."
    id_fields = ("pk", "customer", "grant")
    customer_link = link("customer")
    grant_link = link("grant")
    units_shown = units("units")

    @admin.display(description="feature", ordering="grant__feature__key")
    def feature(self, row: ExpiryNotice) -> str:
        return row.grant.feature.key
