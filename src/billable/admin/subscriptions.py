"""Subscriptions: read, renewed, cancelled, paused, and their dates moved."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime

from billable.admin import planning
from billable.admin.acts import Act, ActForm, Answers, reason_field
from billable.admin.base import Books
from billable.admin.columns import amount, instant, link, pretty, until
from billable.admin.panels import Related
from billable.admin.quota import GRANT_COLUMNS
from billable.models import Grant, OrderItem, Subscription, SubscriptionPause
from billable.services import SubscriptionService

SUBSCRIPTION_COLUMNS = ("product", "status_shown", "seats", "paid_until", "access_until", "created_at")


class NothingForm(ActForm):
    """Nothing to fill in."""


class CancelForm(ActForm):
    """When it ends, and why."""

    at_once = forms.BooleanField(
        required=False, help_text="Now, with all that it gave. Otherwise when the period ends that is paid for."
    )
    reason = reason_field(required=False)


class PauseForm(ActForm):
    """From when to when."""

    at_period_end = forms.BooleanField(required=False, help_text="Not before the period ends that is paid for.")
    resumes_at = forms.SplitDateTimeField(
        required=False, widget=AdminSplitDateTime, help_text="Empty: until it is resumed."
    )
    reason = reason_field(required=False)


class AccessForm(ActForm):
    """Until when it can be used."""

    instant = forms.SplitDateTimeField(
        label="Access until", widget=AdminSplitDateTime, help_text="Not before the end of what is paid for."
    )


class BillingDateForm(ActForm):
    """When it is paid for again."""

    instant = forms.SplitDateTimeField(
        label="Next period begins",
        widget=AdminSplitDateTime,
        help_text="Later makes the period that runs longer; earlier lets it end when the next one is paid.",
    )


def renew(subscription: Subscription, answers: Answers) -> str:
    """Order the next period."""
    order = SubscriptionService.renew_subscription(subscription)
    return f"the order {order.pk} waits for its money already." if order.replayed else f"ordered by {order.pk}."


def cancel(subscription: Subscription, answers: Answers) -> str:
    """Cancel it."""
    cancelled = SubscriptionService.cancel_subscription(
        subscription, at_period_end=not answers["at_once"], reason=answers["reason"]
    )
    return "had been cancelled already." if cancelled.replayed else f"cancelled; it is {cancelled.status}."


def undo_cancel(subscription: Subscription, answers: Answers) -> str:
    """Let it renew after all."""
    undone = SubscriptionService.undo_cancel(subscription)
    return "had not been cancelled." if undone.replayed else f"will renew; it is {undone.status}."


def pause(subscription: Subscription, answers: Answers) -> str:
    """Pause it."""
    paused = SubscriptionService.pause_subscription(
        subscription,
        at_period_end=answers["at_period_end"],
        resumes_at=answers["resumes_at"],
        reason=answers["reason"],
    )
    if paused.replayed:
        return "had been paused already."
    until = "it is resumed" if paused.resumes_at is None else instant(paused.resumes_at)
    since = "paused" if paused.status == "paused" else f"will be paused from {instant(paused.paused_at)}"
    return f"{since} until {until}."


def resume(subscription: Subscription, answers: Answers) -> str:
    """Resume it."""
    resumed = SubscriptionService.resume_subscription(subscription)
    return "was not paused." if resumed.replayed else f"resumed; paid for until {instant(resumed.paid_until)}."


def extend_access(subscription: Subscription, answers: Answers) -> str:
    """Let access go on until a date."""
    extended = SubscriptionService.extend_access(subscription, answers["instant"])
    return f"access ends at {instant(extended.access_until)}."


def move_billing_date(subscription: Subscription, answers: Answers) -> str:
    """Let the next period begin at a date."""
    moved = SubscriptionService.move_billing_date(subscription, answers["instant"])
    return f"the next period begins at {instant(moved.paid_until)}."


@admin.register(Subscription)
class SubscriptionAdmin(Books):
    list_display = ("own_id", "customer_link", *SUBSCRIPTION_COLUMNS, "actor")
    list_select_related = ("product", "customer")
    list_filter = ("product", "ended_as", "created_at")
    date_hierarchy = "created_at"
    search_fields = ("product__sku__exact",)
    search_help_text = "A SKU, or the id of a subscription, customer or renewal order."
    id_fields = ("pk", "customer", "renewal")
    panels = (
        Related(
            OrderItem,
            "subscription",
            ("period_index", "period_from", "period_until", "order_link", "quantity", "total_amount_minor_shown"),
            title="Orders",
            ordering=("-period_index",),
        ),
        planning.PANEL,
        Related(Grant, "subscription", GRANT_COLUMNS),
        Related(SubscriptionPause, "subscription", ("begins_at", "ends_at_shown", "reason", "actor"), title="Pauses"),
    )
    acts = (
        Act(name="renew", title="Order the next period…", button="Order it", form=NothingForm, perform=renew),
        Act(name="cancel", title="Cancel…", button="Cancel the subscription", form=CancelForm, perform=cancel),
        Act(name="undo", title="Undo a cancellation…", button="Let it renew", form=NothingForm, perform=undo_cancel),
        Act(name="pause", title="Pause…", button="Pause", form=PauseForm, perform=pause),
        Act(name="resume", title="Resume…", button="Resume", form=NothingForm, perform=resume),
        Act(name="extend", title="Extend access…", button="Extend access", form=AccessForm, perform=extend_access),
        Act(
            name="move",
            title="Move the billing date…",
            button="Move the billing date",
            form=BillingDateForm,
            perform=move_billing_date,
        ),
        *planning.ACTS,
    )
    computed = ("status_shown",)
    customer_link = link("customer")
    renewal_shown = link("renewal")
    credit_minor_shown = amount("credit_minor", "credit")

    @admin.display(description="status")
    def status_shown(self, row: Subscription) -> str:
        return row.status


@admin.register(SubscriptionPause)
class SubscriptionPauseAdmin(Books):
    list_display = ("own_id", "subscription_link", "begins_at", "ends_at_shown", "reason", "actor")
    search_fields = ("subscription__product__sku__exact",)
    id_fields = ("pk", "subscription", "customer")
    ordering = ("-id",)
    subscription_link = link("subscription")
    ends_at_shown = until("ends_at", "ends at")
    before_shown = pretty("before")
