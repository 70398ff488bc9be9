"""A document as it is printed: every amount, date and rate a text. Only what was written down when it was issued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billable.conf import knobs
from billable.invoices.kinds import InvoiceKind
from billable.invoices.models import Invoice, InvoiceLine
from billable.invoices.parties import Party, zone_of
from billable.money import EXPONENTS, Money

LONG_AMOUNT = 14


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line. ``quantity`` is empty where an amount went back and not a number of pieces."""

    description: str
    sku: str
    quantity: str
    unit_amount: str
    discount: str
    net: str
    tax_rate: str
    tax: str
    total: str


@dataclass(frozen=True, kw_only=True)
class TaxRow:
    """What all lines of one rate add up to."""

    rate: str
    net: str
    tax: str
    total: str


@dataclass(frozen=True, kw_only=True)
class Document:
    """What the template ``billable/invoice.html`` is given as ``document``.

    ``corrects`` is the number of the receipt that a credit note is about, or empty. Parties have ``name``, ``address``,
    ``email``, ``country`` and ``tax_id``, where they are known. Columns that would be empty in every line are left out:
    ``has_quantity``, ``has_discount``, ``has_tax``.
    """

    title: str
    number: str
    is_credit_note: bool
    issued_on: str
    paid_on: str
    order: str
    customer: str
    corrects: str
    payment_method: str
    currency: str
    seller: Party
    buyer: Party
    lines: Sequence[Line]
    taxes: Sequence[TaxRow]
    net: str
    tax: str
    total: str
    has_quantity: bool
    has_discount: bool
    has_tax: bool
    tax_included: bool

    @property
    def columns(self) -> int:
        """How many columns the table of lines has."""
        return 2 + self.has_quantity + (not self.is_credit_note) + self.has_discount + 3 * self.has_tax

    @property
    def is_dense(self) -> bool:
        """Whether the amounts are so long that they need a smaller type."""
        return len(self.total) > LONG_AMOUNT


def document(invoice: Invoice) -> Document:
    """The printed form of a receipt or credit note, whose lines are loaded."""
    money = _Printer(invoice.currency)
    lines = list(invoice.lines.all())
    is_credit_note = invoice.kind == InvoiceKind.CREDIT_NOTE.value
    settled_at = invoice.refund.created_at if invoice.refund else invoice.order.paid_at
    return Document(
        title="Credit note" if is_credit_note else "Receipt",
        number=invoice.name,
        is_credit_note=is_credit_note,
        issued_on=_day(invoice.issued_at, invoice),
        paid_on=_day(settled_at, invoice),
        order=str(invoice.order_id),
        customer=str(invoice.customer_id),
        corrects=invoice.corrects.name if invoice.corrects else "",
        payment_method=invoice.payment_method,
        currency=invoice.currency,
        seller=invoice.seller,
        buyer=invoice.buyer,
        lines=[_line(line, money) for line in lines],
        taxes=_taxes(lines, money),
        net=money(invoice.net_minor),
        tax=money(invoice.tax_minor),
        total=money(invoice.total_minor),
        has_quantity=any(line.quantity for line in lines),
        has_discount=any(line.discount_minor for line in lines),
        has_tax=any(line.tax_rate for line in lines),
        tax_included=invoice.tax_included,
    )


class _Printer:
    """Writes amounts of one currency: ``1,234.50``; whole minor units when it is no longer in the settings."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.is_known = currency in EXPONENTS or currency in knobs.currencies

    def __call__(self, amount_minor: int) -> str:
        text = Money(amount_minor, self.currency).text(knobs.currencies) if self.is_known else str(amount_minor)
        whole, point, fraction = text.partition(".")
        return f"{int(whole):,}{point}{fraction}"


def _line(line: InvoiceLine, money: _Printer) -> Line:
    return Line(
        description=line.description,
        sku=line.sku,
        quantity=f"{line.quantity:,}" if line.quantity else "",
        unit_amount=money(line.unit_amount_minor),
        discount=f"−{money(line.discount_minor)}" if line.discount_minor else "",
        net=money(line.net_minor),
        tax_rate=_rate(line.tax_rate),
        tax=money(line.tax_minor),
        total=money(line.total_minor),
    )


def _taxes(lines: Sequence[InvoiceLine], money: _Printer) -> list[TaxRow]:
    """One row per rate, the highest first."""
    return [
        TaxRow(
            rate=_rate(rate),
            net=money(sum(line.net_minor for line in lines if line.tax_rate == rate)),
            tax=money(sum(line.tax_minor for line in lines if line.tax_rate == rate)),
            total=money(sum(line.total_minor for line in lines if line.tax_rate == rate)),
        )
        for rate in sorted({line.tax_rate for line in lines}, reverse=True)
    ]


def _rate(percent: Decimal) -> str:
    """``19 %``, ``7.7 %``: without zeros that say nothing."""
    whole, point, fraction = f"{percent:f}".partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}{point if fraction else ''}{fraction}\u00a0%"


def _day(instant: datetime | None, invoice: Invoice) -> str:
    return "" if instant is None else instant.astimezone(zone_of(invoice.seller)).date().isoformat()
