"""The clock of sandbox customers: moved here, and where it was moved."""

from __future__ import annotations

from django import forms
from django.contrib import admin

from billable.admin.acts import Act, ActForm, Answers
from billable.admin.base import Books
from billable.admin.columns import link, pretty
from billable.models import ClockMove, Customer
from billable.services import CustomerService

SPANS = ("months", "days", "hours", "minutes")


class AdvanceForm(ActForm):
    """How far the clock is moved: to an instant, or by a span."""

    to = forms.DateTimeField(
        required=False,
        help_text="An instant, or else a span below.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "class": "vTextField"}, format="%Y-%m-%dT%H:%M"),
    )
    months = forms.IntegerField(required=False, min_value=0)
    days = forms.IntegerField(required=False, min_value=0)
    hours = forms.IntegerField(required=False, min_value=0)
    minutes = forms.IntegerField(required=False, min_value=0)


def advance(customer: Customer, answers: Answers) -> str:
    """Move the clock of a sandbox customer as the form says."""
    moved = CustomerService.advance_clock(
        customer,
        to=answers["to"],
        idempotency_key=answers["idempotency_key"],
        **{unit: answers[unit] or 0 for unit in SPANS},
    )
    happened = ", ".join(f"{step.done} {step.name.replace('_', ' ')}" for step in moved.steps) or "nothing"
    said = f"it is {moved.to_at:%Y-%m-%d %H:%M} UTC for this customer; on the way: {happened}."
    return f"the clock had been moved already; {said}" if moved.replayed else said


ADVANCE = Act(
    name="advance",
    title="Move its clock…",
    button="Move the clock",
    form=AdvanceForm,
    perform=advance,
    one_at_a_time=True,
)


@admin.register(ClockMove)
class ClockMoveAdmin(Books):
    list_display = ("own_id", "customer_link", "asked", "started_at", "finished_at", "actor", "created_at")
    list_filter = ("created_at", ("finished_at", admin.EmptyFieldListFilter))
    date_hierarchy = "created_at"
    search_fields = ("asked",)
    search_help_text = "What was asked for, or the id of a move or customer."
    id_fields = ("pk", "customer")
    customer_link = link("customer")
    happened_shown = pretty("happened")
