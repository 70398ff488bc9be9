"""Every constraint is violated on purpose, on the database itself: the verbs are not asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction

from billable.models import (
    Adjustment,
    CatalogName,
    Customer,
    Feature,
    FeatureCost,
    Grant,
    Hold,
    HoldLeg,
    Identity,
    LedgerEntry,
    Order,
    OrderItem,
    OrderItemFeature,
    Payment,
    PaymentClaim,
    Price,
    Product,
    ProductFeature,
    TrialFingerprint,
    Usage,
    UserLink,
)
from tests.migrations.rows import NOW, Rows, another_feature, one_row_of_every_table, tables, twin

pytestmark = pytest.mark.django_db

MAX_UNITS = 10**12
UNLIMITED = {"quantity": None, "remaining": None, "held": 0}
EMPTY = {"remaining": 0, "held": 0}

# Constraint → its table and the changes of a valid row that each break it, and it alone.
CHECKS: dict[str, tuple[type[models.Model], list[dict[str, Any]]]] = {
    "billable_price_not_negative": (Price, [{"amount_minor": -1}]),
    "billable_productfeature_quantity": (ProductFeature, [{"quantity": 0}, {"quantity": MAX_UNITS + 1}]),
    "billable_productfeature_period": (
        ProductFeature,
        [{"period_unit": None}, {"period_unit": "hour"}, {"period_count": None}, {"period_count": 0}],
    ),
    "billable_featurecost_not_itself": (FeatureCost, [{"paid_from": models.F("feature")}]),
    "billable_featurecost_positive": (
        FeatureCost,
        [{"per": 0}, {"units": 0}, {"per": MAX_UNITS + 1}, {"units": MAX_UNITS + 1}],
    ),
    "billable_grant_units": (
        Grant,
        [
            {"quantity": 0, **EMPTY, "closed_at": NOW},
            {"quantity": MAX_UNITS + 1},
            {"remaining": -1},
            {"held": -1},
            {"held": 7},
            {"quantity": None},
            {"remaining": None},
            {**UNLIMITED, "held": -1},
        ],
    ),
    "billable_grant_closed_is_empty": (
        Grant,
        [{"closed_at": NOW}, {"closed_at": NOW, "held": 0}, {"closed_at": NOW, **UNLIMITED}],
    ),
    "billable_grant_empty_is_closed": (Grant, [EMPTY]),
    "billable_grant_ended_is_empty": (
        Grant,
        [
            {"ended_at": NOW, "ended_as": "expired"},
            {"ended_at": NOW, "closed_at": NOW, **EMPTY},
            {"ended_as": "expired"},
        ],
    ),
    "billable_grant_window": (Grant, [{"expires_at": models.F("valid_from")}]),
    "billable_grant_period": (
        Grant,
        [{"period_unit": None}, {"period_unit": "hour"}, {"period_count": None}, {"period_count": 0}],
    ),
    "billable_usage_quantity": (Usage, [{"quantity": 0}, {"quantity": MAX_UNITS + 1}]),
    "billable_hold_quantity": (
        Hold,
        [{"quantity": 0, "captured": 0}, {"quantity": MAX_UNITS + 1}, {"captured": -1}, {"captured": 6}],
    ),
    "billable_holdleg_units": (
        HoldLeg,
        [{"units": 0, "captured": 0, "released": 0}, {"captured": -1}, {"released": -1}, {"captured": 5}],
    ),
    "billable_adjustment_quantity": (Adjustment, [{"quantity": 0}, {"quantity": MAX_UNITS + 1}]),
    "billable_ledgerentry_seq": (LedgerEntry, [{"seq": 0}]),
    "billable_ledgerentry_remaining": (LedgerEntry, [{"remaining_after": -1}]),
    "billable_order_amounts": (
        Order,
        [
            {"total_amount_minor": -1, "paid_amount_minor": -1, "refunded_amount_minor": -1},
            {"paid_amount_minor": -1},
            {"paid_amount_minor": 201},
            {"refunded_amount_minor": -1},
            {"refunded_amount_minor": 1},
        ],
    ),
    "billable_order_paid_in_full": (
        Order,
        [
            {"status": "paid", "paid_at": NOW},
            {"status": "paid", "paid_amount_minor": 200},
            {"status": "refunded", "paid_amount_minor": 199, "paid_at": NOW},
        ],
    ),
    "billable_orderitem_amounts": (
        OrderItem,
        [
            {"quantity": 0, "total_amount_minor": 0},
            {"quantity": 10**6 + 1, "total_amount_minor": 100 * (10**6 + 1)},
            {"unit_amount_minor": -1, "total_amount_minor": -2},
            {"total_amount_minor": 199},
        ],
    ),
    "billable_orderitemfeature_quantity": (OrderItemFeature, [{"quantity": 0}, {"quantity": MAX_UNITS + 1}]),
    "billable_orderitemfeature_period": (
        OrderItemFeature,
        [{"period_unit": None}, {"period_unit": "hour"}, {"period_count": None}, {"period_count": 0}],
    ),
    "billable_grant_known_source": (Grant, [{"source": "gift"}]),
    "billable_adjustment_known_kind": (Adjustment, [{"kind": "undo"}]),
    "billable_ledgerentry_known_kind": (LedgerEntry, [{"kind": "use"}]),
    "billable_order_known_status": (Order, [{"status": "done", "paid_amount_minor": 200, "paid_at": NOW}]),
    "billable_payment_known_status": (Payment, [{"status": "done"}]),
    "billable_payment_amount": (Payment, [{"amount_minor": -1}]),
    "billable_payment_code_is_unapplied": (Payment, [{"code": "order_cancelled"}]),
}

# Constraint (or table.column) → its table and what a second row changes so that only this one is broken.
UNIQUES: dict[str, tuple[type[models.Model], dict[str, Any]]] = {
    "billable_catalogname.name": (CatalogName, {"pk": "pdf_export", "kind": "product"}),
    "billable_feature.key": (Feature, {}),
    "billable_product.sku": (Product, {}),
    "billable_price_product_currency": (Price, {"amount_minor": 1}),
    "billable_productfeature_product_line": (ProductFeature, {"quantity": 1}),
    "billable_featurecost_feature_paid_from": (FeatureCost, {"position": 2}),
    "billable_featurecost_feature_position": (FeatureCost, {"paid_from": another_feature}),
    "billable_userlink.user_id": (UserLink, {"customer": Customer}),
    "billable_identity_provider_external_id": (Identity, {"customer": Customer}),
    "billable_grant_customer_source": (Grant, {"quantity": 9}),
    "billable_usage_customer_key": (Usage, {"quantity": 1}),
    "billable_hold_customer_key": (Hold, {"quantity": 4}),
    "billable_holdleg_hold_position": (HoldLeg, {"units": 6}),
    "billable_adjustment_customer_key": (Adjustment, {"kind": "revoke"}),
    "billable_ledgerentry_customer_seq": (LedgerEntry, {"amount": 1}),
    "billable_order_customer_key": (Order, {"total_amount_minor": 1}),
    "billable_orderitem_order_line": (OrderItem, {"sku": "other"}),
    "billable_orderitemfeature_item_line": (OrderItemFeature, {"quantity": 6}),
    "billable_payment_key": (Payment, {"status": "failed"}),
    "billable_paymentclaim_key": (PaymentClaim, {"order_id": None}),
    "billable_trialfingerprint_key": (TrialFingerprint, {}),
}

BREAKING = [
    pytest.param(name, model, change, id=f"{name}: {', '.join(map(str, change))}-{number}")
    for name, (model, changes) in CHECKS.items()
    for number, change in enumerate(changes, start=1)
]
UNSIGNED = [
    pytest.param(model, field.name, id=f"{model._meta.model_name}.{field.name}")
    for model in tables()
    for field in model._meta.concrete_fields
    if isinstance(field, (models.PositiveIntegerField, models.PositiveSmallIntegerField))
]


@pytest.fixture
def rows() -> Rows:
    return one_row_of_every_table()


def test_one_valid_row_of_every_table_is_accepted(rows: Rows) -> None:
    assert set(rows) == set(tables())


@pytest.mark.parametrize(("name", "model", "change"), BREAKING)
def test_the_database_refuses_what_a_check_forbids(
    rows: Rows, name: str, model: type[models.Model], change: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        model._base_manager.filter(pk=rows[model].pk).update(**change)
    assert broken(refusal.value) == name


@pytest.mark.parametrize("name", UNIQUES)
def test_the_database_refuses_a_second_row_under_one_key(rows: Rows, name: str) -> None:
    model, change = UNIQUES[name]
    values = {field: value() if callable(value) else value for field, value in change.items() if value is not Customer}
    if change.get("customer") is Customer:
        values["customer"] = Customer.objects.create(actor="python", created_at=NOW)
    if name.startswith("billable_userlink"):
        values["user_id"] = rows[UserLink].pk
    second = twin(rows[model], **values)
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        second.save(force_insert=True)
    assert broken(refusal.value) == expected(name, model)


@pytest.mark.parametrize(("model", "field"), UNSIGNED)
def test_the_database_refuses_a_negative_count(rows: Rows, model: type[models.Model], field: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        model._base_manager.filter(pk=rows[model].pk).update(**{field: -1})


@pytest.mark.parametrize("model", [Order, Usage, Hold])
def test_rows_without_an_idempotency_key_never_collide(rows: Rows, model: type[models.Model]) -> None:
    for _ in range(2):
        twin(rows[model], idempotency_key=None).save(force_insert=True)
    assert model._base_manager.filter(idempotency_key=None).count() == 2


@pytest.mark.parametrize(
    ("model", "field"), [(Identity, "external_id"), (Usage, "idempotency_key"), (PaymentClaim, "payment_id")]
)
def test_keys_are_compared_byte_for_byte(rows: Rows, model: type[models.Model], field: str) -> None:
    for value in ("straße", "STRASSE", "strasse", "Straße", "é", "e\u0301", "key", "key "):
        twin(rows[model], **{field: value}).save(force_insert=True)
        assert model._base_manager.filter(**{field: value}).count() == 1


def test_every_constraint_of_the_models_is_violated_above() -> None:
    declared = {constraint.name: constraint for model in tables() for constraint in model._meta.constraints}
    keys = {
        f"{model._meta.db_table}.{field.column}"
        for model in tables()
        for field in model._meta.concrete_fields
        if field.unique and not isinstance(field, (models.AutoField, models.BigAutoField, models.UUIDField))
    }
    checks = {name for name, constraint in declared.items() if isinstance(constraint, models.CheckConstraint)}
    assert set(CHECKS) == checks
    assert set(UNIQUES) == set(declared) - checks | keys


def test_no_unique_constraint_is_conditional() -> None:
    constraints = [each for model in tables() for each in model._meta.constraints]
    assert not [each.name for each in constraints if getattr(each, "condition", None) and unique(each)]


def unique(constraint: models.BaseConstraint) -> bool:
    return isinstance(constraint, models.UniqueConstraint)


def broken(error: IntegrityError) -> str:
    """The constraint that the database names: by its name, or SQLite's unique ones by table and columns."""
    cause: Any = error.__cause__
    if connection.vendor == "postgresql":
        return str(cause.diag.constraint_name)
    return str(cause).split("constraint failed: ", 1)[1]


def expected(name: str, model: type[models.Model]) -> str:
    """How the running database names a unique constraint."""
    declared = {each.name: each for each in model._meta.constraints if isinstance(each, models.UniqueConstraint)}
    table = model._meta.db_table
    columns = (
        [column_of(model, field) for field in declared[name].fields]
        if name in declared
        else [name.removeprefix(f"{table}.")]
    )
    if connection.vendor == "sqlite":
        return ", ".join(f"{table}.{column}" for column in columns)
    if name in declared:
        return name
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    return next(key for key, facts in found.items() if facts["unique"] and facts["columns"] == columns)


def column_of(model: type[models.Model], field: str) -> str:
    found = model._meta.get_field(field)
    assert isinstance(found, models.Field)
    return str(found.column)
