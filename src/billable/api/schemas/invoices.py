"""Receipts and credit notes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from ninja import Schema
from pydantic import Field

from billable.api.schemas.base import Identifier, Key, MoneyParameters, text
from billable.money import Money

if TYPE_CHECKING:
    from billable.models import Invoice, InvoiceLine


class InvoicesParameters(MoneyParameters):
    kind: Key | None = Field(default=None, description="`receipt` or `credit_note`.")
    order_id: Identifier | None = None


class InvoiceLineOut(Schema):
    line: int
    sku: str
    description: str
    quantity: int = Field(description="Of a credit note: the pieces that went back; 0 when an amount did.")
    unit_amount: str
    unit_amount_minor: int
    discount: str
    discount_minor: int
    net: str
    net_minor: int
    tax_rate: str = Field(description="Percent.", examples=["19"])
    tax: str
    tax_minor: int
    total: str
    total_minor: int

    @staticmethod
    def resolve_unit_amount(line: InvoiceLine) -> str:
        return _amount(line.unit_amount_minor, line.invoice)

    @staticmethod
    def resolve_discount(line: InvoiceLine) -> str:
        return _amount(line.discount_minor, line.invoice)

    @staticmethod
    def resolve_net(line: InvoiceLine) -> str:
        return _amount(line.net_minor, line.invoice)

    @staticmethod
    def resolve_tax_rate(line: InvoiceLine) -> str:
        return _percent(line.tax_rate)

    @staticmethod
    def resolve_tax(line: InvoiceLine) -> str:
        return _amount(line.tax_minor, line.invoice)

    @staticmethod
    def resolve_total(line: InvoiceLine) -> str:
        return _amount(line.total_minor, line.invoice)


class InvoiceOut(Schema):
    id: UUID
    name: str = Field(description="The number as it is printed.", examples=["R-2026-000001"])
    kind: str = Field(examples=["receipt", "credit_note"])
    series: str
    year: int
    number: int
    customer_id: UUID
    order_id: UUID
    refund_id: UUID | None
    corrects_id: UUID | None = Field(description="Of a credit note: the receipt that it corrects.")
    issued_at: datetime
    currency: str
    net: str
    net_minor: int
    tax: str
    tax_minor: int
    total: str
    total_minor: int
    tax_included: bool = Field(description="Whether unit amounts and discounts contain the tax.")
    seller: dict[str, str]
    buyer: dict[str, str]
    payment_method: str
    lines: list[InvoiceLineOut]
    actor: str

    @staticmethod
    def resolve_net(invoice: Invoice) -> str:
        return _amount(invoice.net_minor, invoice)

    @staticmethod
    def resolve_tax(invoice: Invoice) -> str:
        return _amount(invoice.tax_minor, invoice)

    @staticmethod
    def resolve_total(invoice: Invoice) -> str:
        return text(invoice.total)


class InvoicePage(Schema):
    items: list[InvoiceOut]
    next: str | None


def _amount(amount_minor: int, invoice: Invoice) -> str:
    return text(Money(amount_minor, invoice.currency))


def _percent(rate: Decimal) -> str:
    whole, _, fraction = f"{rate:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0')}".rstrip(".")
