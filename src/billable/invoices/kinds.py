"""The closed vocabularies of the invoices room. Pure."""

from __future__ import annotations

from enum import Enum


class InvoiceKind(str, Enum):
    """What a document says: that an order was paid, or that money went back."""

    RECEIPT = "receipt"
    CREDIT_NOTE = "credit_note"
