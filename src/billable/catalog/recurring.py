"""What of a product recurs: how often it is paid for, how long it may be tried, how long it waits for money."""

from __future__ import annotations

from billable import inputs
from billable.catalog.models import MAX_GRACE_DAYS, Product
from billable.catalog.periods import Period
from billable.errors import Invalid


def set_recurrence(
    product: Product,
    recurs: str | Period | None,
    trial_period: str | Period | None,
    grace_days: int | str | None,
) -> None:
    """Set the parts that are given; None leaves one as it is, and an empty text takes it away.

    What does not recur any more has no trial period and no grace either. Raises Invalid.
    """
    if recurs == "":
        trial_period, grace_days = trial_period or "", "" if grace_days is None else grace_days
    if recurs is not None:
        _set(product, "recurs", recurs, "recurs")
    if trial_period is not None:
        _set(product, "trial", trial_period, "trial_period")
    if grace_days is not None:
        days = None if grace_days == "" else inputs.whole(grace_days, "grace_days", minimum=0, maximum=MAX_GRACE_DAYS)
        product.grace_days = days
    if product.recurs is None:
        if product.trial_period is not None:
            raise Invalid(
                field="trial_period", problem="needs recurs: what is sold once is tried as a product of its own"
            )
        if product.grace_days is not None:
            raise Invalid(field="grace_days", problem="needs recurs: what is sold once waits for no money")
    elif product.is_trial or product.is_default:
        raise Invalid(field="recurs", problem="is paid for: it can be neither a trial of its own nor a default")


def _set(product: Product, prefix: str, value: str | Period, field: str) -> None:
    period = None if value == "" else Period.parse(value, field)
    setattr(product, f"{prefix}_count", None if period is None else period.count)
    setattr(product, f"{prefix}_unit", None if period is None else period.unit.value)
