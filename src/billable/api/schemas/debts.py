"""Debts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Schema
from pydantic import Field

from billable.api.schemas.base import CustomerFields, Name, PageParameters, QueryFlag


class DebtsParameters(CustomerFields, PageParameters):
    feature: Name | None = None
    open_only: QueryFlag = Field(default=False, description="Only what is still owed.")


class DebtOut(Schema):
    id: UUID
    customer_id: UUID
    feature: str = Field(alias="feature.key")
    usage_id: UUID
    units: int = Field(description="How many units of the usage were not there.")
    repaid: int = Field(description="Taken from later grants.")
    forgiven: int = Field(description="Given back by reversals of the usage.")
    owed: int = Field(description="What is left of it.")
    closed_at: datetime | None
    actor: str
    created_at: datetime


class DebtPage(Schema):
    items: list[DebtOut]
    next: str | None
