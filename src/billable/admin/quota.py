"""Grants, usages, holds, adjustments and the ledger: read, and revoked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from billable.admin.acts import Act, ActForm, Answers, reason_field
from billable.admin.base import Books
from billable.admin.columns import change, link, pretty, quantity, units, until, value
from billable.admin.panels import Related
from billable.inputs import MAX_UNITS
from billable.models import Adjustment, Debt, Grant, Hold, HoldLeg, LedgerEntry, RollOut, Usage
from billable.services import QuotaService

GRANT_COLUMNS = (
    "feature",
    "product",
    "source",
    "quantity_shown",
    "remaining_shown",
    "value_shown",
    "valid_from",
    "expires_at_shown",
    "state",
)
ENTRY_COLUMNS = (
    "seq",
    "effective_at",
    "kind",
    "amount_shown",
    "held_change_shown",
    "remaining_after_shown",
    "actor",
)
ADJUSTMENT_COLUMNS = ("created_at", "kind", "quantity", "reason", "actor")


class RevokeForm(ActForm):
    """How much to revoke, and why."""

    quantity = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_UNITS,
        help_text="Empty: all of it, and the grant ends for good.",
    )
    reason = reason_field(required=True)


def revoke(grant: Grant, answers: Answers) -> str:
    """Revoke what the form says."""
    number = answers["quantity"]
    # Keys are the customer's: two grants of one customer, revoked together, need two.
    key = f"{answers['idempotency_key']}:{grant.pk}"
    revoked = QuotaService.revoke_grant(grant, quantity=number, reason=answers["reason"], idempotency_key=key)
    if revoked.replayed:
        return "had been revoked already."
    if number is None:
        return "revoked."
    return f"revoked {quantity(number)}; {quantity(revoked.remaining)} left."


class CaptureForm(ActForm):
    """How much was used."""

    quantity = forms.IntegerField(
        required=False, min_value=1, max_value=MAX_UNITS, help_text="Empty: all that is left. The rest is given back."
    )


def capture(hold: Hold, answers: Answers) -> str:
    """Capture what the form says."""
    usage = QuotaService.capture_hold(hold, answers["quantity"])
    return "had been captured already." if usage.replayed else f"captured {quantity(usage.quantity)}."


class ReleaseForm(ActForm):
    """Why nothing was used."""

    reason = reason_field(required=True)


def release(hold: Hold, answers: Answers) -> str:
    """Give back what is held."""
    released = QuotaService.release_hold(hold, reason=answers["reason"])
    return f"was {released.status} already." if released.replayed else "released."


class StateFilter(admin.SimpleListFilter):
    """Open, closed or ended: the two columns behind it, as one choice."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("open", "open"), ("closed", "closed: nothing left"), ("ended", "ended for good")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        match self.value():
            case "open":
                return queryset.filter(closed_at=None, ended_at=None)
            case "closed":
                return queryset.filter(closed_at__isnull=False, ended_at=None)
            case "ended":
                return queryset.filter(ended_at__isnull=False)
        return queryset


@admin.register(Grant)
class GrantAdmin(Books):
    list_display = (
        "own_id",
        "customer_link",
        "feature",
        "product",
        "source",
        "quantity_shown",
        "remaining_shown",
        "value_shown",
        "expires_at_shown",
        "state",
    )
    list_select_related = ("feature", "product")
    list_filter = (StateFilter, "source", "expires_at", "feature")
    search_fields = ("feature__key__exact", "product__sku__exact", "source_id__exact")
    search_help_text = "A feature key, a SKU, or the id of a grant, customer or order."
    id_fields = ("pk", "customer", "source_id")
    panels = (
        Related(LedgerEntry, "grant", ENTRY_COLUMNS, ordering=("-seq",)),
        Related(Adjustment, "grant", ADJUSTMENT_COLUMNS),
        Related(HoldLeg, "grant", ("id", "hold_link", "units", "captured", "released"), ordering=("-id",)),
    )
    acts = (Act(name="revoke", title="Revoke…", button="Revoke", form=RevokeForm, perform=revoke),)
    computed = ("state",)
    customer_link = link("customer")
    quantity_shown = units("quantity")
    remaining_shown = units("remaining")
    expires_at_shown = until("expires_at")

    value_shown = value("value")

    @admin.display(description="state", ordering="closed_at")
    def state(self, row: Grant) -> str:
        """Open, closed (nothing left, but units may come back), or how it ended."""
        return row.ended_as or ("closed" if row.closed_at else "open")


