"""Refunding an order by hand: what would go back is shown before it does."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget

from billable.admin.acts import Act, ActForm, Answers, reason_field
from billable.admin.columns import instant, money
from billable.admin.panels import Panel, PanelRow
from billable.inputs import MAX_KEY_LENGTH
from billable.models import Order
from billable.services import OrderService, RefundGrantQuote, RefundLine, RefundQuote

POLICIES = [
    ("full", "All that is left"),
    ("unused_only", "What is not used"),
    ("pro_rata_time", "The time that is left"),
]
_LINE = re.compile(r"([0-9]{1,9})(?:\s*:\s*([0-9]{1,9}))?")


class RefundForm(ActForm):
    """How much goes back, of what."""

    policy = forms.ChoiceField(label="How much", choices=POLICIES, initial="full")
    amount = forms.CharField(
        max_length=32,
        required=False,
        widget=AdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text="In the currency of the order, such as 9.99, instead of the above.",
    )
    lines = forms.CharField(
        max_length=1000,
        required=False,
        widget=AdminTextInputWidget,
        help_text="Of which items: “1, 3” are two lines, “1: 2” two pieces of line 1. Empty: of all.",
    )
    refund_id = forms.CharField(
        label="Refund id",
        max_length=MAX_KEY_LENGTH,
        required=False,
        widget=AdminTextInputWidget,
        help_text="What the refund is called where the money goes back: the same id never refunds twice.",
    )
    release_holds = forms.BooleanField(
        required=False, help_text="Release units that are held for work in progress, which would refuse the refund."
    )
    reason = reason_field(required=False)

    def clean_lines(self) -> list[RefundLine] | None:
        """The lines as the engine takes them."""
        typed = self.cleaned_data["lines"].strip()
        if not typed:
            return None
        lines = []
        for part in typed.split(","):
            match = _LINE.fullmatch(part.strip())
            if match is None:
                raise forms.ValidationError("Write lines such as “1, 3”, and pieces such as “1: 2”.")
            line = RefundLine(line=int(match[1]))
            if match[2] is not None:
                line["quantity"] = int(match[2])
            lines.append(line)
        return lines


def quote(order: Order, answers: Answers) -> list[Panel]:
    """What the refund would do."""
    quoted = OrderService.quote_refund(order, **_asked(order, answers))
    total = f"{money(quoted.amount.amount_minor, quoted.amount.currency)} would go back"
    panels = [Panel(title=total, headers=("Line", "SKU", "Pieces", "Amount"), rows=_items(quoted))]
    if grants := _grants(quoted):
        headers = ("Feature", "Granted", "Used", "Unused", "Expired", "Held", "Taken back", "Ends")
        panels.append(Panel(title="Units", headers=headers, rows=grants))
    if quoted.slides:
        panels.append(
            Panel(
                title="Periods that move up",
                headers=("Feature", "From", "Until", "New start", "New end"),
                rows=_slides(quoted),
            )
        )
    return panels


def refund(order: Order, answers: Answers) -> str:
    """Refund the order. Posting the same form twice refunds once."""
    done = OrderService.refund_order(
        order,
        refund_id=answers["refund_id"] or answers["idempotency_key"],
        reason=answers["reason"],
        **_asked(order, answers),
    )
    said = f"refund {done.refund_id} of {money(done.amount_minor, done.currency)}"
    if done.replayed:
        return f"{said} had been made already; nothing went back twice."
    return f"{said}; the order is {done.order.status}."


REFUND = Act(
    name="refund",
    title="Refund…",
    button="Refund",
    form=RefundForm,
    perform=refund,
    preview=quote,
    permission="refund_order",
    one_at_a_time=True,
)


def _asked(order: Order, answers: Answers) -> dict[str, Any]:
    asked = {"items": answers["lines"], "policy": answers["policy"], "release_holds": answers["release_holds"]}
    if answers["amount"]:
        asked |= {"amount": answers["amount"], "currency": order.currency, "policy": "full"}
    return asked


def _items(quoted: RefundQuote) -> list[PanelRow]:
    return [
        PanelRow((str(item.line), item.sku, str(item.pieces), money(item.amount.amount_minor, item.amount.currency)))
        for item in quoted.items
    ]


def _grants(quoted: RefundQuote) -> list[PanelRow]:
    return [_grant(grant) for item in quoted.items for grant in item.grants]


def _grant(grant: RefundGrantQuote) -> PanelRow:
    numbers = (grant.granted, grant.used, grant.unused, grant.expired, grant.held, grant.taken_back)
    shown = ["unlimited" if number is None else f"{number:,}" for number in numbers]
    if grant.taken_back is None:
        shown[-1] = "the rest" if grant.ends else "–"
    return PanelRow((grant.feature, *shown, "yes" if grant.ends else "no"))


def _slides(quoted: RefundQuote) -> list[PanelRow]:
    return [
        PanelRow(
            (
                str(slide.grant.feature),
                *map(instant, (slide.grant.valid_from, slide.grant.expires_at, slide.valid_from, slide.expires_at)),
            )
        )
        for slide in quoted.slides
    ]
