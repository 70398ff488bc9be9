"""Forms of the catalogue: what may be typed, checked as the front door will check it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminIntegerFieldWidget, AdminTextInputWidget
from django.core.exceptions import ValidationError

from billable import inputs
from billable.admin.columns import money
from billable.admin.editing import EditForm, checked
from billable.conf import knobs
from billable.inputs import MAX_UNITS
from billable.models import CatalogName, Feature, FeatureCost, Price, Product, ProductFeature, UnitPrice
from billable.money import MAX_AMOUNT_MINOR, Money
from billable.services import Period


def _typed(example: str, help_text: str) -> forms.CharField:
    """A period that is typed."""
    widget = AdminTextInputWidget(attrs={"placeholder": example})
    return forms.CharField(max_length=20, required=False, widget=widget, help_text=help_text)


class ProductForm(EditForm):
    recurs = _typed("1 month", "How often it is paid for, such as “1 month”: a subscription. Empty: once.")
    trial_period = _typed("14 days", "How long a subscription may be tried before it is paid for. Empty: not at all.")

    class Meta:
        model = Product
        fields = (
            "sku",
            "name",
            "description",
            "is_active",
            "is_trial",
            "is_default",
            "trial_campaign",
            "tax_rate",
            "grace_days",
            "metadata",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("recurs", "trial_period"):
            self.initial.setdefault(name, str(getattr(self.instance, name) or ""))

    def clean_sku(self) -> str:
        return new_name(self.cleaned_data["sku"], "sku")

    def clean_recurs(self) -> str:
        return self._period("recurs")

    def clean_trial_period(self) -> str:
        return self._period("trial_period")

    def _period(self, name: str) -> str:
        typed: str = self.cleaned_data[name]
        return str(checked(Period.parse, typed, name)) if typed else ""

    def clean_description(self) -> str:
        return checked(inputs.text, self.cleaned_data["description"], "description", maximum=10_000)

    def clean_tax_rate(self) -> Decimal | None:
        rate: Decimal | None = self.cleaned_data["tax_rate"]
        return None if rate is None else checked(inputs.percent, rate, "tax_rate")

    def clean_trial_campaign(self) -> str:
        campaign: str = self.cleaned_data["trial_campaign"]
        return checked(inputs.name, campaign, "trial_campaign") if campaign else ""


class FeatureForm(EditForm):
    class Meta:
        model = Feature
        fields = (
            "key",
            "name",
            "unit",
            "value_type",
            "overdraft",
            "overdraft_limit",
            "alerts",
            "is_active",
            "metadata",
        )

    def clean_key(self) -> str:
        return new_name(self.cleaned_data["key"], "key")

    def clean_unit(self) -> str:
        return checked(inputs.text, self.cleaned_data["unit"], "unit", maximum=50)


def new_name(value: str, field: str) -> str:
    """A clean name that neither a product nor a feature has."""
    name = checked(inputs.name, value, field)
    if CatalogName.objects.filter(name=name).exists():
        raise ValidationError(f"The name “{name}” is already used in the catalogue.", code="unique")
    return name


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A price, typed as a decimal in the currency's own number of decimals."""

    currency = forms.CharField(max_length=10, widget=AdminTextInputWidget(attrs={"size": 6, "class": ""}))
    amount = forms.CharField(max_length=32, widget=AdminTextInputWidget(attrs={"inputmode": "decimal", "class": ""}))

    class Meta:
        model = Price
        fields = ("currency",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.fields["currency"].disabled = True
            self.initial["amount"] = money(self.instance.amount_minor, self.instance.currency).split(" ")[0]
        elif "currency" in self.fields:
            self.fields["currency"].widget.attrs["placeholder"] = knobs.currency

    def clean_currency(self) -> str:
        return checked(inputs.currency, self.cleaned_data["currency"])

    def clean(self) -> dict[str, Any] | None:
        answers = super().clean() or self.cleaned_data
        if {"amount", "currency"} <= answers.keys():
            try:
                self.instance.amount_minor = checked(amount_minor, answers["amount"], answers["currency"])
            except ValidationError as error:
                self.add_error("amount", error)
        return answers


class UnitPriceForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    """What a product costs in units of a feature."""

    units = forms.IntegerField(min_value=1, max_value=MAX_UNITS)

    class Meta:
        model = UnitPrice
        fields = ("units", "feature")


def amount_minor(amount: str, currency: str) -> int:
    """The minor units of a price typed as a decimal."""
    minor = Money.parse(amount, currency, extra=knobs.currencies).amount_minor
    return inputs.whole(minor, "amount", minimum=0, maximum=MAX_AMOUNT_MINOR)


class LineForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """What a product gives of one feature."""

    quantity = forms.IntegerField(required=False, min_value=1, max_value=MAX_UNITS, help_text="Empty: unlimited.")
    period_count = forms.IntegerField(
        required=False, min_value=1, widget=AdminIntegerFieldWidget, help_text="Empty: for ever."
    )
    priority = forms.IntegerField(
        initial=ProductFeature().priority, min_value=-32_768, max_value=32_767, help_text="Lower is used up first."
    )

    rollover_quantity = forms.IntegerField(required=False, min_value=1, max_value=MAX_UNITS)
    cap_quantity = forms.IntegerField(required=False, min_value=1, max_value=MAX_UNITS)

    class Meta:
        model = ProductFeature
        fields = (
            "feature",
            "quantity",
            "period_count",
            "period_unit",
            "priority",
            "reset_count",
            "reset_unit",
            "rollover_quantity",
            "rollover_periods",
            "cap_quantity",
            "cap_period_count",
            "cap_period_unit",
            "value",
        )

    def clean(self) -> dict[str, Any] | None:
        answers = super().clean() or self.cleaned_data
        for name in ("period", "reset", "cap_period"):
            self._whole_period(answers, name)
        return answers

    def _whole_period(self, answers: dict[str, Any], name: str) -> None:
        count, unit = answers.get(f"{name}_count"), answers.get(f"{name}_unit")
        if count and unit:
            try:
                checked(Period.of, count, unit)
            except ValidationError as error:
                self.add_error(f"{name}_count", error)
        elif count:
            self.add_error(f"{name}_unit", "Say which unit the period is counted in.")
        elif unit and f"{name}_count" not in self.errors:
            self.add_error(f"{name}_count", "Say how many, or leave the unit empty too.")


class CostForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """What a feature costs when it is paid from another."""

    per = forms.IntegerField(min_value=1, max_value=MAX_UNITS, initial=1, help_text="So many units of this feature …")
    units = forms.IntegerField(
        min_value=1, max_value=MAX_UNITS, initial=1, help_text="… cost so many units of the other."
    )
    position = forms.IntegerField(
        required=False, min_value=1, max_value=1000, help_text="Lower is tried first. Empty: last."
    )

    class Meta:
        model = FeatureCost
        fields = ("paid_from", "per", "units", "position")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None and "paid_from" in self.fields:
            self.fields["paid_from"].disabled = True

    def clean_paid_from(self) -> Feature:
        paid_from: Feature = self.cleaned_data["paid_from"]
        if paid_from.pk == self.instance.feature_id:
            raise ValidationError("A feature cannot be paid from itself.")
        return paid_from