@admin.register(Usage)
class UsageAdmin(Books):
    list_display = (
        "own_id",
        "customer_link",
        "feature",
        "quantity",
        "balance_after_shown",
        "action_type",
        "actor",
        "created_at",
    )
    list_select_related = ("feature",)
    list_filter = ("created_at", "late", "feature")
    search_fields = ("feature__key__exact", "idempotency_key__exact", "action_id__exact")
    search_help_text = "A feature key, an idempotency key, an action id, or the id of a usage or customer."
    id_fields = ("pk", "customer")
    panels = (
        Related(LedgerEntry, "usage", ("seq", "grant_link", *ENTRY_COLUMNS[1:]), ordering=("-seq",)),
        Related(Adjustment, "usage", ADJUSTMENT_COLUMNS),
        Related(Debt, "usage", ("units", "repaid", "forgiven", "owed", "closed_at"), title="Overdrawn"),
    )
    customer_link = link("customer")
    costs_shown = pretty("costs")
    balance_after_shown = units("balance_after")


@admin.register(Hold)
class HoldAdmin(Books):
    list_display = (
        "own_id",
        "customer_link",
        "feature",
        "quantity",
        "captured",
        "expires_at",
        "status",
        "created_at",
    )
    list_select_related = ("feature", "customer")
    list_filter = ("closed_as", "expires_at", "feature")
    search_fields = ("feature__key__exact", "idempotency_key__exact", "action_id__exact")
    id_fields = ("pk", "customer")
    panels = (
        Related(HoldLeg, "hold", ("position", "grant_link", "units", "captured", "released")),
        Related(Usage, "hold", ("created_at", "quantity", "late", "actor")),
        Related(Adjustment, "hold", ADJUSTMENT_COLUMNS),
    )
    acts = (
        Act(name="capture", title="Capture…", button="Capture", form=CaptureForm, perform=capture),
        Act(name="release", title="Release…", button="Release", form=ReleaseForm, perform=release),
    )
    computed = ("status",)
    customer_link = link("customer")
    costs_shown = pretty("costs")
    balance_after_shown = units("balance_after")


@admin.register(HoldLeg)
class HoldLegAdmin(Books):
    list_display = ("own_id", "hold_link", "position", "grant_link", "units", "captured", "released")
    search_fields = ("hold__feature__key__exact",)
    id_fields = ("hold", "grant", "customer")
    ordering = ("-id",)
    hold_link = link("hold")
    grant_link = link("grant")


@admin.register(Debt)
class DebtAdmin(Books):
    list_display = (
        "own_id",
        "customer_link",
        "feature",
        "usage_link",
        "units",
        "repaid",
        "forgiven",
        "owed",
        "closed_at",
    )
    list_select_related = ("feature",)
    list_filter = (("closed_at", admin.EmptyFieldListFilter), "created_at", "feature")
    search_fields = ("feature__key__exact",)
    search_help_text = "A feature key, or the id of a debt, customer or usage."
    id_fields = ("pk", "customer", "usage")
    panels = (Related(LedgerEntry, "cause_id", ("seq", "grant_link", *ENTRY_COLUMNS[1:]), ordering=("-seq",)),)
    computed = ("owed",)
    customer_link = link("customer")
    usage_link = link("usage")


@admin.register(RollOut)
class RollOutAdmin(Books):
    list_display = (
        "own_id",
        "customer_link",
        "product",
        "policy",
        "kind",
        "quantity",
        "grant_link",
        "holding_source",
        "actor",
        "created_at",
    )
    list_select_related = ("product",)
    list_filter = ("policy", "kind", "created_at")
    search_fields = ("product__sku__exact", "holding_id__exact")
    search_help_text = "A SKU, or the id of a roll-out, customer, grant, allowance, or of what gave the product."
    id_fields = ("pk", "customer", "grant", "allowance", "holding_id")
    customer_link = link("customer")
    grant_link = link("grant")


@admin.register(Adjustment)
class AdjustmentAdmin(Books):
    list_display = ("own_id", "kind", "customer_link", "quantity", "reason", "actor", "created_at")
    list_filter = ("kind", "created_at")
    search_fields = ("idempotency_key__exact", "reason")
    search_help_text = "Words of the reason, an idempotency key, or the id of a customer, usage or grant."
    id_fields = ("pk", "customer", "usage", "grant", "hold")
    customer_link = link("customer")
    balance_after_shown = units("balance_after")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(Books):
    list_display = (
        "seq",
        "customer_link",
        "effective_at",
        "kind",
        "feature",
        "amount_shown",
        "remaining_after_shown",
        "grant_link",
        "actor",
    )
    list_select_related = ("grant__feature",)
    list_filter = ("kind", "effective_at", "grant__feature")
    search_fields = ("grant__feature__key__exact", "actor__exact")
    search_help_text = "A feature key, an actor, or the id of a customer, grant, usage or cause."
    id_fields = ("customer", "grant", "usage", "cause_id")
    ordering = ("-id",)
    customer_link = link("customer")
    grant_link = link("grant")
    amount_shown = change("amount")
    held_change_shown = change("held_change")
    remaining_after_shown = units("remaining_after")

    @admin.display(description="feature", ordering="grant__feature__key")
    def feature(self, row: LedgerEntry) -> str:
        return row.grant.feature.key
