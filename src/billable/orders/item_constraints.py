"""What must never be of an item of an order."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from billable.catalog.models import whole_period
from billable.compat import check_constraint
from billable.inputs import MAX_ORDER_QUANTITY

ITEM_CONSTRAINTS: list[models.BaseConstraint] = [
    models.UniqueConstraint(fields=["order", "line"], name="billable_orderitem_order_line"),
    # The number is there once it is paid: whatever was ordered, no period is ever sold twice.
    models.UniqueConstraint(fields=["subscription", "period_index"], name="billable_orderitem_period"),
    whole_period("billable_orderitem_recurs", "recurs"),
    check_constraint(
        Q(period_index__isnull=True, period_from__isnull=True, period_until__isnull=True)
        | Q(
            subscription__isnull=False,
            recurs_count__isnull=False,
            period_index__isnull=False,
            period_from__isnull=False,
            period_until__isnull=False,
            period_until__gte=F("period_from"),
        ),
        name="billable_orderitem_period_is_whole",
    ),
    check_constraint(
        Q(
            quantity__gte=1,
            quantity__lte=MAX_ORDER_QUANTITY,
            unit_amount_minor__gte=0,
            discount_minor__gte=0,
            discount_minor__lte=F("quantity") * F("unit_amount_minor"),
            tax_rate__gte=0,
            tax_rate__lte=100,
            tax_minor__gte=0,
            refunded_minor__gte=0,
            refunded_minor__lte=F("total_amount_minor"),
            refunded_pieces__gte=0,
            refunded_pieces__lte=F("quantity"),
        ),
        name="billable_orderitem_amounts",
    ),
    check_constraint(
        Q(
            tax_included=True,
            total_amount_minor=F("quantity") * F("unit_amount_minor") - F("discount_minor"),
            tax_minor__lte=F("total_amount_minor"),
        )
        | Q(
            tax_included=False,
            total_amount_minor=F("quantity") * F("unit_amount_minor") - F("discount_minor") + F("tax_minor"),
        ),
        name="billable_orderitem_total",
    ),
    check_constraint(Q(credit_minor__gte=0, credit_minor__lte=F("discount_minor")), name="billable_orderitem_credit"),
    check_constraint(
        Q(
            credited_minor__gte=0,
            credited_minor__lte=F("quantity") * F("unit_amount_minor") - F("discount_minor") + F("credit_minor"),
        )
        & (Q(credited_minor=0) | Q(credited_by__isnull=False, subscription__isnull=False)),
        name="billable_orderitem_credited",
    ),
]
