"""The closed vocabularies of the promotions room. Pure."""

from __future__ import annotations

from enum import Enum


class Release(str, Enum):
    """Why a use of a code was given back: what became of its order."""

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDED = "refunded"


class PromotionRefusal(str, Enum):
    """Why a code does not apply."""

    INACTIVE = "inactive"
    NOT_STARTED = "not_started"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    USED_UP_BY_CUSTOMER = "used_up_by_customer"
    FIRST_ORDER_ONLY = "first_order_only"
    OTHER_PRODUCT = "other_product"
    OTHER_CURRENCY = "other_currency"
    TAKES_NOTHING_OFF = "takes_nothing_off"
