"""What every page with a form shares: it saves through the front door, whose refusals are errors of the form."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from billable import inputs
from billable.actor import acting_as
from billable.admin.acts import actor_of
from billable.admin.base import Admin
from billable.errors import BillableError, Invalid

Clean = TypeVar("Clean")


def checked(check: Callable[..., Clean], *args: Any, **kwargs: Any) -> Clean:
    """What a check of the engine answers; its refusal becomes an error of the form."""
    try:
        return check(*args, **kwargs)
    except Invalid as refusal:
        raise ValidationError(refusal.problem[:1].upper() + refusal.problem[1:] + ".") from None


class MetadataField(forms.JSONField):
    """A JSON object, indented."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return super().prepare_value(value)
        if value is None:  # the page of a new row
            return "{}"
        return json.dumps(value, indent=2, ensure_ascii=False)

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            return super().bound_data(data, initial)
        except RecursionError:
            return ""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError:
            raise ValidationError("Must be plain JSON.") from None

    def clean(self, value: Any) -> dict[str, Any]:
        return checked(inputs.metadata, super().clean(value))


class EditForm(forms.ModelForm):  # type: ignore[type-arg]  # ModelForm is generic in the stubs only
    """A row that staff edits. ``refusal`` is what the front door said when it was last saved."""

    refusal: ClassVar[BillableError | None] = None

    metadata = MetadataField(
        required=False, widget=forms.Textarea(attrs={"rows": 5, "cols": 60, "class": "vLargeTextField"})
    )

    def clean(self) -> dict[str, Any] | None:
        answers = super().clean()
        if self.refusal is not None:
            field = getattr(self.refusal, "field", None)
            self.add_error(field if field in self.fields else None, self.refusal.message)
        return answers

    def clean_name(self) -> str:
        return checked(inputs.text, self.cleaned_data["name"], "name", maximum=200)


class Editable(Admin):
    """Rows that staff adds and edits. What the front door refuses when they are saved becomes an error of the form."""

    add_fields: Sequence[str] = ()
    change_fields: Sequence[str] = ()
    fixed: Sequence[str] = ()
    """What is not typed once the row exists, because what was sold or promised refers to it."""

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is None:
            return self.add_fields
        if self.has_change_permission(request, obj):
            return self.change_fields
        return ["metadata_shown" if name == "metadata" else name for name in self.change_fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return () if obj is None else (*self.fixed, "metadata_shown")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[Any]]:
        form = super().get_form(request, obj, change, **kwargs)
        cast("type[EditForm]", form).refusal = getattr(request, "billable_refusal", None)
        return form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        with acting_as(actor_of(request)):
            try:
                return super().changeform_view(request, object_id, form_url, extra_context)
            except BillableError as refusal:
                # Nothing was saved: the page is shown again, with the refusal as an error of its form.
                request.billable_refusal = refusal  # type: ignore[attr-defined]  # read by get_form
                return super().changeform_view(request, object_id, form_url, extra_context)


def adopt(unsaved: Model, created: Model) -> None:
    """Let the row that the form made be the row that the verb made."""
    unsaved.pk = created.pk
    unsaved._state = created._state


def rows_of(formset: Any) -> list[Any]:
    """The rows that stay after this edit, in their order."""
    kept = (form for form in formset.forms if form not in formset.deleted_forms)
    return [form.instance for form in kept if form.instance.pk is not None or form.has_changed()]


def changed_rows(formset: Any) -> list[Any]:
    """The rows that this edit adds or changes."""
    kept = (form for form in formset.forms if form not in formset.deleted_forms)
    return [form.instance for form in kept if form.has_changed()]


def withdraw(formset: Any) -> None:
    """Delete what was ticked for it. Orders, usages and holds keep copies, so only new ones notice."""
    for row in formset.deleted_objects:
        row.delete()
