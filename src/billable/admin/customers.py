"""Customers, their identities and their users: read, and granted to."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db import router
from django.db.models import CharField, F, OuterRef, Prefetch, QuerySet, Subquery, Value
from django.db.models.functions import Concat
from django.http import HttpRequest
from django.utils import timezone

from billable.admin.acts import Act, ActForm, Answers, reason_field
from billable.admin.allowances import ALLOWANCE_COLUMNS
from billable.admin.base import Books
from billable.admin.columns import instant, link, pretty, quantity, user_text
from billable.admin.panels import Panel, PanelRow, Related
from billable.admin.quota import GRANT_COLUMNS
from billable.admin.sandbox import ADVANCE
from billable.admin.subscriptions import SUBSCRIPTION_COLUMNS
from billable.inputs import MAX_UNITS
from billable.models import (
    Allowance,
    ClockMove,
    Customer,
    Debt,
    Grant,
    Identity,
    Invoice,
    LedgerEntry,
    Merge,
    Order,
    Referral,
    Subscription,
    Trial,
    UserLink,
)
from billable.services import CapState, CatalogService, CustomerRef, CustomerService, QuotaService

USER = UserLink._meta.get_field("user").related_model
# A user model need not have a username, nor any field that is a name.
USER_NAME: str = getattr(USER, "USERNAME_FIELD", None) or "pk"


def users_apart() -> bool:
    """Whether users live in another database, where no query of ours can join them."""
    return router.db_for_read(USER) != router.db_for_read(UserLink)


def user_search() -> tuple[str, ...]:
    """How a user is searched for from a link."""
    if users_apart():
        return ("=user_id",)
    return ("=user__pk",) if USER_NAME == "pk" else ("=user__pk", f"user__{USER_NAME}")


class GrantForm(ActForm):
    """What to grant by hand."""

    what = forms.ChoiceField(label="Product or feature")
    quantity = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_UNITS,
        help_text="Units of the feature, or how many of the product (empty: one).",
    )
    unlimited = forms.BooleanField(required=False, help_text="Of a feature: without a limit, instead of a quantity.")
    expires_at = forms.DateTimeField(
        label="Expires",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "class": "vTextField"}, format="%Y-%m-%dT%H:%M"),
    )
    reason = reason_field(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        products = [(row.sku, label(row.sku, row.name)) for row in CatalogService.list_products()]
        features = [(row.key, label(row.key, row.name)) for row in CatalogService.list_features() if not row.is_static]
        self.features = frozenset(key for key, _ in features)
        what = cast(forms.ChoiceField, self.fields["what"])
        what.choices = [("", "---------"), ("Products", products), ("Features", features)]
        self.fields[
            "expires_at"
        ].help_text = f"Empty: what the product says, or never. Time zone: {timezone.get_current_timezone_name()}."

    def clean(self) -> Answers:
        answers = super().clean() or {}
        answers["is_feature"] = answers.get("what") in self.features
        if not answers["is_feature"]:
            if answers.get("unlimited"):
                self.add_error("unlimited", "A product says itself what it gives.")
        elif answers.get("unlimited") and answers.get("quantity"):
            self.add_error("quantity", "Give a quantity or tick “unlimited”, not both.")
        elif not answers.get("unlimited") and not answers.get("quantity") and "quantity" not in self.errors:
            self.add_error("quantity", "Give a quantity or tick “unlimited”.")
        return answers


def label(key: str, name: str) -> str:
    """What a product or feature is called in the list."""
    return f"{key} – {name}" if name else key


def grant(customer: Customer, answers: Answers) -> str:
    """Grant by hand what the form says."""
    details = {name: answers[name] for name in ("expires_at", "reason", "idempotency_key")}
    what, number = answers["what"], answers["quantity"]
    if answers["is_feature"]:
        grants = QuotaService.grant_feature(customer, what, quantity=number, **details)
        said = f"{quantity(number)} {what}"
    else:
        grants = QuotaService.grant_product(customer, what, quantity=number or 1, **details)
        said = f"{quantity(number or 1)} × {what}"
    replayed = any(one.replayed for one in grants)
    return f"{said} had been granted already; nothing was granted twice." if replayed else f"granted {said}."


class MergeForm(ActForm):
    """Who is absorbed by the customer of the page, and why."""

    absorbed = forms.UUIDField(
        label="Absorbed customer", help_text="The id of the customer that is absorbed. Its history stays its own."
    )
    reason = reason_field(required=True)


class AnonymizeForm(ActForm):
    """Only why."""

    reason = reason_field(required=True, help_text="This cannot be undone. The reason is kept: say why, not who.")


class ConfirmForm(ActForm):
    """Nothing to fill in: the button is the answer."""


def merge(customer: Customer, answers: Answers) -> str:
    """Let the customer absorb the one that the form names."""
    absorbed = CustomerRef(customer_id=answers["absorbed"])
    CustomerService.merge_customers(customer, absorbed, reason=answers["reason"])
    return f"absorbed {answers['absorbed']}."


def unmerge(customer: Customer, answers: Answers) -> str:
    """Undo the merge that absorbed the customer."""
    merge = CustomerService.unmerge_customers(customer)
    return "had been parted already." if merge.replayed else f"parted from {merge.customer_id}."


def anonymize(customer: Customer, answers: Answers) -> str:
    """Erase the personal data of the customer."""
    CustomerService.anonymize_customer(customer, reason=answers["reason"])
    return "anonymized."


@admin.register(Customer)
class CustomerAdmin(Books):
    list_display = (
        "own_id",
        "known_as",
        "used_by",
        "zone",
        "is_sandbox",
        "merged_into_link",
        "anonymized_at",
        "created_at",
    )
    list_filter = (
        "created_at",
        "is_sandbox",
        ("merged_into", admin.EmptyFieldListFilter),
        ("anonymized_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("identities__external_id",)
    id_fields = ("pk",)
    search_help_text = "An external id, a user, or a customer id."
    panels = (
        Related(Identity, "customer", ("provider", "external_id", "created_at")),
        Related(UserLink, "customer", ("user_shown", "actor", "created_at"), title="Users"),
        Related(Grant, "customer", GRANT_COLUMNS),
        Related(Allowance, "customer", ALLOWANCE_COLUMNS),
        Related(Debt, "customer", ("created_at", "feature", "units", "repaid", "forgiven", "owed"), title="Overdrawn"),
        Related(Order, "customer", ("created_at", "status", "total_amount_minor_shown", "paid_amount_minor_shown")),
        Related(Subscription, "customer", SUBSCRIPTION_COLUMNS),
        Related(Trial, "customer", ("product", "campaign", "created_at")),
        Related(Invoice, "customer", ("name", "kind", "total_minor_shown", "issued_at")),
        Related(Referral, "referrer", ("customer_link", "programme", "status", "created_at")),
        Related(ClockMove, "customer", ("asked", "started_at", "finished_at", "actor"), title="Moves of its clock"),
        Related(Merge, "customer", ("absorbed_link", "reason", "created_at", "undone_at"), title="Absorbed"),
        Related(
            LedgerEntry,
            "customer",
            ("seq", "effective_at", "kind", "feature", "amount_shown", "remaining_after_shown", "actor"),
            title="Ledger history",
            ordering=("-seq",),
        ),
    )
    acts = (
        Act(name="grant", title="Grant…", button="Grant", form=GrantForm, perform=grant),
        Act(
            name="merge",
            title="Absorb another…",
            button="Merge",
            form=MergeForm,
            perform=merge,
            one_at_a_time=True,
            permission="merge_customers",
        ),
        Act(
            name="unmerge",
            title="Undo its merge…",
            button="Part them",
            form=ConfirmForm,
            perform=unmerge,
            one_at_a_time=True,
            permission="merge_customers",
        ),
        Act(
            name="anonymize",
            title="Anonymize…",
            button="Erase for good",
            form=AnonymizeForm,
            perform=anonymize,
            one_at_a_time=True,
            permission="anonymize_customer",
        ),
        ADVANCE,
    )
    merged_into_link = link("merged_into")
    billing_details_shown = pretty("billing_details")

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        found = super().get_search_fields(request)
        return [*found, *(name.replace("user", "user_links__user", 1) for name in user_search())]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        identities = Identity.objects.filter(customer=OuterRef("pk")).order_by("created_at", "id")
        users = UserLink.objects.filter(customer=OuterRef("pk")).order_by("created_at", "user")
        name = Concat(F("provider"), Value(":"), F("external_id"), output_field=CharField())
        rows: QuerySet[Customer] = super().get_queryset(request)
        return rows.annotate(
            identity_name=Subquery(identities.values(name=name)[:1]),
            user_name=Subquery(users.values(name=F("user_id" if users_apart() else f"user__{USER_NAME}"))[:1]),
        )

    @admin.display(description="known as", ordering="identity_name")
    def known_as(self, row: Any) -> str:
        return row.identity_name or ""

    @admin.display(description="user", ordering="user_name")
    def used_by(self, row: Any) -> str:
        return "" if row.user_name is None else str(row.user_name)

    def panels_of(self, request: HttpRequest, row: Customer) -> list[Panel]:
        panels = super().panels_of(request, row)
        return (
            [balances_of(row), *entitlements_of(row), *panels]
            if request.user.has_perm("billable.view_grant")
            else panels
        )


def balances_of(customer: Customer) -> Panel:
    """What is left of each feature, now."""
    rows = [
        PanelRow(
            cells=(
                balance.feature,
                quantity(balance.balance),
                quantity(balance.held),
                quantity(balance.owed),
                cap_text(balance.cap),
                instant(balance.expires_at),
            )
        )
        for balance in QuotaService.balances(customer)
    ]
    return Panel(title="Balances", headers=("Feature", "Balance", "Held", "Owed", "Cap", "Expires"), rows=rows)


def cap_text(cap: CapState | None) -> str:
    """The cap that keeps units back now."""
    return "" if cap is None else f"{cap.used} of {cap.quantity} {cap.feature} in {cap.period}"


def entitlements_of(customer: Customer) -> list[Panel]:
    """What the static features of a customer read, if there are any."""
    rows = [
        PanelRow(cells=(each.feature, str(each.value), each.product_sku or "", instant(each.expires_at)))
        for each in QuotaService.entitlements(customer)
    ]
    return [Panel(title="Entitlements", headers=("Feature", "Value", "Product", "Expires"), rows=rows)] if rows else []


@admin.register(Identity)
class IdentityAdmin(Books):
    list_display = ("provider", "external_id", "customer_link", "actor", "created_at")
    list_display_links = ("external_id",)
    list_filter = ("created_at",)
    search_fields = ("external_id", "provider__exact")
    id_fields = ("pk", "customer")
    ordering = ("-id",)
    customer_link = link("customer")
    profile_shown = pretty("profile")


@admin.register(Merge)
class MergeAdmin(Books):
    list_display = ("own_id", "customer_link", "absorbed_link", "reason", "actor", "created_at", "undone_at")
    list_filter = ("created_at", ("undone_at", admin.EmptyFieldListFilter))
    date_hierarchy = "created_at"
    search_fields = ("reason",)
    search_help_text = "Words of the reason, or the id of a merge or customer."
    id_fields = ("pk", "customer", "absorbed")
    customer_link = link("customer", "survivor")
    absorbed_link = link("absorbed")
    moved_shown = pretty("moved")


@admin.register(UserLink)
class UserLinkAdmin(Books):
    list_display = ("user_shown", "customer_link", "actor", "created_at")
    list_filter = ("created_at",)
    search_fields = ("=user_id",)
    id_fields = ("customer",)
    ordering = ("-created_at",)
    customer_link = link("customer")

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return list(user_search())

    def get_queryset(self, request: HttpRequest) -> QuerySet[UserLink]:
        # Not a join: a link whose user was deleted behind Django's back must still be listed.
        rows: QuerySet[UserLink] = super().get_queryset(request)
        return rows.prefetch_related(Prefetch("user", USER._base_manager.using(router.db_for_read(USER))))

    @admin.display(description="user", ordering="user")
    def user_shown(self, row: UserLink) -> str:
        return user_text(row)
