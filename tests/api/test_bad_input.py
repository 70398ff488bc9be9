"""Whatever a client sends is answered with a 4xx that names the field, changes nothing, and is never a 500."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from tests.api.conftest import MOUNT, Api

USE = {"external_id": "anna", "feature": "pdf_export"}
NO_QUANTITIES = [0, -1, 1.0, 1.5, True, False, "1", "", "x", None, [], [1], {}, 10**12 + 1, 10**30, 10**400]
NO_NAMES = [None, 1, True, [], {}, "", "a" * 65, "a b", "ä", "\u0430", "-a", "a\x00", "a\nb", "\ud800", "../etc", "a/b"]
NO_KEYS = [1, True, [], {}, "", " a", "a ", "a\x00b", "a\tb", "a\nb", "\x7f", "\ud800", "a" * 201]
NO_OBJECTS = [1, True, "x", [], [1], [["a", 1]]]
NO_IDS = [1, True, "", "x", [], {}, "a\x00", "00000000-0000-0000-0000-00000000000g", "\ud800"]


@pytest.fixture(autouse=True)
def anna(api: Api, catalogue: None) -> Any:
    """A customer with ten exports, who has them still when the test is over."""
    api.customer("anna")
    api.granted()
    before = counted()
    yield
    assert counted() == before, "something was written"


def counted() -> dict[str, int]:
    tables = [table for table in connection.introspection.table_names() if table.startswith("billable_")]
    with connection.cursor() as cursor:
        counts = {}
        for table in tables:
            cursor.execute(f"SELECT COUNT(*) FROM {table}")  # noqa: S608  # ours
            counts[table] = cursor.fetchone()[0]
    return counts


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("quantity", NO_QUANTITIES),
        ("feature", NO_NAMES),
        ("sku", NO_NAMES[1:]),
        ("idempotency_key", NO_KEYS),
        ("external_id", NO_KEYS),
        ("provider", [None, *NO_KEYS, "a" * 65]),
        ("customer_id", NO_IDS),
        ("user_id", [True, 1.0, [], {}, "", "x", "1\x00", "\ud800", 10**20, 10**400]),
        ("metadata", [*NO_OBJECTS, {"a": "x" * 20_000}, {"a": "\x00"}, {"a": "\ud800"}, {"\x00": 1}]),
        ("action_type", [None, 1, [], "a" * 101, "\x00", "\ud800"]),
        ("action_id", [None, 1, [], "a" * 201, "\x00", "\ud800"]),
        ("price", [1]),
        ("Quantity", [1]),
        ("\x00", [1]),
    ],
)
def test_consume_refuses_what_can_never_be_right(api: Api, field: str, values: list[Any]) -> None:
    refused = {repr(value): api.fields(api.post("/quota/consume", {**USE, field: value})) for value in values}

    assert {value: [name.split(".")[0] for name in fields] for value, fields in refused.items()} == {
        repr(value): [field] for value in values
    }


BAD_ORDERS = [
    ("items", None, "items"),
    ("items", [], "items"),
    ("items", {}, "items"),
    ("items", "pack10", "items"),
    ("items", ["pack10"], "items[0]"),
    ("items", [None], "items[0]"),
    ("items", [{}], "items[0].sku"),
    ("items", [{"sku": ""}], "items[0].sku"),
    ("items", [{"sku": 1}], "items[0].sku"),
    ("items", [{"sku": "pack 10"}], "items[0].sku"),
    ("items", [{"sku": "pack10", "price": "0.01"}], "items[0].price"),
    ("items", [{"sku": "pack10"}, {"sku": "pack10", "amount_minor": 1}], "items[1].amount_minor"),
    ("items", [{"sku": "pack10", "quantity": 0}], "items[0].quantity"),
    ("items", [{"sku": "pack10", "quantity": 1.5}], "items[0].quantity"),
    ("items", [{"sku": "pack10", "quantity": True}], "items[0].quantity"),
    ("items", [{"sku": "pack10", "quantity": "1"}], "items[0].quantity"),
    ("items", [{"sku": "pack10", "quantity": 10**6 + 1}], "items[0].quantity"),
    ("items", [{"sku": "pack10", "quantity": 10**400}], "items[0].quantity"),
    ("items", [{"sku": "pack10"}] * 101, "items"),
    ("currency", 1, "currency"),
    ("currency", "", "currency"),
    ("currency", "XXX", "currency"),
    ("currency", "\x00", "currency"),
    ("currency", "€", "currency"),
    ("total_amount", "1.00", "total_amount"),
    ("status", "paid", "status"),
    ("metadata", [], "metadata"),
    ("idempotency_key", "", "idempotency_key"),
]


def test_an_order_refuses_what_can_never_be_right(api: Api) -> None:
    def fields(field: str, value: Any) -> list[str]:
        return api.fields(api.post("/orders", {"external_id": "anna", "items": [{"sku": "pack10"}], field: value}))

    assert [(field, value, *fields(field, value)) for field, value, _ in BAD_ORDERS] == BAD_ORDERS


def test_an_order_in_a_currency_that_a_product_lacks_is_refused(api: Api) -> None:
    response = api.post("/orders", {"external_id": "anna", "items": [{"sku": "pack10"}], "currency": "USD"})

    assert response.status_code == 422


BAD_NOTICES = [
    ({}, "payment_id"),
    ({"payment_id": ""}, "payment_id"),
    ({"payment_id": 123}, "payment_id"),
    ({"payment_id": None}, "payment_id"),
    ({"payment_id": "a\x00"}, "payment_id"),
    ({"payment_id": "a" * 201}, "payment_id"),
    ({"payment_id": "p", "status": "refunded"}, "status"),
    ({"payment_id": "p", "status": None}, "status"),
    ({"payment_id": "p", "payment_method": ""}, "payment_method"),
    ({"payment_id": "p", "payment_method": "\n"}, "payment_method"),
    ({"payment_id": "p", "capture_id": "\x00"}, "capture_id"),
    ({"payment_id": "p", "amount": 9.99, "currency": "EUR"}, "amount"),
    ({"payment_id": "p", "amount": 9, "currency": "EUR"}, "amount"),
    ({"payment_id": "p", "amount": "9.99"}, "currency"),
    ({"payment_id": "p", "amount": "9.999", "currency": "EUR"}, "amount"),
    ({"payment_id": "p", "amount": "9,99", "currency": "EUR"}, "amount"),
    ({"payment_id": "p", "amount": "1e3", "currency": "EUR"}, "amount"),
    ({"payment_id": "p", "amount": "NaN", "currency": "EUR"}, "amount"),
    ({"payment_id": "p", "amount": "Infinity", "currency": "EUR"}, "amount"),
    ({"payment_id": "p", "amount": "-1.00", "currency": "EUR"}, "amount"),
    ({"payment_id": "p", "amount": "9" * 40, "currency": "EUR"}, "amount"),
    ({"payment_id": "p", "amount": "٣", "currency": "EUR"}, "amount"),
    ({"payment_id": "p", "amount": "", "currency": "EUR"}, "amount"),
    ({"payment_id": "p", "amount_minor": 9.99}, "amount_minor"),
    ({"payment_id": "p", "amount_minor": 999.0}, "amount_minor"),
    ({"payment_id": "p", "amount_minor": "999"}, "amount_minor"),
    ({"payment_id": "p", "amount_minor": True}, "amount_minor"),
    ({"payment_id": "p", "amount_minor": -1}, "amount_minor"),
    ({"payment_id": "p", "amount_minor": 10**400}, "amount_minor"),
    ({"payment_id": "p", "amount": "9.99", "amount_minor": 999, "currency": "EUR"}, "amount"),
    ({"payment_id": "p", "currency": "XXX"}, "currency"),
    ({"payment_id": "p", "total": 1}, "total"),
    ({"payment_id": "p", "metadata": "x"}, "metadata"),
]


def test_a_notice_that_says_nothing_about_money_is_refused(api: Api) -> None:
    order = api.ok(api.post("/orders", {"external_id": "anna", "items": [{"sku": "pack10"}]}))
    path = f"/orders/{order['id']}/confirm"
    try:
        assert [(given, *api.fields(api.post(path, given))) for given, _ in BAD_NOTICES] == BAD_NOTICES
        assert api.ok(api.get(f"/orders/{order['id']}"))["payments"] == []
    finally:
        remove(order["id"])


def remove(order_id: str) -> None:
    from billable.models import Order, OrderItem, OrderItemFeature

    OrderItemFeature.objects.filter(item__order=order_id).delete()
    OrderItem.objects.filter(order=order_id).delete()
    Order.objects.filter(pk=order_id).delete()


NO_JSON = [
    b"{",
    b"{'external_id': 'anna'}",
    b"\xff\xfe\xfd",
    b'{"external_id": "\xff"}',
    b"not json",
    b'{"quantity": NaN}',
    b'{"quantity": Infinity}',
    b'{"quantity": -Infinity}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"9" * 10_000,
    b"{}{}",
    b"\x00",
]


@pytest.mark.parametrize("path", ["/quota/consume", "/orders", "/identify", "/grants", "/trials/eligibility"])
def test_a_body_that_is_no_json_is_malformed(api: Api, path: str) -> None:
    for body in NO_JSON:
        api.refused(api.post(path, body), 400, "malformed")


@pytest.mark.parametrize("path", ["/quota/consume", "/orders", "/identify", "/grants", "/trials", "/grants/1/revoke"])
def test_a_body_that_is_no_object_is_refused(api: Api, path: str) -> None:
    for body in (b"[]", b"1", b'"x"', b"null", b"true", b'[{"external_id": "anna"}]', b"1e400"):
        assert api.fields(api.post(path, body)) == ["body"]


@pytest.mark.parametrize("path", ["/quota/consume", "/orders", "/identify", "/grants", "/trials", "/orders/1/confirm"])
def test_a_missing_body_is_named(api: Api, path: str) -> None:
    assert api.fields(api.post(path)) == ["body"]


def test_every_field_that_is_wrong_is_named(api: Api) -> None:
    body = {"quantity": 1.5, "metadata": [], "price": 1}

    assert set(api.fields(api.post("/quota/consume", body))) == {"feature", "quantity", "metadata", "price"}


def test_numbers_past_every_bound_are_refused(api: Api) -> None:
    for number in (b"1e400", b"-1e400", b"1" + b"0" * 400, b"1E+2", b"1.0", b"-0.0"):
        body = b'{"external_id": "anna", "feature": "pdf_export", "quantity": ' + number + b"}"
        assert api.fields(api.post("/quota/consume", body)) == ["quantity"]
    infinite = b'{"external_id": "anna", "feature": "pdf_export", "metadata": {"a": 1e400}}'
    assert api.fields(api.post("/quota/consume", infinite)) == ["metadata"]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "", "x"],
)
def test_a_body_of_another_type_is_refused(api: Api, content_type: str) -> None:
    response = api.post("/quota/consume", json.dumps(USE).encode(), content_type=content_type)

    api.refused(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "cp1252", "nonsense"])
def test_a_body_is_utf_8_whatever_charset_is_named(api: Api, charset: str) -> None:
    content_type = f"application/json; charset={charset}"
    address = f"{MOUNT}/quota/check?external_id=anna&feature=%C3%BC"

    assert api.ok(api.client.generic("GET", address, b"", content_type, headers=api.headers))["allowed"] is False
    response = api.client.generic("POST", f"{MOUNT}/orders?x=%C3%BC", b"{}", content_type, headers=api.headers)
    assert api.fields(response) == ["items"]


def test_too_large_a_body_is_refused(api: Api) -> None:
    body = json.dumps({**USE, "metadata": {"a": "x" * 3_000_000}}).encode()

    api.refused(api.post("/quota/consume", body), 413, "too_large")
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=None):
        api.refused(api.post("/quota/consume", body), 413, "too_large")


def test_a_content_length_that_is_none_is_malformed(api: Api) -> None:
    response = api.client.generic(
        "POST", f"{MOUNT}/quota/consume", b"{}", "application/json", headers=api.headers, CONTENT_LENGTH="many"
    )

    api.refused(response, 400, "malformed")


@pytest.mark.parametrize("path", ["/quota/consume", "/orders", "/identify", "/grants", "/trials"])
def test_two_different_keys_are_refused(api: Api, path: str) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "/quota/consume": USE,
        "/orders": {"external_id": "anna", "items": [{"sku": "pack10"}]},
        "/identify": {"external_id": "new"},
        "/grants": {**USE, "quantity": 1},
        "/trials": {"external_id": "anna", "sku": "trial", "identities": {"email": "a@example.com"}},
    }

    response = api.post(path, {**bodies[path], "idempotency_key": "a"}, key="b")

    assert api.fields(response) == ["idempotency_key"]


@pytest.mark.parametrize("key", ["", "a" * 201, "\x7f", "\x01"])
def test_a_key_in_the_header_is_held_to_the_same_rules(api: Api, key: str) -> None:
    assert api.fields(api.post("/quota/consume", USE, key=key)) == ["idempotency_key"]


def test_a_key_in_the_header_is_ascii(api: Api) -> None:
    assert api.fields(api.post("/quota/consume", USE, key="schlüssel")) == ["Idempotency-Key"]


BAD_QUERIES = [
    ("/balance?user_id=x", "user_id"),
    ("/balance?user_id=", "user_id"),
    ("/balance?user_id=99999999999999999999999", "user_id"),
    ("/balance?user_id=%00", "user_id"),
    ("/balance?customer_id=x", "customer_id"),
    ("/balance?customer_id=", "customer_id"),
    ("/balance?external_id=", "external_id"),
    ("/balance?external_id=a%00", "external_id"),
    ("/balance?external_id=%20a", "external_id"),
    ("/balance?external_id=a&provider=", "provider"),
    ("/balance?external_id=a&provider=%0A", "provider"),
    ("/balance?external_id=a&feature=", "feature"),
    ("/balance?external_id=a&feature=%FF", "feature"),
    ("/balance?external_id=a&external_id=b", "external_id"),
    ("/balance?external_id=a&sku=b", "sku"),
    ("/orders?user=7", "user"),
    ("/orders?limit=0", "limit"),
    ("/orders?limit=201", "limit"),
    ("/orders?limit=1.0", "limit"),
    ("/orders?limit=%201", "limit"),
    ("/orders?limit=1_0", "limit"),
    ("/orders?limit=x", "limit"),
    ("/orders?limit=" + "9" * 5000, "limit"),
    ("/orders?limit=%D9%A3", "limit"),
    ("/orders?limit=1&limit=2", "limit"),
    ("/orders?status=", "status"),
    ("/orders?status=%00", "status"),
    ("/orders?cursor=x", "cursor"),
    ("/grants?external_id=anna&feature=a%20b", "feature"),
    ("/history?external_id=anna&kind=nothing", "kind"),
    ("/quota/check?external_id=anna", "feature"),
    ("/quota/check?external_id=anna&feature=a&quantity=0", "quantity"),
    ("/quota/check?external_id=anna&feature=a&quantity=1.0", "quantity"),
    ("/quota/check?external_id=anna&feature=a&quantity=true", "quantity"),
    ("/quota/check?external_id=anna&feature=a&quantity=1e3", "quantity"),
    ("/quota/check?external_id=anna&feature=a&quantity=9999999999999", "quantity"),
    ("/quota/check?external_id=anna&feature=a&quantity=1&quantity=2", "quantity"),
    ("/quota/check?external_id=anna&feature=a&sku=%00", "sku"),
    ("/quota/check?external_id=anna&feature=a&colour=red", "colour"),
    ("/products/%00", "sku"),
    ("/products/%FF", "sku"),
    ("/products/a%20b", "sku"),
    ("/products/" + "a" * 65, "sku"),
]


def test_a_query_that_can_never_be_right_is_refused_by_name(api: Api) -> None:
    def fields(address: str) -> list[str]:
        return api.fields(api.client.get(MOUNT + address, headers=api.headers))

    assert [(address, *fields(address)) for address, _ in BAD_QUERIES] == BAD_QUERIES


def test_more_parameters_than_django_reads_are_malformed(api: Api) -> None:
    address = f"{MOUNT}/orders?" + "&".join(f"a{number}=1" for number in range(2000))

    api.refused(api.client.get(address, headers=api.headers), 400, "malformed")


def test_anything_in_a_checked_features_name_is_a_no(api: Api) -> None:
    for feature in ("%00", "%FF", "%ED%A0%80", "a" * 500, "%F0%9F%92%A9", ""):
        address = f"{MOUNT}/quota/check?external_id=anna&feature={feature}"
        assert api.ok(api.client.get(address, headers=api.headers))["code"] == "unknown_feature"
