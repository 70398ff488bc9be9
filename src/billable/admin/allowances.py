"""What customers get anew each period: read, and revoked."""

from __future__ import annotations

from django.contrib import admin

from billable.admin.acts import Act, ActForm, Answers, reason_field
from billable.admin.base import Books
from billable.admin.columns import link, pretty, until
from billable.admin.panels import Related
from billable.admin.quota import GRANT_COLUMNS
from billable.models import Allowance, Grant
from billable.services import QuotaService

ALLOWANCE_COLUMNS = ("feature", "product", "per_period", "reset", "next_reset_at", "expires_at_shown", "status")


class RevokeForm(ActForm):
    """Why it is revoked."""

    reason = reason_field(required=True)


def revoke(allowance: Allowance, answers: Answers) -> str:
    """End it for good."""
    revoked = QuotaService.revoke_allowance(allowance, reason=answers["reason"])
    return f"was {revoked.status} already." if revoked.replayed else "revoked: nothing of it comes any more."


@admin.register(Allowance)
class AllowanceAdmin(Books):
    list_display = (
        "own_id",
        "customer_link",
        "feature",
        "product",
        "per_period",
        "reset",
        "next_reset_at",
        "expires_at_shown",
        "status",
    )
    list_select_related = ("feature", "product", "customer")
    list_filter = ("ended_as", "source", "reset_unit", "feature")
    search_fields = ("feature__key__exact", "product__sku__exact", "source_id__exact")
    search_help_text = "A feature key, a SKU, or the id of an allowance, customer or order."
    id_fields = ("pk", "customer", "source_id")
    panels = (Related(Grant, "allowance", GRANT_COLUMNS),)
    acts = (Act(name="revoke", title="Revoke…", button="Revoke", form=RevokeForm, perform=revoke),)
    computed = ("status", "per_period", "reset", "next_reset_at")
    customer_link = link("customer")
    expires_at_shown = until("expires_at")
    value_shown = pretty("value")
