"""Trials and the fingerprints that find them again: read."""

from __future__ import annotations

from django.contrib import admin

from billable.admin.base import Books
from billable.admin.columns import link, loose_link
from billable.admin.panels import Related
from billable.admin.quota import GRANT_COLUMNS
from billable.models import Customer, Grant, Trial, TrialFingerprint


@admin.register(Trial)
class TrialAdmin(Books):
    list_display = ("own_id", "product", "campaign", "customer_link", "actor", "created_at")
    list_select_related = ("product",)
    list_filter = ("product",)
    date_hierarchy = "created_at"
    search_fields = ("campaign__exact", "product__sku__exact")
    search_help_text = "A campaign, a SKU, or the id of a trial or customer."
    id_fields = ("pk", "customer")
    panels = (
        Related(Grant, "source_id", GRANT_COLUMNS),
        Related(TrialFingerprint, "trial_id", ("fingerprint",), title="Fingerprints"),
    )
    customer_link = link("customer")


@admin.register(TrialFingerprint)
class TrialFingerprintAdmin(Books):
    list_display = ("fingerprint", "campaign", "trial_id_shown", "customer_id_shown")
    search_fields = ("fingerprint", "campaign__exact")
    id_fields = ("pk", "trial_id", "customer_id")
    ordering = ("-id",)
    trial_id_shown = loose_link("trial_id", Trial)
    customer_id_shown = loose_link("customer_id", Customer)
