"""Forms of promotions and referral programmes, checked as the front door will check them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError

from billable import inputs
from billable.admin.catalog_forms import PriceForm
from billable.admin.editing import EditForm, checked
from billable.models import Promotion, PromotionAmount, ReferralProgramme


class PromotionForm(EditForm):
    class Meta:
        model = Promotion
        fields = (
            "code",
            "name",
            "is_active",
            "percent_off",
            "starts_at",
            "ends_at",
            "max_uses",
            "max_uses_per_customer",
            "first_order_only",
            "metadata",
        )

    def clean_code(self) -> str:
        return checked(inputs.name, self.cleaned_data["code"], "code").upper()

    def clean_percent_off(self) -> Decimal | None:
        percent: Decimal | None = self.cleaned_data["percent_off"]
        if percent is None:
            return None
        if not checked(inputs.percent, percent, "percent_off"):
            raise ValidationError("Must be more than 0.")
        return percent

    def clean_ends_at(self) -> datetime | None:
        starts_at, ends_at = self.cleaned_data.get("starts_at"), self.cleaned_data["ends_at"]
        if starts_at and ends_at and ends_at <= starts_at:
            raise ValidationError("Must be after the start.")
        return ends_at  # type: ignore[no-any-return]  # cleaned_data is untyped


class AmountOffForm(PriceForm):
    """What a code takes off in one currency."""

    class Meta:
        model = PromotionAmount
        fields = ("currency",)

    def clean(self) -> dict[str, Any] | None:
        answers = super().clean()
        if "amount" not in self.errors and self.instance.amount_minor == 0:
            self.add_error("amount", "Must be more than 0.")
        return answers


class ProgrammeForm(EditForm):
    class Meta:
        model = ReferralProgramme
        fields = (
            "key",
            "name",
            "is_active",
            "referrer_product",
            "referee_product",
            "trigger",
            "hold_days",
            "cap_per_referrer",
            "metadata",
        )

    def clean_key(self) -> str:
        return checked(inputs.name, self.cleaned_data["key"], "key")
