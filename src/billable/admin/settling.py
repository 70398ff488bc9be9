"""What staff do about payments that went astray, and about disputes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextInputWidget
from django.db.models import QuerySet
from django.http import HttpRequest

from billable.admin.acts import Act, ActForm, Answers, reason_field
from billable.admin.columns import money
from billable.inputs import MAX_KEY_LENGTH
from billable.models import Dispute, Payment
from billable.services import OrderService


class ApplyForm(ActForm):
    """Which order takes it, and why."""

    order = forms.UUIDField(
        label="Order",
        widget=AdminTextInputWidget,
        help_text="The id of an order of the same customer that waits for money.",
    )
    reason = reason_field(required=False)


class ReturnForm(ActForm):
    """How it was sent back."""

    reason = reason_field(required=False)


class DisputeForm(ActForm):
    """What the bank says."""

    dispute_id = forms.CharField(
        label="Dispute id",
        max_length=MAX_KEY_LENGTH,
        widget=AdminTextInputWidget,
        help_text="What the dispute is called where it was opened.",
    )
    amount = forms.CharField(
        max_length=32,
        required=False,
        widget=AdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text="In the currency of the payment, such as 9.99. Empty: all of it.",
    )
    reason = reason_field(required=False)


class OutcomeForm(ActForm):
    """Nothing to fill in: the outcome is the act."""


def apply(payment: Payment, answers: Answers) -> str:
    """Apply the payment to an order."""
    applied = OrderService.apply_payment(payment, answers["order"], reason=answers["reason"])
    return "had been applied already." if applied.replayed else f"applied to the order {answers['order']}."


def send_back(payment: Payment, answers: Answers) -> str:
    """Mark the payment as returned."""
    returned = OrderService.return_payment(payment, reason=answers["reason"])
    return "had been returned already." if returned.replayed else "marked as returned."


def dispute(payment: Payment, answers: Answers) -> str:
    """Open a dispute about the payment."""
    named = {"amount": answers["amount"], "currency": payment.currency} if answers["amount"] else {}
    opened = OrderService.dispute_payment(payment, dispute_id=answers["dispute_id"], reason=answers["reason"], **named)
    said = f"dispute {opened.dispute_id} of {money(opened.amount_minor, opened.currency)}"
    return f"{said} had been opened already." if opened.replayed else f"opened {said}."


def win(dispute: Dispute, answers: Answers) -> str:
    """The money stays."""
    return _resolve(dispute, "won")


def lose(dispute: Dispute, answers: Answers) -> str:
    """The money went back."""
    return _resolve(dispute, "lost")


def _resolve(dispute: Dispute, outcome: str) -> str:
    resolved = OrderService.resolve_dispute(dispute, outcome)
    return f"had been {outcome} already." if resolved.replayed else f"{outcome}."


class AttentionFilter(admin.SimpleListFilter):
    """The money that somebody must look at."""

    title = "attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("unapplied", "unapplied: no order took it"), ("disputed", "disputed: not decided yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payment]) -> QuerySet[Payment]:
        return queryset.filter(status=self.value()) if self.value() in ("unapplied", "disputed") else queryset


PAYMENT_ACTS = (
    Act(
        name="apply",
        title="Apply to an order…",
        button="Apply the payment",
        form=ApplyForm,
        perform=apply,
        one_at_a_time=True,
    ),
    Act(name="return", title="Mark as returned…", button="Mark as returned", form=ReturnForm, perform=send_back),
    Act(
        name="dispute",
        title="Open a dispute…",
        button="Open the dispute",
        form=DisputeForm,
        perform=dispute,
        one_at_a_time=True,
    ),
)
DISPUTE_ACTS = (
    Act(name="win", title="Won…", button="The dispute is won", form=OutcomeForm, perform=win),
    Act(name="lose", title="Lost…", button="The dispute is lost", form=OutcomeForm, perform=lose),
)
