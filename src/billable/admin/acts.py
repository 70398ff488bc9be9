"""Acts: what staff may do to rows here. Each is one page with a form, and one call of the front door.

The page is reached from the action menu of the change list and from the page of a row. Showing it changes
nothing; the form is posted, needs the change permission of the model or the act's own, and every refusal is a message.
An act with a preview is posted twice: the first time shows what it would do, and only what was shown is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.utils import quote
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from billable.actor import acting_as
from billable.admin.columns import address
from billable.admin.panels import Panel
from billable.errors import BillableError
from billable.inputs import MAX_TEXT_LENGTH

MAX_ROWS = 100


def new_key() -> str:
    """An idempotency key: made when the form is shown, so that posting it twice acts once."""
    return f"admin:{uuid4()}"


def reason_field(*, required: bool, help_text: str = "") -> forms.CharField:
    """Why, in words: receipts keep it."""
    area = AdminTextareaWidget(attrs={"rows": 3})
    return forms.CharField(max_length=MAX_TEXT_LENGTH, required=required, help_text=help_text, widget=area)


class ActForm(forms.Form):
    """The form of an act, with the key of the one call that it stands for."""

    idempotency_key = forms.CharField(max_length=200, widget=forms.HiddenInput, initial=new_key)

    @property
    def field_names(self) -> list[str]:
        """The fields that a person fills in."""
        return [field.name for field in self.visible_fields()]


Answers = dict[str, Any]
Preview = Callable[[Any, Answers], list[Panel]]


@dataclass(frozen=True)
class Act:
    """One thing that can be done. ``perform`` calls the front door and returns what to say about it.

    ``permission`` is a permission of the model beside the usual ones; ``preview`` shows what would be done to one row,
    first what must not change before it is confirmed.
    """

    name: str
    title: str
    button: str
    form: type[ActForm]
    perform: Callable[[Any, Answers], str]
    one_at_a_time: bool = False
    permission: str = ""
    preview: Preview | None = None


def fingerprint(previews: Sequence[Panel], answers: Answers) -> str:
    """What stands for a preview that was shown. Its first panel says what matters; the others may tell the time."""
    return sha256(repr((previews[:1], sorted(answers.items()))).encode()).hexdigest()


def actor_of(request: HttpRequest) -> str:
    """Who acts, as receipts and ledger entries name them."""
    return f"user:{request.user.pk}"


if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object


class Acts(Base):
    """Gives a ModelAdmin its ``acts``."""

    acts: Sequence[Act] = ()

    def __init__(self, model: type[Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        self.actions = [*(self.actions or ()), *map(menu_entry, self.acts)]

    def may(self, request: HttpRequest, act: Act) -> bool:
        """Whether this person may act: the rows are read-only, so the change permission means this."""
        permission = act.permission or f"change_{self.opts.model_name}"
        return bool(request.user.has_perm(f"{self.opts.app_label}.{permission}"))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        forbidden = {act.name for act in self.acts if not self.may(request, act)}
        return {name: entry for name, entry in super().get_actions(request).items() if name not in forbidden}

    def get_urls(self) -> list[URLPattern]:
        acts = [
            path(
                f"act/{act.name}/",
                self.admin_site.admin_view(partial(self.act_view, act=act)),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{act.name}",
            )
            for act in self.acts
        ]
        return acts + super().get_urls()

    def act_links(self, request: HttpRequest, key: Any) -> list[tuple[str, str]]:
        """Title and address of what this person may do to one row."""
        allowed = [act for act in self.acts if self.may(request, act)]
        return [(act.title, f"{address(self.admin_site, self.model, act.name)}?id={quote(key)}") for act in allowed]

    def act_view(self, request: HttpRequest, act: Act) -> HttpResponse:
        """Show the form of an act (GET), or act (POST)."""
        if not self.may(request, act):
            raise PermissionDenied
        named = (request.POST if request.method == "POST" else request.GET).getlist("id")
        try:
            rows = list(self.get_queryset(request).filter(pk__in=named[: MAX_ROWS + 1]))
        except (ValidationError, ValueError):
            raise Http404("not an id") from None
        if not rows:
            raise Http404("no such row")
        if request.method != "POST":
            return self.act_page(request, act, rows, act.form())
        form = act.form(request.POST)
        if self.refuses_number(request, act, rows) or not form.is_valid():
            return self.act_page(request, act, rows, form)
        if act.preview is not None:
            previews = self.previews(request, act, act.preview, rows, form.cleaned_data)
            if previews is None or request.POST.get("seen") != fingerprint(previews, form.cleaned_data):
                return self.act_page(request, act, rows, form, previews or ())
        refusals = [row for row in rows if not self.performed(request, act, row, form.cleaned_data)]
        if refusals:
            return self.act_page(request, act, rows, form)
        return HttpResponseRedirect(self.after_act(rows))

    def performed(self, request: HttpRequest, act: Act, row: Model, answers: Answers) -> bool:
        """Act on one row and say how it went."""
        try:
            with acting_as(actor_of(request)):
                said = act.perform(row, answers)
        except BillableError as refusal:
            self.message_user(request, f"{row}: {refusal.message}", messages.ERROR)
            return False
        self.log_change(request, row, said)
        self.message_user(request, f"{row}: {said}", messages.SUCCESS)
        return True

    def previews(
        self, request: HttpRequest, act: Act, preview: Preview, rows: Sequence[Model], answers: Answers
    ) -> list[Panel] | None:
        """What the act would do to the rows; None when it would be refused, which is said."""
        try:
            return [panel for row in rows for panel in preview(row, answers)]
        except BillableError as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
            return None

    def refuses_number(self, request: HttpRequest, act: Act, rows: Sequence[Model]) -> bool:
        """Whether these are more rows than the act takes at once."""
        most = 1 if act.one_at_a_time else MAX_ROWS
        if len(rows) <= most:
            return False
        self.message_user(request, f"{act.title.rstrip('…')}: select at most {most}.", messages.ERROR)
        return True

    def act_page(
        self, request: HttpRequest, act: Act, rows: Sequence[Model], form: ActForm, previews: Sequence[Panel] = ()
    ) -> TemplateResponse:
        """The page with the form, and with what it would do where that was asked for."""
        fieldsets = [(None, {"fields": form.field_names})]
        context = {
            **self.admin_site.each_context(request),
            "title": act.title.rstrip("…"),
            "opts": self.opts,
            "button": act.button if previews or act.preview is None else "Show what it would do",
            "panels": previews,
            "seen": fingerprint(previews, form.cleaned_data) if previews else "",
            "action": address(self.admin_site, self.model, act.name),
            "back": self.after_act(rows),
            "rows": rows,
            "form": form,
            "adminform": AdminForm(form, fieldsets, {}, (), model_admin=self),  # type: ignore[arg-type]  # takes any form
            "media": self.media,
        }
        request.current_app = self.admin_site.name  # read by the url tag
        return TemplateResponse(request, "admin/billable/act.html", context)

    def after_act(self, rows: Sequence[Model]) -> str:
        """Where to go on: to the page of the row, or to the list when there are several."""
        if len(rows) == 1:
            return address(self.admin_site, self.model, "change", quote(rows[0].pk))
        return address(self.admin_site, self.model, "changelist")


def menu_entry(act: Act) -> Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]:
    """The act in the action menu of the change list: it only shows the page."""

    @admin.action(description=act.title)
    def begin(model_admin: Acts, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        rows = list(queryset[: MAX_ROWS + 1])
        if model_admin.refuses_number(request, act, rows):
            return None
        return model_admin.act_page(request, act, rows, act.form())

    begin.__name__ = act.name
    return begin
