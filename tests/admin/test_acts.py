"""What staff do to customers, grants and orders: through the front door, under their own name, and once."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from billable.models import Adjustment, Allowance, Customer, Grant, LedgerEntry, Order, Payment
from billable.services import (
    CatalogService,
    CustomerService,
    FeatureLine,
    OrderService,
    PromotionService,
    QuotaService,
)


@pytest.fixture
def customer(db: None) -> Customer:
    CatalogService.create_product("pro", price="9.99", currency="EUR", features=["pdf_export"], quantity=100)
    return CustomerService.identify("telegram", "4711").customer


@pytest.fixture
def order(customer: Customer) -> Order:
    return OrderService.create_order(customer, [{"sku": "pro"}])


def shown(client: Client, act: str, row: Model) -> Any:
    """The page of an act."""
    return client.get(page_of(act, row), {"id": str(row.pk)})


def done(client: Client, act: str, row: Model, **answers: Any) -> Any:
    """The form of an act, filled in and posted as a browser would."""
    form = shown(client, act, row).context["form"]
    initial = {field.name: field.value() for field in form if field.value() is not None}
    return client.post(page_of(act, row), {"id": str(row.pk), **initial, **answers}, follow=True)


def page_of(act: str, row: Model) -> str:
    return reverse(f"admin:billable_{row._meta.model_name}_{act}")


def said(page: Any) -> list[tuple[str, str]]:
    """What the page says, and how."""
    return [(message.level_tag, str(message)) for message in page.context["messages"]]


# --- grant


def test_a_product_is_granted(customer: Customer, admin_client: Client) -> None:
    page = done(admin_client, "grant", customer, what="pro", quantity=2, reason="sorry")

    assert said(page) == [("success", f"{customer.pk}: granted 2 × pro.")]
    grant = Grant.objects.get()
    assert (grant.quantity, grant.product.sku if grant.product else None, grant.reason) == (200, "pro", "sorry")


def test_a_feature_is_granted_until_an_instant(customer: Customer, admin_client: Client) -> None:
    done(admin_client, "grant", customer, what="pdf_export", quantity=5, expires_at="2099-01-31T12:30")

    grant = Grant.objects.get()
    assert (grant.quantity, grant.product) == (5, None)
    assert grant.expires_at is not None
    assert grant.expires_at.isoformat() == "2099-01-31T12:30:00+00:00"


def test_a_feature_is_granted_without_a_limit_only_when_that_is_said(customer: Customer, admin_client: Client) -> None:
    page = done(admin_client, "grant", customer, what="pdf_export")
    assert page.context["form"].errors["quantity"] == ["Give a quantity or tick “unlimited”."]
    assert not Grant.objects.exists()

    done(admin_client, "grant", customer, what="pdf_export", unlimited="on")
    assert Grant.objects.get().is_unlimited


def test_what_staff_do_carries_their_name(customer: Customer, admin_client: Client, admin_user: Any) -> None:
    done(admin_client, "grant", customer, what="pro")

    assert Grant.objects.get().actor == f"user:{admin_user.pk}"
    assert LedgerEntry.objects.get().actor == f"user:{admin_user.pk}"
    assert LogEntry.objects.get().change_message == "granted 1 × pro."


def test_a_form_that_is_posted_twice_grants_once(customer: Customer, admin_client: Client) -> None:
    form = shown(admin_client, "grant", customer).context["form"]
    posted = {"id": customer.pk, "what": "pro", "idempotency_key": form["idempotency_key"].value()}

    first, second = (admin_client.post(page_of("grant", customer), posted, follow=True) for _ in range(2))

    assert said(first) == [("success", f"{customer.pk}: granted 1 × pro.")]
    assert said(second) == [("success", f"{customer.pk}: 1 × pro had been granted already; nothing was granted twice.")]
    assert Grant.objects.count() == 1


def test_each_form_is_a_grant_of_its_own(customer: Customer, admin_client: Client) -> None:
    done(admin_client, "grant", customer, what="pro")
    done(admin_client, "grant", customer, what="pro")

    assert Grant.objects.count() == 2


def test_a_form_that_is_posted_again_with_other_input_is_refused(customer: Customer, admin_client: Client) -> None:
    form = shown(admin_client, "grant", customer).context["form"]
    posted = {"id": customer.pk, "what": "pro", "idempotency_key": form["idempotency_key"].value()}
    admin_client.post(page_of("grant", customer), posted, follow=True)

    page = admin_client.post(page_of("grant", customer), {**posted, "quantity": 2})

    assert page.status_code == 200
    assert [level for level, _ in said(page)] == ["error"]
    assert Grant.objects.count() == 1


def test_a_refusal_is_a_message_and_keeps_what_was_typed(customer: Customer, admin_client: Client) -> None:
    page = done(admin_client, "grant", customer, what="pro", expires_at="2001-01-01T00:00", reason="late")

    assert page.status_code == 200
    assert said(page) == [("error", f"{customer.pk}: expires_at: must be in the future.")]
    assert page.context["form"]["reason"].value() == "late"
    assert not Grant.objects.exists()


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"what": ""}, "what"),
        ({"what": "nothing"}, "what"),
        ({"what": "pdf_export", "quantity": "0"}, "quantity"),
        ({"what": "pdf_export", "quantity": "-1"}, "quantity"),
        ({"what": "pdf_export", "quantity": "1.5"}, "quantity"),
        ({"what": "pdf_export", "quantity": str(10**12 + 1)}, "quantity"),
        ({"what": "pdf_export", "quantity": "5", "unlimited": "on"}, "quantity"),
        ({"what": "pro", "unlimited": "on"}, "unlimited"),
        ({"what": "pro", "expires_at": "soon"}, "expires_at"),
        ({"what": "pro", "reason": "x" * 501}, "reason"),
        ({"what": "pro", "idempotency_key": ""}, "idempotency_key"),
        ({"what": "pro", "idempotency_key": "x" * 201}, "idempotency_key"),
    ],
)
def test_bad_answers_are_errors_of_the_form(
    customer: Customer, admin_client: Client, answers: dict[str, str], field: str
) -> None:
    page = done(admin_client, "grant", customer, **answers)

    assert page.status_code == 200
    assert list(page.context["form"].errors) == [field]
    assert not Grant.objects.exists()


def test_a_control_character_is_refused_without_an_error_of_the_database(
    customer: Customer, admin_client: Client
) -> None:
    page = done(admin_client, "grant", customer, what="pro", reason="a\x01b")

    assert [level for level, _ in said(page)] == ["error"]


def test_several_customers_are_granted_at_once_from_the_list(customer: Customer, admin_client: Client) -> None:
    other = CustomerService.identify("telegram", "4712").customer
    both = [str(customer.pk), str(other.pk)]
    page = admin_client.post(
        reverse("admin:billable_customer_changelist"), {"action": "grant", "_selected_action": both}
    )
    key = page.context["form"]["idempotency_key"].value()

    assert page.status_code == 200
    assert not Grant.objects.exists()
    admin_client.post(page_of("grant", customer), {"id": both, "what": "pro", "idempotency_key": key})

    assert {grant.customer_id for grant in Grant.objects.all()} == {customer.pk, other.pk}


# --- revoke


@pytest.fixture
def grant(customer: Customer) -> Grant:
    return QuotaService.grant_feature(customer, "pdf_export", quantity=10)[0]


def test_a_grant_is_revoked_whole(grant: Grant, admin_client: Client, admin_user: Any) -> None:
    page = done(admin_client, "revoke", grant, reason="fraud")

    assert said(page) == [("success", f"{grant.pk}: revoked.")]
    grant.refresh_from_db()
    assert (grant.ended_as, grant.remaining, grant.ended_reason) == ("revoked", 0, "fraud")
    assert LedgerEntry.objects.latest("id").actor == f"user:{admin_user.pk}"


def test_a_grant_that_is_over_says_so(grant: Grant, admin_client: Client) -> None:
    QuotaService.revoke_grant(grant)

    assert said(done(admin_client, "revoke", grant, reason="again")) == [
        ("success", f"{grant.pk}: had been revoked already.")
    ]


def test_a_part_of_a_grant_is_revoked_once(grant: Grant, admin_client: Client) -> None:
    form = shown(admin_client, "revoke", grant).context["form"]
    key = form["idempotency_key"].value()
    posted = {"id": grant.pk, "quantity": 4, "reason": "mistake", "idempotency_key": key}

    first, second = (admin_client.post(page_of("revoke", grant), posted, follow=True) for _ in range(2))

    assert said(first) == [("success", f"{grant.pk}: revoked 4; 6 left.")]
    assert said(second) == [("success", f"{grant.pk}: had been revoked already.")]
    grant.refresh_from_db()
    assert grant.remaining == 6
    assert Adjustment.objects.get().reason == "mistake"


def test_parts_of_two_grants_of_one_customer_are_revoked_together(
    grant: Grant, customer: Customer, admin_client: Client
) -> None:
    other = QuotaService.grant_feature(customer, "pdf_export", quantity=10)[0]
    posted = {"id": [grant.pk, other.pk], "quantity": 4, "reason": "mistake", "idempotency_key": "k"}

    admin_client.post(page_of("revoke", grant), posted)

    assert [one.remaining for one in Grant.objects.all()] == [6, 6]


def test_more_than_is_left_is_not_revoked(grant: Grant, admin_client: Client) -> None:
    page = done(admin_client, "revoke", grant, quantity=11, reason="greed")

    assert said(page) == [("error", f"{grant.pk}: Cannot revoke 11 units: the grant has 10 left.")]
    grant.refresh_from_db()
    assert grant.remaining == 10


def test_revoking_needs_a_reason(grant: Grant, admin_client: Client) -> None:
    page = done(admin_client, "revoke", grant)

    assert list(page.context["form"].errors) == ["reason"]


# --- cancel and confirm


def test_an_order_is_cancelled(order: Order, admin_client: Client) -> None:
    page = done(admin_client, "cancel", order, reason="changed their mind")

    assert said(page) == [("success", f"{order.pk}: cancelled.")]
    order.refresh_from_db()
    assert (order.status, order.reason) == ("cancelled", "changed their mind")
    assert said(done(admin_client, "cancel", order)) == [("success", f"{order.pk}: had been cancelled already.")]


def test_a_paid_order_is_not_cancelled(order: Order, admin_client: Client) -> None:
    OrderService.confirm_payment(order, payment_id="pi_1")

    page = done(admin_client, "cancel", order)

    assert said(page) == [("error", f"{order.pk}: The order is paid; it cannot be cancelled.")]
    order.refresh_from_db()
    assert order.status == "paid"


def test_an_order_is_confirmed_by_hand_and_a_second_time_changes_nothing(
    order: Order, admin_client: Client, admin_user: Any
) -> None:
    page = done(admin_client, "confirm", order, payment_id="bank-17")

    assert said(page) == [("success", f"{order.pk}: confirmed payment bank-17 of 9.99 EUR; the order is paid.")]
    order.refresh_from_db()
    assert order.status == "paid"
    assert Grant.objects.get().quantity == 100
    assert Payment.objects.get().actor == f"user:{admin_user.pk}"

    again = done(admin_client, "confirm", order, payment_id="bank-17")
    assert said(again) == [("success", f"{order.pk}: payment bank-17 of 9.99 EUR had been confirmed already.")]
    assert Grant.objects.count() == 1


def test_a_part_of_the_money_leaves_the_rest_due(order: Order, admin_client: Client) -> None:
    page = done(admin_client, "confirm", order, payment_id="bank-17", payment_method="bank", amount="9.00")

    assert said(page) == [
        (
            "success",
            f"{order.pk}: confirmed payment bank-17 of 9.00 EUR; the order is pending. 0.99 EUR is still due.",
        )
    ]
    assert not Grant.objects.exists()


def test_money_that_the_order_cannot_take_is_kept_and_said(order: Order, admin_client: Client) -> None:
    page = done(admin_client, "confirm", order, payment_id="bank-17", amount="10.00")

    assert [level for level, _ in said(page)] == ["error"]
    assert "kept but not applied" in said(page)[0][1]
    assert Payment.objects.get().status == "unapplied"


@pytest.mark.parametrize("amount", ["9,99", "-1", "1e3", "9.999", "0", "NaN", "\uff19", "much"])
def test_an_amount_that_is_none_is_a_message(order: Order, admin_client: Client, amount: str) -> None:
    page = done(admin_client, "confirm", order, payment_id="bank-17", amount=amount)

    assert [level for level, _ in said(page)] == ["error"]
    assert not Payment.objects.exists()


def test_a_payment_of_another_order_is_refused(order: Order, customer: Customer, admin_client: Client) -> None:
    other = OrderService.create_order(customer, [{"sku": "pro"}])
    OrderService.confirm_payment(other, payment_id="bank-17")

    page = done(admin_client, "confirm", order, payment_id="bank-17")

    assert [level for level, _ in said(page)] == ["error"]
    order.refresh_from_db()
    assert order.status == "pending"


def test_confirming_needs_a_payment_id(order: Order, admin_client: Client) -> None:
    page = done(admin_client, "confirm", order, payment_id="  ")

    assert list(page.context["form"].errors) == ["payment_id"]


def test_one_payment_confirms_one_order(order: Order, customer: Customer, admin_client: Client) -> None:
    other = OrderService.create_order(customer, [{"sku": "pro"}])
    both = [str(order.pk), str(other.pk)]

    listed = admin_client.post(
        reverse("admin:billable_order_changelist"),
        {"action": "confirm", "_selected_action": both},
        follow=True,
    )
    posted = admin_client.post(
        page_of("confirm", order),
        {"id": both, "payment_id": "p", "payment_method": "bank", "idempotency_key": "k"},
    )

    for page in (listed, posted):
        assert said(page) == [("error", "Confirm by hand: select at most 1.")]
    assert not Payment.objects.exists()


def test_several_orders_are_cancelled_and_the_paid_one_is_named(
    order: Order, customer: Customer, admin_client: Client
) -> None:
    paid = OrderService.create_order(customer, [{"sku": "pro"}])
    OrderService.confirm_payment(paid, payment_id="pi_1")

    page = admin_client.post(page_of("cancel", order), {"id": [order.pk, paid.pk], "idempotency_key": "k"})

    assert sorted(said(page)) == [
        ("error", f"{paid.pk}: The order is paid; it cannot be cancelled."),
        ("success", f"{order.pk}: cancelled."),
    ]


# --- who may, and how


ACTS = [("grant", "customer"), ("revoke", "grant"), ("cancel", "order"), ("confirm", "order")]


@pytest.mark.parametrize(("act", "kind"), ACTS)
def test_staff_who_may_only_look_do_not_see_the_act_and_cannot_do_it(
    act: str, kind: str, request: pytest.FixtureRequest, staff: Any
) -> None:
    row = request.getfixturevalue(kind)
    client = staff(f"view_{kind}")

    listed = client.get(reverse(f"admin:billable_{kind}_changelist"))
    assert listed.status_code == 200
    assert "action_form" not in listed.context or listed.context["action_form"] is None
    page = client.get(reverse(f"admin:billable_{kind}_change", args=[row.pk]))
    assert page_of(act, row) not in page.content.decode()
    assert shown(client, act, row).status_code == 403
    answers = {"id": row.pk, "what": "pro", "payment_id": "p", "reason": "r", "idempotency_key": "k"}
    assert client.post(page_of(act, row), answers).status_code == 403
    listed = reverse(f"admin:billable_{kind}_changelist")
    client.post(listed, {"action": act, "_selected_action": row.pk})
    assert not LogEntry.objects.exists()
    assert not Payment.objects.exists()


@pytest.mark.parametrize(("act", "kind"), ACTS)
def test_staff_with_the_change_permission_see_the_act_in_the_menu_and_on_the_page(
    act: str, kind: str, request: pytest.FixtureRequest, staff: Any
) -> None:
    row = request.getfixturevalue(kind)
    client = staff(f"view_{kind}", f"change_{kind}")

    listed = client.get(reverse(f"admin:billable_{kind}_changelist"))
    assert act in dict(listed.context["action_form"].fields["action"].choices)
    page = client.get(reverse(f"admin:billable_{kind}_change", args=[row.pk]))
    assert f"{page_of(act, row)}?id={row.pk}" in page.content.decode()
    assert shown(client, act, row).status_code == 200


@pytest.mark.parametrize(("act", "kind"), ACTS)
def test_looking_at_an_act_changes_nothing_and_a_post_needs_its_token(
    act: str, kind: str, request: pytest.FixtureRequest, admin_user: Any
) -> None:
    row = request.getfixturevalue(kind)
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(admin_user)
    answers = {"id": row.pk, "what": "pro", "payment_id": "p", "reason": "r", "idempotency_key": "k"}
    before = type(row).objects.values().get(pk=row.pk)

    assert careful.get(page_of(act, row), answers).status_code == 200
    assert careful.post(page_of(act, row), answers).status_code == 403

    assert type(row).objects.values().get(pk=row.pk) == before
    assert not Payment.objects.exists()


@pytest.mark.parametrize(("act", "kind"), ACTS)
@pytest.mark.parametrize("key", ["", "nothing", "01890a5d-ac96-774b-bcce-b302099a8057"])
def test_an_act_on_no_row_is_not_found(
    act: str, kind: str, key: str, request: pytest.FixtureRequest, admin_client: Client
) -> None:
    row = request.getfixturevalue(kind)

    assert admin_client.get(page_of(act, row), {"id": key}).status_code == 404
    assert admin_client.post(page_of(act, row), {"id": key}).status_code == 404
    assert admin_client.get(page_of(act, row)).status_code == 404


def test_an_act_needs_a_login(order: Order, client: Client) -> None:
    assert shown(client, "cancel", order).status_code == 302


def test_the_books_are_right_after_all_that(
    order: Order, grant: Grant, customer: Customer, admin_client: Client
) -> None:
    done(admin_client, "grant", customer, what="pro", quantity=3)
    done(admin_client, "revoke", grant, quantity=4, reason="part")
    done(admin_client, "revoke", grant, reason="whole")
    done(admin_client, "confirm", order, payment_id="bank-1", amount="1.00")
    done(admin_client, "confirm", order, payment_id="bank-2")

    assert QuotaService.verify_ledger(customer).ok


# --- promotions and exchanges


def test_a_code_is_switched_off_and_on(admin_client: Client, db: None) -> None:
    promotion = PromotionService.create_promotion("SPRING", percent_off=10)

    page = done(admin_client, "switch_off", promotion)
    assert said(page) == [("success", "SPRING: switched off.")]
    assert PromotionService.get_promotion("spring").is_active is False

    done(admin_client, "switch_on", promotion)
    assert PromotionService.get_promotion("spring").is_active is True


def test_an_exchange_is_undone_once(customer: Customer, admin_client: Client) -> None:
    CatalogService.create_feature("credits")
    CatalogService.update_product("pro", unit_prices={"credits": 20})
    QuotaService.grant_feature(customer, "credits", quantity=20)
    exchange = OrderService.exchange(customer, "pro", idempotency_key="e1")

    page = done(admin_client, "refund", exchange, reason="a mistake")
    again = done(admin_client, "refund", exchange, reason="a mistake")

    assert said(page) == [("success", f"{exchange.pk}: put 20 units back.")]
    assert [level for level, _ in said(again)] == ["error"]
    assert QuotaService.check_quota(customer, "credits").balance == 20


# --- allowances


@pytest.fixture
def allowance(customer: Customer) -> Allowance:
    line: FeatureLine = {"feature": "pdf_export", "quantity": 10, "reset": "1 month"}
    CatalogService.create_product("monthly", features=[line])
    QuotaService.grant_product(customer, "monthly")
    return Allowance.objects.get()


def test_an_allowance_is_revoked_once(allowance: Allowance, admin_client: Client, admin_user: Any) -> None:
    page = done(admin_client, "revoke", allowance, reason="abuse")

    assert [message for _, message in said(page)] == [f"{allowance}: revoked: nothing of it comes any more."]
    allowance.refresh_from_db()
    assert (allowance.ended_as, allowance.ended_reason) == ("revoked", "abuse")
    assert [message for _, message in said(done(admin_client, "revoke", allowance, reason="abuse"))] == [
        f"{allowance}: was revoked already."
    ]
