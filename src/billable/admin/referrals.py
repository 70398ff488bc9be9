"""Who brought whom, and what they get for it: read, and given when it is due."""

from __future__ import annotations

from django.contrib import admin

from billable.admin.acts import Act, ActForm, Answers
from billable.admin.base import Books
from billable.admin.columns import link, loose_link, units
from billable.admin.panels import Related
from billable.admin.quota import GRANT_COLUMNS
from billable.models import Grant, Order, Referral, ReferralProgramme
from billable.services import ReferralService


def claim(referral: Referral, answers: Answers) -> str:
    """Give what it earned, and say how much."""
    claimed = ReferralService.claim_bonus(referral)
    if claimed.replayed:
        return "the reward had been given already; nothing was given twice."
    capped = " The referrer has all that the programme gives." if claimed.status == "capped" else ""
    return f"gave {len(claimed.grants)} grants.{capped}"


@admin.register(ReferralProgramme)
class ReferralProgrammeAdmin(Books):
    list_display = (
        "key",
        "name",
        "trigger",
        "referrer_product",
        "referee_product",
        "hold_days",
        "cap_per_referrer_shown",
        "is_active",
    )
    list_select_related = ("referrer_product", "referee_product")
    list_filter = ("is_active", "trigger")
    search_fields = ("key", "name")
    panels = (Related(Referral, "programme", ("own_id", "referrer_link", "customer_link", "status", "created_at")),)
    cap_per_referrer_shown = units("cap_per_referrer")


@admin.register(Referral)
class ReferralAdmin(Books):
    list_display = (
        "own_id",
        "referrer_link",
        "customer_link",
        "programme",
        "status",
        "created_at",
        "due_at",
        "rewarded_at",
        "actor",
    )
    list_select_related = ("programme",)
    list_filter = ("status", "programme", "created_at")
    date_hierarchy = "created_at"
    search_fields = ("programme__key__exact",)
    search_help_text = "The key of a programme, or the id of a referral, customer or order."
    id_fields = ("pk", "customer", "referrer", "order_id")
    panels = (Related(Grant, "source_id", GRANT_COLUMNS, title="Rewards"),)
    acts = (Act(name="claim", title="Give the reward…", button="Give the reward", form=ActForm, perform=claim),)
    referrer_link = link("referrer")
    customer_link = link("customer", "referee")
    order_id_shown = loose_link("order_id", Order)
