"""Changing the plan and the seats of a subscription by hand: what it would do is shown before it is done."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextInputWidget

from billable.admin.acts import Act, ActForm, Answers
from billable.admin.base import Books
from billable.admin.columns import amount, instant, link, money, pretty, quantity
from billable.admin.panels import Panel, PanelRow, Related
from billable.inputs import MAX_NAME_LENGTH, MAX_ORDER_QUANTITY
from billable.models import OrderItem, PlanChange, Subscription
from billable.services import PlanPreview, SubscriptionService

TIMES = [("now", "Now"), ("period_end", "At the end of the period")]
UNITS = [
    ("carry_usage", "What the new plan gives, less what was used in the period"),
    ("pro_rata_units", "What the new plan gives for the time that is left"),
    ("regrant", "All that the new plan gives, at its full price"),
    ("carry_balance", "All that the new plan gives; what was left stays, uncredited"),
]
MONEY = [("pro_rata_seconds", "For what is left of both plans"), ("none", "Nothing is charged or comes back")]


class PlanForm(ActForm):
    """What it becomes, and when."""

    sku = forms.CharField(
        label="New plan", max_length=MAX_NAME_LENGTH, widget=AdminTextInputWidget, help_text="The SKU of a product."
    )
    seats = forms.IntegerField(
        min_value=1, max_value=MAX_ORDER_QUANTITY, required=False, help_text="Empty: as many as there are."
    )
    at = forms.ChoiceField(label="When", choices=TIMES, initial="now")
    units = forms.ChoiceField(choices=UNITS, initial="carry_usage", help_text="Of a change that takes effect now.")
    money = forms.ChoiceField(choices=MONEY, initial="pro_rata_seconds", help_text="Of a change that takes effect now.")
    release_holds = forms.BooleanField(
        required=False, help_text="Release units that are held for work in progress, which would refuse the change."
    )


class SeatsForm(ActForm):
    """How many."""

    seats = forms.IntegerField(
        min_value=1, max_value=MAX_ORDER_QUANTITY, help_text="More are added now, fewer with the next period."
    )


class NothingForm(ActForm):
    """Nothing to fill in."""


def preview(subscription: Subscription, answers: Answers) -> list[Panel]:
    """What the change would do."""
    told = SubscriptionService.preview_change(subscription, **_asked(answers))
    return [
        Panel(
            title=f"{money(told.due.amount_minor, told.due.currency)} would be due",
            headers=("Plan", "Seats", "From", "Credited", "Charged", "Left over", "A whole period"),
            rows=[PanelRow(_row(told))],
        ),
        Panel(
            title="Units",
            headers=("Feature", "Before", "After"),
            rows=[PanelRow((line.feature, quantity(line.before), quantity(line.after))) for line in told.features],
        ),
    ]


def change(subscription: Subscription, answers: Answers) -> str:
    """Change the plan. Posting the same form twice changes it once."""
    key = answers["idempotency_key"]
    return _said(SubscriptionService.change_plan(subscription, idempotency_key=key, **_asked(answers)))


def seats(subscription: Subscription, answers: Answers) -> str:
    """Change the seats. Posting the same form twice changes them once."""
    key = answers["idempotency_key"]
    return _said(SubscriptionService.change_seats(subscription, answers["seats"], idempotency_key=key))


def undo(subscription: Subscription, answers: Answers) -> str:
    """Undo what is to come."""
    undone = SubscriptionService.undo_change(subscription)
    return "had nothing to undo." if undone.replayed else "stays as it is."


ACTS = (
    Act(
        name="change_plan",
        title="Change the plan…",
        button="Change the plan",
        form=PlanForm,
        perform=change,
        preview=preview,
        one_at_a_time=True,
    ),
    Act(name="change_seats", title="Change the seats…", button="Change the seats", form=SeatsForm, perform=seats),
    Act(name="undo_change", title="Undo a change…", button="Undo it", form=NothingForm, perform=undo),
)

PANEL = Related(
    PlanChange,
    "subscription",
    ("to_product", "to_seats", "status_shown", "credited_minor_shown", "charged_minor_shown", "effective_at", "actor"),
    title="Changes",
)


@admin.register(PlanChange)
class PlanChangeAdmin(Books):
    list_display = (
        *("own_id", "subscription_link", "kind", "to_product", "to_seats", "status_shown"),
        *("credited_minor_shown", "charged_minor_shown", "effective_at", "actor"),
    )
    list_select_related = ("subscription__customer", "to_product", "item__order")
    list_filter = ("kind", "at", "units", "created_at")
    date_hierarchy = "created_at"
    search_fields = ("to_product__sku__exact",)
    search_help_text = "A SKU, or the id of a change, subscription or customer."
    id_fields = ("pk", "subscription", "customer")
    panels = (
        Related(OrderItem, "change", ("order_link", "total_amount_minor_shown"), title="Charged by"),
        Related(OrderItem, "credited_by", ("order_link", "credited_minor"), title="Credited"),
    )
    computed = ("status_shown",)
    subscription_link = link("subscription")
    credited_minor_shown = amount("credited_minor", "credited")
    charged_minor_shown = amount("charged_minor", "charged")
    price_minor_shown = amount("price_minor", "price")
    promised_shown = pretty("promised")

    @admin.display(description="status")
    def status_shown(self, row: PlanChange) -> str:
        return row.status


def _asked(answers: Answers) -> dict[str, Any]:
    asked = {name: answers[name] for name in ("sku", "seats", "at", "release_holds")}
    if answers["at"] == "now":
        asked |= {"units": answers["units"], "money": answers["money"]}
    return asked


def _row(told: PlanPreview) -> tuple[str, ...]:
    amounts = (told.credited, told.charged, told.left_over, told.price)
    shown = [money(each.amount_minor, each.currency) for each in amounts]
    # Not the instant: that is another one by the time that it is confirmed.
    since = "now" if told.at == "now" else instant(told.effective_at)
    return told.sku, str(told.seats), since, *shown


def _said(made: PlanChange) -> str:
    if made.order is not None and made.order.amount_due_minor:
        return f"waits for {money(made.order.amount_due_minor, made.currency)} of the order {made.order.pk}."
    what = f"{made.to_product.sku} with {made.to_seats} seat{'' if made.to_seats == 1 else 's'}"
    return f"is {what} now." if made.at == "now" else f"becomes {what} at {instant(made.effective_at)}."
