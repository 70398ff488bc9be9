"""Who brought whom, and what they get for it: programmes are edited, referrals read, rewards given when due."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from billable.admin.acts import Act, ActForm, Answers
from billable.admin.base import Books
from billable.admin.columns import link, loose_link, units
from billable.admin.editing import Editable, adopt
from billable.admin.panels import Related
from billable.admin.promotion_forms import ProgrammeForm
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
class ReferralProgrammeAdmin(Editable):
    form = ProgrammeForm
    add_fields = (
        "key",
        "name",
        "referrer_product",
        "referee_product",
        "trigger",
        "hold_days",
        "cap_per_referrer",
        "metadata",
    )
    change_fields = ("key", "name", "is_active", *add_fields[2:], "created_at")
    fixed = ("key", "referrer_product", "referee_product", "trigger", "created_at")
    autocomplete_fields = ("referrer_product", "referee_product")
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

    def save_model(self, request: HttpRequest, obj: ReferralProgramme, form: Any, change: bool) -> None:
        details: dict[str, Any] = {
            name: getattr(obj, name) for name in ("name", "hold_days", "cap_per_referrer", "metadata")
        }
        if change:
            ReferralService.update_programme(obj.key, is_active=obj.is_active, **details)
            return
        gives: dict[str, Any] = {
            name: getattr(getattr(obj, name), "sku", None) for name in ("referrer_product", "referee_product")
        }
        adopt(obj, ReferralService.create_programme(obj.key, trigger=obj.trigger, **gives, **details))


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
