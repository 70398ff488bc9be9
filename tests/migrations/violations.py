"""How each constraint is broken, and it alone, by changes of the valid rows of rows.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db.models import F, Model

from billable import models
from tests.migrations.rows import NOW, another_customer, another_feature, another_product

# Foreign keys are looked at when the transaction ends, constraints at once: the order need not be there.
ANOTHER_ORDER = uuid4()
MAX_UNITS = 10**12
UNLIMITED = {"quantity": None, "remaining": None, "held": 0}
EMPTY = {"remaining": 0, "held": 0}
PAID = {"paid_amount_minor": 200, "paid_at": NOW}
PERIOD: list[dict[str, Any]] = [
    {"period_unit": None},
    {"period_unit": "hour"},
    {"period_count": None},
    {"period_count": 0},
]

CAP = {"cap_quantity": 50, "cap_period_count": 1, "cap_period_unit": "day"}
CAPS: list[dict[str, Any]] = [
    {**CAP, "cap_quantity": 0},
    {**CAP, "cap_quantity": MAX_UNITS + 1},
    {**CAP, "cap_quantity": None},
    {**CAP, "cap_period_count": None},
    {**CAP, "cap_period_count": 0},
    {**CAP, "cap_period_unit": None},
    {**CAP, "cap_period_unit": "hour"},
]
ONCE = {"recurs_count": None, "recurs_unit": None}
NO_PERIOD = {"period_index": None, "period_from": None, "period_until": None}

RESETS: list[dict[str, Any]] = [
    {"reset_unit": "hour"},
    {"reset_unit": None},
    {"reset_count": 0},
]
ROLLOVERS: list[dict[str, Any]] = [
    {"rollover_quantity": None},
    {"rollover_periods": None},
    {"rollover_quantity": 0},
    {"rollover_quantity": MAX_UNITS + 1},
    {"rollover_periods": 0},
    {"rollover_periods": 101},
]

RECURS: dict[str, Any] = {"reset_count": 1, "reset_unit": "month"}
ROLLS: dict[str, Any] = {**RECURS, "rollover_quantity": 4, "rollover_periods": 1}
# Of a line that does not recur.
LINE_RESETS = [{"reset_count": 1}, {"reset_unit": "month"}, *({**RECURS, **wrong} for wrong in RESETS)]
LINE_ROLLOVERS = [{**ROLLS, "reset_count": None, "reset_unit": None}, *({**ROLLS, **wrong} for wrong in ROLLOVERS)]

# Constraint → its table and the changes of a valid row that each break it, and it alone.
CHECKS: dict[str, tuple[type[Model], list[dict[str, Any]]]] = {
    # catalogue
    "billable_product_tax_rate": (models.Product, [{"tax_rate": -1}, {"tax_rate": "100.0001"}]),
    "billable_product_recurs": (
        models.Product,
        [{"recurs_unit": None}, {"recurs_unit": "hour"}, {"recurs_count": 0}],
    ),
    "billable_product_trial": (
        models.Product,
        [{"trial_unit": None}, {"trial_unit": "hour"}, {"trial_count": None}, {"trial_count": 0}],
    ),
    "billable_product_recurs_is_sold": (
        models.Product,
        [
            {**ONCE, "trial_count": None, "trial_unit": None},
            {**ONCE, "grace_days": None},
            {"is_trial": True},
            {"is_default": True},
        ],
    ),
    "billable_product_grace": (models.Product, [{"grace_days": 366}]),
    "billable_price_not_negative": (models.Price, [{"amount_minor": -1}]),
    "billable_unitprice_units": (models.UnitPrice, [{"units": 0}, {"units": MAX_UNITS + 1}]),
    "billable_productfeature_quantity": (models.ProductFeature, [{"quantity": 0}, {"quantity": MAX_UNITS + 1}]),
    "billable_productfeature_period": (models.ProductFeature, PERIOD),
    "billable_productfeature_reset": (models.ProductFeature, LINE_RESETS),
    "billable_productfeature_reset_units": (models.ProductFeature, [{**RECURS, "quantity": None}]),
    "billable_productfeature_rollover": (models.ProductFeature, LINE_ROLLOVERS),
    "billable_productfeature_cap": (models.ProductFeature, CAPS),
    "billable_productfeature_static": (
        models.ProductFeature,
        [{"value": True, "quantity": 5}, {"value": 5, "quantity": None, **CAP}],
    ),
    "billable_feature_known_value_type": (models.Feature, [{"value_type": "list"}]),
    "billable_feature_overdraft": (
        models.Feature,
        [
            {"overdraft": "maybe"},
            {"overdraft": "allow"},
            {"overdraft": "allow", "overdraft_limit": 0},
            {"overdraft": "allow", "overdraft_limit": MAX_UNITS + 1},
            {"overdraft_limit": 5},
            {"overdraft": "record", "overdraft_limit": 5},
        ],
    ),
    "billable_feature_static": (models.Feature, [{"value_type": "flag", "overdraft": "record"}]),
    "billable_featurecost_not_itself": (models.FeatureCost, [{"paid_from": F("feature")}]),
    "billable_featurecost_positive": (
        models.FeatureCost,
        [{"per": 0}, {"units": 0}, {"per": MAX_UNITS + 1}, {"units": MAX_UNITS + 1}],
    ),
    # customers
    "billable_customer_anonymized": (
        models.Customer,
        [{"anonymized_at": NOW}, {"anonymized_by": "python"}, {"anonymized_reason": "asked"}],
    ),
    "billable_customer_clock": (
        models.Customer,
        [{"clock_offset_seconds": 1}, {"is_sandbox": True, "clock_offset_seconds": -1}],
    ),
    "billable_clockmove_forwards": (
        models.ClockMove,
        [{"from_offset_seconds": -1}, {"to_offset_seconds": 10}, {"to_offset_seconds": 9}],
    ),
    "billable_clockmove_finished": (models.ClockMove, [{"finished_at": NOW}]),
    "billable_merge_not_itself": (models.Merge, [{"absorbed": F("customer")}]),
    "billable_merge_undone": (models.Merge, [{"undone_at": NOW}, {"undone_by": "python"}]),
    # quota
    "billable_grant_units": (
        models.Grant,
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
        models.Grant,
        [{"closed_at": NOW}, {"closed_at": NOW, "held": 0}, {"closed_at": NOW, **UNLIMITED}],
    ),
    "billable_grant_empty_is_closed": (models.Grant, [EMPTY]),
    "billable_grant_ended_is_empty": (
        models.Grant,
        [
            {"ended_at": NOW, "ended_as": "expired"},
            {"ended_at": NOW, "closed_at": NOW, **EMPTY},
            {"ended_as": "expired"},
        ],
    ),
    "billable_grant_window": (models.Grant, [{"expires_at": F("valid_from")}]),
    "billable_grant_period": (models.Grant, PERIOD),
    "billable_grant_cap": (models.Grant, CAPS),
    "billable_grant_cap_used": (
        models.Grant,
        [{"cap_used": 1}, {**CAP, "cap_used": -1}, {**CAP, "cap_used": 51}],
    ),
    "billable_grant_static": (models.Grant, [{"value": True}]),
    "billable_grant_known_source": (models.Grant, [{"source": "gift"}]),
    "billable_usage_quantity": (models.Usage, [{"quantity": 0}, {"quantity": MAX_UNITS + 1}]),
    "billable_hold_quantity": (
        models.Hold,
        [{"quantity": 0, "captured": 0}, {"quantity": MAX_UNITS + 1}, {"captured": -1}, {"captured": 6}],
    ),
    "billable_hold_closed": (
        models.Hold,
        [
            {"closed_at": NOW},
            {"closed_as": "captured"},
            {"closed_at": NOW, "closed_as": "lost"},
            {"final_capture": uuid4()},
        ],
    ),
    "billable_hold_lapse": (models.Hold, [{"lapses_at": NOW - timedelta(seconds=1)}]),
    "billable_holdleg_units": (
        models.HoldLeg,
        [{"units": 0, "captured": 0, "released": 0}, {"captured": -1}, {"released": -1}, {"captured": 5}],
    ),
    "billable_grant_rolled": (models.Grant, [{"rolled_from": 0}]),
    "billable_allowance_units": (
        models.Allowance,
        [{"quantity": None}, {"quantity": 0}, {"quantity": MAX_UNITS + 1}, {"reduced": -1}, {"reduced": 10}],
    ),
    "billable_allowance_period": (
        models.Allowance,
        [{"period_count": 1}, {"period_unit": "month"}, {"period_count": 0, "period_unit": "month"}],
    ),
    "billable_allowance_reset": (models.Allowance, RESETS[:3]),
    "billable_allowance_recurs": (models.Allowance, [{"reset_count": None, "reset_unit": None}, {"value": True}]),
    "billable_allowance_rollover": (models.Allowance, ROLLOVERS),
    "billable_allowance_cap": (models.Allowance, CAPS),
    "billable_allowance_window": (models.Allowance, [{"expires_at": F("anchor"), "next_at": None}]),
    "billable_allowance_next": (
        models.Allowance,
        [{"next_at": NOW}, {"next_at": F("expires_at")}, {"ended_at": NOW, "ended_as": "revoked"}],
    ),
    "billable_allowance_ended": (
        models.Allowance,
        [
            {"ended_as": "revoked"},
            {"ended_at": NOW, "next_at": None},
            {"ended_at": NOW, "ended_as": "gone", "next_at": None},
        ],
    ),
    "billable_allowance_known_source": (models.Allowance, [{"source": "gift"}]),
    "billable_debt_units": (
        models.Debt,
        [{"units": 0, "repaid": 0, "forgiven": 0, "closed_at": NOW}, {"units": MAX_UNITS + 1}],
    ),
    "billable_debt_repaid": (models.Debt, [{"repaid": -1}, {"forgiven": -1}]),
    "billable_debt_closed": (models.Debt, [{"repaid": 4}, {"closed_at": NOW}]),
    "billable_rollout_known_policy": (models.RollOut, [{"policy": "tomorrow"}]),
    "billable_rollout_known_kind": (models.RollOut, [{"kind": "price"}]),
    "billable_rollout_quantity": (models.RollOut, [{"quantity": 0}, {"quantity": MAX_UNITS + 1}]),
    "billable_adjustment_quantity": (models.Adjustment, [{"quantity": 0}, {"quantity": MAX_UNITS + 1}]),
    "billable_adjustment_known_kind": (models.Adjustment, [{"kind": "undo"}]),
    "billable_ledgerentry_seq": (models.LedgerEntry, [{"seq": 0}]),
    "billable_ledgerentry_remaining": (models.LedgerEntry, [{"remaining_after": -1}]),
    "billable_ledgerentry_known_kind": (models.LedgerEntry, [{"kind": "use"}]),
    # changes
    "billable_planchange_policies": (
        models.PlanChange,
        [{"at": "later"}, {"at": "period_end"}, {"money": ""}, {"units": "all"}, {"time_left": None}],
    ),
    "billable_planchange_amounts": (
        models.PlanChange,
        [{"price_minor": -1}, {"credited_minor": -1}, {"charged_minor": -1}],
    ),
    "billable_planchange_changes": (
        models.PlanChange,
        [{"from_seats": 0}, {"from_seats": 2}, {"to_seats": 0}, {"to_seats": 10**6 + 1}],
    ),
    "billable_planchange_seats_are_added": (
        models.PlanChange,
        [{"kind": "features"}, {"kind": "seats", "from_seats": 3}],
    ),
    "billable_planchange_interval": (
        models.PlanChange,
        [{"interval_count": 0}, {"interval_unit": "hour"}],
    ),
    "billable_planchange_applied_or_dropped": (models.PlanChange, [{"dropped_at": NOW}]),
    "billable_orderitem_credited": (
        models.OrderItem,
        [{"credited_minor": -1}, {"credited_minor": 211}, {"credited_by": None}],
    ),
    "billable_alertnotice_units": (
        models.AlertNotice,
        [{"used": 0, "granted": 0}, {"used": 0}, {"used": 11}],
    ),
    "billable_expirynotice_units": (models.ExpiryNotice, [{"units": 0}, {"units": -1}]),
    # subscriptions
    "billable_subscription_seats": (models.Subscription, [{"seats": 0}, {"seats": 10**6 + 1}, {"next_seats": 0}]),
    "billable_subscription_interval": (models.Subscription, [{"interval_count": 0}, {"interval_unit": "hour"}]),
    "billable_subscription_windows": (
        models.Subscription,
        [
            {"paid_until": NOW - timedelta(seconds=1)},
            {"access_until": F("paid_from")},
            {"anchor_index": 2},
        ],
    ),
    "billable_subscription_pause": (
        models.Subscription,
        [{"paused_at": None}, {"resumes_at": NOW - timedelta(seconds=1)}],
    ),
    "billable_subscription_ended": (
        models.Subscription,
        [
            {"ended_as": "unpaid"},
            {"ended_at": NOW, "renews_at": None, "due_at": None},
            {"ended_at": NOW, "ended_as": "lost", "renews_at": None, "due_at": None},
            {"ended_at": NOW, "ended_as": "unpaid", "due_at": None},
            {"ended_at": NOW, "ended_as": "unpaid", "renews_at": None},
        ],
    ),
    "billable_subscription_renews": (models.Subscription, [{"cancelled_at": NOW}, {"suspended_at": NOW}]),
    "billable_subscription_credit": (models.Subscription, [{"credit_minor": -1}]),
    "billable_subscriptionpause_window": (models.SubscriptionPause, [{"ends_at": NOW - timedelta(seconds=1)}]),
    # orders
    "billable_order_amounts": (
        models.Order,
        [
            {"total_amount_minor": -1, "paid_amount_minor": -1, "refunded_amount_minor": -1, "tax_minor": -1},
            {"paid_amount_minor": -1},
            {"paid_amount_minor": 201},
            {"refunded_amount_minor": -1},
            {"refunded_amount_minor": 1},
            {"discount_minor": -1},
            {"tax_minor": -1},
            {"tax_minor": 201},
        ],
    ),
    "billable_order_known_status": (models.Order, [{"status": "done", **PAID}]),
    "billable_order_paid_in_full": (
        models.Order,
        [
            {"status": "paid", "paid_at": NOW},
            {"status": "paid", "paid_amount_minor": 200},
            {"status": "partially_refunded", "paid_amount_minor": 199, "paid_at": NOW},
        ],
    ),
    "billable_order_refunded_in_full": (models.Order, [{"status": "refunded", "refunded_amount_minor": 199, **PAID}]),
    "billable_orderitem_amounts": (
        models.OrderItem,
        [
            {"quantity": 0, "total_amount_minor": 0, "discount_minor": 0, "tax_minor": 0},
            {"quantity": 10**6 + 1, "total_amount_minor": 110 * (10**6 + 1) - 20},
            {"unit_amount_minor": -1, "total_amount_minor": 18, "discount_minor": -20, "tax_minor": 0},
            {"discount_minor": -1, "total_amount_minor": 221},
            {"discount_minor": 221, "total_amount_minor": 19, "tax_minor": 20, "tax_included": False},
            {"tax_rate": -1},
            {"tax_rate": "100.0001"},
            {"tax_minor": -1},
            {"refunded_minor": -1},
            {"refunded_minor": 201},
            {"refunded_pieces": -1},
            {"refunded_pieces": 3},
        ],
    ),
    "billable_orderitem_total": (
        models.OrderItem,
        [
            {"total_amount_minor": 199},
            {"tax_minor": 201},
            {"tax_included": False},
            {"tax_included": False, "total_amount_minor": 221},
        ],
    ),
    "billable_orderitem_recurs": (
        models.OrderItem,
        [{"recurs_unit": None}, {"recurs_unit": "hour"}, {"recurs_count": 0}, {**NO_PERIOD, "recurs_count": None}],
    ),
    "billable_orderitem_period_is_whole": (
        models.OrderItem,
        [
            {"period_index": None},
            {"period_from": None},
            {"period_until": None},
            {"period_until": NOW - timedelta(seconds=1)},
            {"subscription": None, "credited_minor": 0, "credited_by": None},
            ONCE,
        ],
    ),
    "billable_orderitem_credit": (models.OrderItem, [{"credit_minor": -1}, {"credit_minor": 21}]),
    "billable_orderitemfeature_quantity": (models.OrderItemFeature, [{"quantity": 0}, {"quantity": MAX_UNITS + 1}]),
    "billable_orderitemfeature_period": (models.OrderItemFeature, PERIOD),
    "billable_orderitemfeature_reset": (models.OrderItemFeature, LINE_RESETS),
    "billable_orderitemfeature_reset_units": (models.OrderItemFeature, [{**RECURS, "quantity": None}]),
    "billable_orderitemfeature_rollover": (models.OrderItemFeature, LINE_ROLLOVERS),
    "billable_orderitemfeature_cap": (models.OrderItemFeature, CAPS),
    "billable_orderitemfeature_static": (
        models.OrderItemFeature,
        [{"value": True, "quantity": 5}, {"value": 5, "quantity": None, **CAP}],
    ),
    "billable_payment_amount": (models.Payment, [{"amount_minor": -1}]),
    "billable_payment_known_status": (models.Payment, [{"status": "done"}]),
    "billable_payment_code_is_unapplied": (models.Payment, [{"code": "order_cancelled"}]),
    "billable_payment_applied_to_another": (
        models.Payment,
        [{"applied_to": F("order")}, {"applied_to": uuid4(), "status": "unapplied"}],
    ),
    "billable_payment_returned": (models.Payment, [{"status": "returned"}, {"returned_at": NOW}]),
    # refunds
    "billable_refund_amount": (models.Refund, [{"amount_minor": -1}]),
    "billable_refund_known_origin": (models.Refund, [{"origin": "nobody"}]),
    "billable_refund_known_policy": (models.Refund, [{"policy": "half"}]),
    "billable_refunditem_amounts": (models.RefundItem, [{"amount_minor": -1}, {"pieces": -1}]),
    "billable_refundgrant_units": (
        models.RefundGrant,
        [
            {"used": -1},
            {"expired": -1},
            {"unused": -1},
            {"unused": None},
            {"taken_back": -1},
            {"taken_back": None},
            {"taken_back": 6},
        ],
    ),
    "billable_refundgrant_ahead": (models.RefundGrant, [{"reduced": -1}, {"taken_ahead": -1}]),
    "billable_dispute_amount": (models.Dispute, [{"amount_minor": -1}]),
    "billable_dispute_known_status": (models.Dispute, [{"status": "done", "decided_at": NOW}]),
    "billable_dispute_known_payment_status": (models.Dispute, [{"payment_status": "disputed"}]),
    "billable_dispute_decided": (models.Dispute, [{"decided_at": NOW}, {"status": "won"}, {"status": "lost"}]),
    # exchanges
    "billable_exchange_units": (
        models.Exchange,
        [
            {"quantity": 0},
            {"quantity": 10**6 + 1},
            {"units": 0, "refunded_units": 0},
            {"units": MAX_UNITS + 1},
            {"refunded_units": -1},
            {"refunded_units": 51},
        ],
    ),
    # promotions
    "billable_promotion_percent": (models.Promotion, [{"percent_off": 0}, {"percent_off": "100.0001"}]),
    "billable_promotion_uses": (models.Promotion, [{"used": 6}, {"max_uses": 0}]),
    "billable_promotion_window": (models.Promotion, [{"ends_at": F("starts_at")}]),
    "billable_promotionamount_amount": (models.PromotionAmount, [{"amount_minor": 0}]),
    "billable_promotionuse_discount": (models.PromotionUse, [{"discount_minor": -1}]),
    "billable_promotionuse_released": (models.PromotionUse, [{"released_at": NOW}, {"released_as": "expired"}]),
    # referrals
    "billable_referralprogramme_known_trigger": (models.ReferralProgramme, [{"trigger": "on_monday"}]),
    "billable_referral_not_oneself": (models.Referral, [{"referrer": F("customer")}]),
    "billable_referral_instants": (
        models.Referral,
        [
            {"status": "done"},
            {"status": "qualified"},
            {"status": "qualified", "qualified_at": NOW},
            {"status": "rewarded", "qualified_at": NOW, "due_at": NOW},
            {"status": "capped", "qualified_at": NOW, "due_at": NOW},
            {"status": "taken_back", "qualified_at": NOW},
            {"status": "taken_back", "taken_back_at": NOW},
            {"qualified_at": NOW},
            {"due_at": NOW},
            {"rewarded_at": NOW},
            {"taken_back_at": NOW},
        ],
    ),
    "billable_referral_grants": (
        models.Referral,
        [
            {"referee_grants": 1},
            {"referrer_grants": 1},
            {"referrer_grants": 1, "status": "capped", "qualified_at": NOW, "due_at": NOW, "rewarded_at": NOW},
        ],
    ),
    # invoices
    "billable_invoiceseries_number": (models.InvoiceSeries, [{"last_number": -1}]),
    "billable_invoice_source_is_there": (
        models.Invoice,
        [
            {"kind": "letter"},
            {"source_id": uuid4()},
            {"kind": "credit_note"},
            {"refund": uuid4()},
            {"corrects": uuid4()},
            {"kind": "credit_note", "refund": uuid4()},
        ],
    ),
    "billable_invoice_amounts": (
        models.Invoice,
        [
            {"number": 0},
            {"net_minor": -1, "total_minor": 19},
            {"tax_minor": -1, "total_minor": 179},
            {"total_minor": 199},
        ],
    ),
    "billable_invoiceline_amounts": (
        models.InvoiceLine,
        [
            {"quantity": -1},
            {"unit_amount_minor": -1},
            {"discount_minor": -1},
            {"net_minor": -1, "total_minor": 19},
            {"tax_minor": -1, "total_minor": 179},
            {"tax_rate": -1},
            {"tax_rate": "100.0001"},
            {"total_minor": 199},
        ],
    ),
}

# Constraint (or table.column) → its table and what a second row changes so that only this one is broken.
UNIQUES: dict[str, tuple[type[Model], dict[str, Any]]] = {
    # catalogue
    "billable_catalogname.name": (models.CatalogName, {"kind": "product"}),
    "billable_feature.key": (models.Feature, {}),
    "billable_product.sku": (models.Product, {}),
    "billable_price_product_currency": (models.Price, {"amount_minor": 1}),
    "billable_unitprice_product_feature": (models.UnitPrice, {"units": 1}),
    "billable_productfeature_product_line": (models.ProductFeature, {"quantity": 1}),
    "billable_featurecost_feature_paid_from": (models.FeatureCost, {"position": 2}),
    "billable_featurecost_feature_position": (models.FeatureCost, {"paid_from": another_feature}),
    # customers
    "billable_userlink.user_id": (models.UserLink, {"customer": another_customer}),
    "billable_identity_provider_external_id": (models.Identity, {"customer": another_customer}),
    # quota
    "billable_grant_customer_source": (models.Grant, {"quantity": 9}),
    "billable_allowance_customer_source": (models.Allowance, {"quantity": 9}),
    "billable_clockmove_customer_key": (models.ClockMove, {"asked": "days=2"}),
    "billable_usage_customer_key": (models.Usage, {"quantity": 1}),
    "billable_hold_customer_key": (models.Hold, {"quantity": 4}),
    "billable_holdleg_hold_position": (models.HoldLeg, {"units": 6}),
    "billable_debt.usage_id": (models.Debt, {"units": 6}),
    "billable_adjustment_customer_key": (models.Adjustment, {"kind": "revoke"}),
    "billable_ledgerentry_customer_seq": (models.LedgerEntry, {"amount": 1}),
    "billable_alertnotice_once": (models.AlertNotice, {"used": 9}),
    "billable_expirynotice_once": (models.ExpiryNotice, {"units": 3}),
    # orders
    "billable_order_customer_key": (models.Order, {"total_amount_minor": 21}),
    "billable_orderitem_order_line": (models.OrderItem, {"sku": "other", "period_index": 1, "change": None}),
    "billable_orderitem_period": (models.OrderItem, {"line": 2, "change": None}),
    "billable_orderitem.change_id": (models.OrderItem, {"line": 2, "period_index": 1}),
    "billable_planchange_customer_key": (models.PlanChange, {"to_seats": 3}),
    "billable_orderitemfeature_item_line": (models.OrderItemFeature, {"quantity": 6}),
    "billable_payment_key": (models.Payment, {"status": "failed"}),
    "billable_paymentclaim_key": (models.PaymentClaim, {"order_id": None}),
    # trials
    "billable_trial.subscription_id": (models.Trial, {"campaign": "other"}),
    "billable_trialfingerprint_key": (models.TrialFingerprint, {}),
    # refunds
    "billable_refund_order_refund_id": (models.Refund, {"amount_minor": 1}),
    "billable_refunditem_refund_item": (models.RefundItem, {"pieces": 2}),
    "billable_refundgrant_part_grant": (models.RefundGrant, {"used": 6}),
    "billable_dispute_payment_dispute_id": (models.Dispute, {"amount_minor": 1}),
    # exchanges
    "billable_exchange_customer_key": (models.Exchange, {"product": another_product}),
    # promotions
    "billable_promotion.code": (models.Promotion, {"percent_off": None}),
    "billable_promotionamount_currency": (models.PromotionAmount, {"amount_minor": 1}),
    "billable_promotionproduct_product": (models.PromotionProduct, {}),
    "billable_promotionuse_customer_order": (models.PromotionUse, {"currency": "USD"}),
    # referrals
    "billable_referralprogramme.key": (models.ReferralProgramme, {"trigger": "on_first_payment"}),
    "billable_referral_referee": (models.Referral, {"referrer": another_customer}),
    # invoices
    "billable_invoiceseries_series_year": (models.InvoiceSeries, {"last_number": 2}),
    "billable_invoice_source": (models.Invoice, {"number": 2}),
    "billable_invoice_number": (models.Invoice, {"order_id": ANOTHER_ORDER, "source_id": ANOTHER_ORDER}),
    "billable_invoiceline_invoice_line": (models.InvoiceLine, {"sku": "other"}),
}
