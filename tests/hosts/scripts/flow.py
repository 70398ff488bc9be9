"""Played inside a host project: identify, order, confirm twice, balance, consume, on every mount and from Python.

``python flow.py MOUNT...`` prints what happened as one line of JSON.
"""

import json
import sys
from itertools import count

import django

django.setup()

from django.apps import apps  # noqa: E402  # after setup
from django.conf import settings  # noqa: E402  # after setup
from django.contrib import admin  # noqa: E402  # after setup
from django.contrib.auth import get_user_model  # noqa: E402  # after setup
from django.core.management import call_command  # noqa: E402  # after setup
from django.test import Client  # noqa: E402  # after setup
from django.urls import reverse  # noqa: E402  # after setup

from billable.errors import BillableError  # noqa: E402  # after setup
from billable.services import CatalogService, CustomerRef, CustomerService, OrderService, QuotaService  # noqa: E402  # after setup

HEADERS = {"HTTP_AUTHORIZATION": f"Bearer {settings.BILLABLE_API_TOKEN}", "SERVER_NAME": "localhost"}
numbers = count(1)


class Api:
    """The REST API under one mount."""

    def __init__(self, mount):
        self.mount, self.client = mount, Client(raise_request_exception=False, **HEADERS)

    def get(self, path, **query):
        return self.answer(self.client.get(self.mount + path, query))

    def post(self, path, body):
        return self.answer(self.client.post(self.mount + path, json.dumps(body), content_type="application/json"))

    @staticmethod
    def answer(response):
        told = response.json() if "json" in response.headers["Content-Type"] else {}
        return {**told, "http": response.status_code}


def new_user():
    """A user as the host makes them."""
    users = apps.get_model(getattr(settings, "BILLABLE_USER_MODEL", settings.AUTH_USER_MODEL))
    fields = {field.name for field in users._meta.get_fields()}
    name = next(each for each in ("username", "email", "name") if each in fields)
    return users._base_manager.create(**{name: f"user{next(numbers)}@example.com"})


def over_rest(mount, sku):
    """The seed's flow on one mount."""
    api, who = Api(mount), {"provider": "n8n", "external_id": mount}
    told = {"identify": api.post("identify", who), "identify_again": api.post("identify", who)}
    told["order"] = api.post("orders", {**who, "items": [{"sku": sku, "quantity": 1}]})
    confirm = f"orders/{told['order']['id']}/confirm"
    told["confirmed"] = [api.post(confirm, {"payment_id": mount, "status": "paid"}) for _ in range(2)]
    told["balance"] = api.get("balance", **who, feature="pdf_export")
    told["consumed"] = api.post("quota/consume", {**who, "feature": "pdf_export"})
    told["too_much"] = api.post("quota/consume", {**who, "feature": "pdf_export", "quantity": 3})
    told["unapplied"] = unapplied(api, who, sku)
    stranger = Client(SERVER_NAME="localhost").post(api.mount + "identify", "{}", content_type="application/json")
    told["stranger"] = {"http": stranger.status_code, "location": stranger.headers.get("Location")}
    told["nowhere"] = api.get("no/such/thing")
    told["pages"] = {page: api.client.get(mount + page).status_code for page in ("docs", "openapi.json")}
    return told


def unapplied(api, who, sku):
    """Money for an order that was cancelled: refused with 409, and kept."""
    order = api.post("orders", {**who, "items": [{"sku": sku}]})["id"]
    api.post(f"orders/{order}/cancel", {})
    refusal = api.post(f"orders/{order}/confirm", {"payment_id": f"late {api.mount}", "status": "paid"})
    kept = api.get(f"orders/{order}")["payments"]
    return {"refusal": refusal, "kept": [(each["payment_id"], each["status"]) for each in kept]}


def from_python(sku):
    """The same from the front door, for a user of the host."""
    user = new_user()
    before = QuotaService.check_quota(user, "pdf_export")
    order = OrderService.create_order(user, [{"sku": sku, "quantity": 1}])
    payment = OrderService.confirm_payment(order, payment_id=f"python {user.pk}")
    usage = QuotaService.consume_quota(user, "pdf_export", idempotency_key="once")
    again = QuotaService.consume_quota(CustomerRef(user_id=user.pk), "pdf_export", idempotency_key="once")
    return user, {
        "before": [bool(before), before.code],
        "payment": payment.status,
        "balance": usage.balance,
        "replayed": [again.replayed, again.pk == usage.pk],
        "after": list(QuotaService.check_quota(user, "pdf_export"))[::3],
        "user_id_is_kept": CustomerService.user_id_of(CustomerService.get_customer(user)) == user.pk,
    }


def in_the_admin():
    """What a superuser finds at the list and the form of every table that the admin shows."""
    logins = get_user_model()
    name = logins.USERNAME_FIELD
    boss = logins._base_manager.create(**{name: "boss@example.com"}, is_staff=True, is_superuser=True)
    client = Client(SERVER_NAME="localhost", raise_request_exception=False)
    client.force_login(boss)
    shown = {model: reverse(f"admin:billable_{model._meta.model_name}_changelist") for model in registered()}
    answers = {page: client.get(page).status_code for page in shown.values()}
    for model, page in shown.items():
        row = model._default_manager.first()
        answers[f"one {page}"] = client.get(f"{page}{row.pk}/change/").status_code if row else 200
    return answers


def registered():
    return [model for model in admin.site._registry if model._meta.app_label == "billable"]


def without_the_user(user):
    """Deleting a user removes the link, never the books; identify does not bring the user back."""
    customer = CustomerService.get_customer(user)
    CustomerService.link_identity(customer, "telegram", f"of {user.pk}")
    key, users = user.pk, type(user)._base_manager
    user.delete()
    found = CustomerService.identify("telegram", f"of {key}")
    told = {
        "same_customer": found.customer_id == customer.pk,
        "created": found.created,
        "user_id": found.user_id,
        "user_exists": users.filter(pk=key).exists(),
        "orders": len(OrderService.list_orders(customer)),
        "entries": len(QuotaService.history(customer)),
        "balance": QuotaService.check_quota(customer, "pdf_export").balance,
        "code_by_user_id": QuotaService.check_quota(CustomerRef(user_id=key), "pdf_export").code,
    }
    try:
        QuotaService.consume_quota(CustomerRef(user_id=key), "pdf_export")
    except BillableError as refusal:
        told["consume_by_user_id"] = refusal.code
    return told


def main(mounts):
    call_command("migrate", verbosity=0)
    sku = "pdf_pack"
    CatalogService.create_product(sku, price="9.99", currency="EUR", features=["pdf_export"], quantity=3)
    user, python = from_python(sku)
    facts = {"rest": [over_rest(mount, sku) for mount in mounts], "python": python}
    facts["balance_by_user_id"] = Api(mounts[0]).get("balance", user_id=user.pk)
    facts["admin"] = in_the_admin()
    facts["deleted"] = without_the_user(user)
    facts["verify"] = [str(problem) for problem in QuotaService.verify_ledger().problems]
    print(json.dumps(facts))


main(sys.argv[1:])
