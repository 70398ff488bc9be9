"""Refunds by hand: shown before they are done, by those who may, and once."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from billable.models import LedgerEntry, Order, Refund
from billable.services import CatalogService, CustomerService, OrderService, QuotaService
from tests.admin.test_acts import page_of, said, shown


@pytest.fixture
def order(db: None) -> Order:
    """Three packs for 30 EUR, paid; 120 of 300 units are used."""
    CatalogService.create_product("pack", price="10.00", currency="EUR", features=["pdf_export"], quantity=100)
    customer = CustomerService.identify("telegram", "4711").customer
    order = OrderService.create_order(customer, [{"sku": "pack", "quantity": 3}], currency="EUR")
    OrderService.confirm_payment(order, payment_id="pi_1")
    QuotaService.consume_quota(customer, "pdf_export", quantity=120)
    return OrderService.get_order(order)


def filled(client: Client, order: Order, **answers: Any) -> dict[str, Any]:
    form = shown(client, "refund", order).context["form"]
    initial = {field.name: field.value() for field in form if field.value() is not None}
    return {"id": str(order.pk), **initial, "release_holds": "", **answers}


def posted(client: Client, order: Order, answers: dict[str, Any]) -> Any:
    return client.post(page_of("refund", order), answers, follow=True)


def confirmed(client: Client, order: Order, answers: dict[str, Any]) -> Any:
    """The form, posted for its quote and posted again with what was seen."""
    seen = posted(client, order, answers).context["seen"]
    return posted(client, order, {**answers, "seen": seen})


def cells(page: Any, panel: int) -> list[list[str]]:
    return [list(row.cells) for row in page.context["panels"][panel].rows]


def test_a_quote_is_shown_before_anything_goes_back(order: Order, admin_client: Client, admin_user: Any) -> None:
    answers = filled(admin_client, order, policy="unused_only", reason="not needed")

    page = posted(admin_client, order, answers)

    assert not Refund.objects.exists()
    assert page.context["panels"][0].title == "18.00 EUR would go back"
    assert cells(page, 0) == [["1", "pack", "3", "18.00 EUR"]]
    assert cells(page, 1) == [["pdf_export", "300", "120", "180", "0", "0", "180", "yes"]]
    assert b'value="Refund"' in page.content

    done = posted(admin_client, order, {**answers, "seen": page.context["seen"]})

    refund = Refund.objects.get()
    assert said(done) == [
        ("success", f"{order.pk}: refund {refund.refund_id} of 18.00 EUR; the order is partially_refunded.")
    ]
    assert (refund.amount_minor, refund.reason, refund.actor) == (1800, "not needed", f"user:{admin_user.pk}")
    assert LedgerEntry.objects.get(cause_id=refund.pk).actor == f"user:{admin_user.pk}"


def test_a_form_that_is_posted_twice_refunds_once(order: Order, admin_client: Client) -> None:
    answers = filled(admin_client, order, amount="4.00")
    seen = posted(admin_client, order, answers).context["seen"]
    posted(admin_client, order, {**answers, "seen": seen})

    again = posted(admin_client, order, {**answers, "seen": seen})

    assert "had been made already; nothing went back twice" in str(said(again))
    assert Refund.objects.get().amount_minor == 400


def test_what_changed_since_it_was_shown_is_shown_again(order: Order, admin_client: Client) -> None:
    answers = filled(admin_client, order, policy="unused_only")
    seen = posted(admin_client, order, answers).context["seen"]
    QuotaService.consume_quota(order.customer, "pdf_export", quantity=30)

    for other in ({}, {"policy": "full"}, {"lines": "1: 1"}):
        page = posted(admin_client, order, {**answers, "seen": seen, **other})
        assert page.context["seen"] not in ("", seen)
    assert not Refund.objects.exists()


def test_lines_and_pieces_are_typed(order: Order, admin_client: Client) -> None:
    confirmed(admin_client, order, filled(admin_client, order, lines="1 : 2", refund_id="re_1"))

    refund = Refund.objects.get()
    assert (refund.refund_id, refund.amount_minor, refund.items.get().pieces) == ("re_1", 2000, 2)
    page = posted(admin_client, order, filled(admin_client, order, lines="one"))
    assert page.context["form"].errors["lines"] == ["Write lines such as “1, 3”, and pieces such as “1: 2”."]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"amount": "31"}, "Cannot refund 31.00 EUR: 30.00 EUR can go back."),
        ({"amount": "1.001"}, "amount: EUR has 2 decimals."),
        ({"lines": "2"}, "items[0].line: the order has no line 2."),
    ],
)
def test_a_refusal_is_a_message(order: Order, admin_client: Client, answers: dict[str, str], message: str) -> None:
    page = posted(admin_client, order, filled(admin_client, order, **answers))

    assert said(page) == [("error", message)]
    assert not Refund.objects.exists()


def test_it_takes_a_permission_of_its_own(order: Order, client: Client, django_user_model: Any) -> None:
    staff = django_user_model.objects.create_user("staff", is_staff=True)
    staff.user_permissions.add(*Permission.objects.filter(codename__in=["view_order", "change_order"]))
    client.force_login(staff)
    pages = (reverse("admin:billable_order_changelist"), reverse("admin:billable_order_change", args=[order.pk]))
    assert [
        client.get(page_of("refund", order), {"id": order.pk}).status_code,
        "Refund…".encode() in offers(client, pages),
    ] == [
        403,
        False,
    ]
    assert client.post(page_of("refund", order), {"id": order.pk}).status_code == 403

    staff.user_permissions.add(Permission.objects.get(codename="refund_order"))

    assert client.get(page_of("refund", order), {"id": order.pk}).status_code == 200
    assert offers(client, pages).count("Refund…".encode()) == 2


def offers(client: Client, pages: tuple[str, ...]) -> bytes:
    return b"".join(client.get(page).content for page in pages)


def test_an_order_and_its_refund_show_their_items_line_by_line(order: Order, admin_client: Client) -> None:
    """The ids of rows of one instant are in no order."""
    skus = [f"book_{number}" for number in range(6)]
    for sku in skus:
        CatalogService.create_product(sku, price="5.00", currency="EUR", features=[f"read_{sku}"])
    many = OrderService.create_order(order.customer, [{"sku": sku} for sku in skus], currency="EUR")
    OrderService.confirm_payment(many, payment_id="pi_2")
    refund = OrderService.refund_order(many, refund_id="re_1")

    page = admin_client.get(reverse("admin:billable_order_change", args=[many.pk]))
    shown_rows = {panel.title: [row.cells for row in panel.rows] for panel in page.context["panels"]}
    assert [cells[1] for cells in shown_rows["Items"]] == skus
    assert [cells[0] for cells in shown_rows["Features"]] == skus

    page = admin_client.get(reverse("admin:billable_refund_change", args=[refund.pk]))
    shown_rows = {panel.title: [row.cells for row in panel.rows] for panel in page.context["panels"]}
    assert [cells[0] for cells in shown_rows["Items"]] == skus
