"""What may become of a customer: merged, parted again, anonymized, moved in time; and all of it in one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Query, Router

from billable.api.openapi import REPEATS_SAFELY, TAKES_KEY, reads, takes_body
from billable.api.schemas.base import PathId
from billable.api.schemas.customers import ClockAdvanceIn, ClockAdvanceOut
from billable.api.schemas.merges import (
    AnonymizedOut,
    AnonymizeIn,
    BillingDetailsOut,
    MergeIn,
    MergeOut,
    SetBillingDetailsIn,
    StateOut,
    StateParameters,
    UnmergeIn,
)
from billable.errors import CustomerNotFound
from billable.inputs import known_identifier
from billable.services import ClockAdvance, CustomerRef, CustomerService, CustomerState

if TYPE_CHECKING:
    from billable.models import Customer, Merge

router = Router(tags=["customers"])

NOTHING_SAID, NO_REASON = UnmergeIn(), AnonymizeIn()


@router.get("/customers/state", response=reads(StateOut, 404), url_name="customer-state")
def customer_state(request: HttpRequest, query: Query[StateParameters]) -> CustomerState:
    """Everything that stands between us and one customer: what it has, owes and waits for."""
    return CustomerService.customer_state(query.customer)


@router.post(
    "/customers/billing-details",
    response=takes_body(BillingDetailsOut, 404, 409),
    url_name="customer-billing-details",
    openapi_extra=REPEATS_SAFELY,
)
def set_billing_details(request: HttpRequest, body: SetBillingDetailsIn) -> Customer:
    """Say whom a customer's invoices are made out to from now on."""
    return CustomerService.set_billing_details(body.customer, body.given)


@router.post(
    "/customers/{customer_id}/merge",
    response=takes_body(MergeOut, 404, 409),
    url_name="customer-merge",
    openapi_extra=REPEATS_SAFELY,
)
def merge_customers(request: HttpRequest, customer_id: PathId, body: MergeIn) -> Merge:
    """Let this customer absorb another. Whoever names either of them means this one from now on."""
    return CustomerService.merge_customers(_named(customer_id), body.absorbed, reason=body.reason)


@router.post(
    "/customers/{customer_id}/unmerge",
    response=takes_body(MergeOut, 404, 409),
    url_name="customer-unmerge",
    openapi_extra=REPEATS_SAFELY,
)
def unmerge_customers(request: HttpRequest, customer_id: PathId, body: UnmergeIn = NOTHING_SAID) -> Merge:
    """Undo the merge that absorbed this customer. It gets back what is left of its units."""
    return CustomerService.unmerge_customers(_named(customer_id))


@router.post(
    "/customers/{customer_id}/anonymize",
    response=takes_body(AnonymizedOut, 404, 409),
    url_name="customer-anonymize",
    openapi_extra=REPEATS_SAFELY,
)
def anonymize_customer(request: HttpRequest, customer_id: PathId, body: AnonymizeIn = NO_REASON) -> Customer:
    """Erase a customer's personal data for good. The books stay."""
    return CustomerService.anonymize_customer(_named(customer_id), reason=body.reason)


@router.post(
    "/customers/{customer_id}/clock/advance",
    response=takes_body(ClockAdvanceOut, 404, 409),
    url_name="customer-clock-advance",
    openapi_extra=TAKES_KEY,
)
def advance_clock(request: HttpRequest, customer_id: PathId, body: ClockAdvanceIn) -> ClockAdvance:
    """Move the clock of a sandbox customer forwards, and do all that falls due on the way, for this customer alone."""
    return CustomerService.advance_clock(
        _named(customer_id),
        to=body.to,
        months=body.months,
        weeks=body.weeks,
        days=body.days,
        hours=body.hours,
        minutes=body.minutes,
        seconds=body.seconds,
        idempotency_key=body.key(request),
    )


def _named(customer_id: str) -> CustomerRef:
    """The customer of an address. What can be no id names nobody."""
    found = known_identifier(customer_id)
    if found is None:
        raise CustomerNotFound(customer=customer_id[:100])
    return CustomerRef(customer_id=found)
