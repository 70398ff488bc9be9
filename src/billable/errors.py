"""Every refusal of the engine, as one tree.

::

    BillableError
    ├── NotFound                     what was named does not exist
    │   ├── CustomerNotFound         ├── ProductNotFound     ├── FeatureNotFound
    │   ├── OrderNotFound            ├── GrantNotFound       ├── UsageNotFound
    │   ├── PaymentNotFound          ├── DisputeNotFound     ├── RefundNotFound
    │   ├── PromotionNotFound        ├── ExchangeNotFound    ├── ReferralNotFound
    │   ├── ProgrammeNotFound        ├── InvoiceNotFound     ├── HoldNotFound
    │   ├── AllowanceNotFound        └── SubscriptionNotFound
    ├── Refused                      understood, and the answer is no
    │   ├── QuotaExceeded            ├── RevocationTooLarge  ├── PromotionRefused
    │   ├── SelfReferral             ├── ReferralCycle       ├── InsideTransaction
    │   ├── NotSandbox               └── SandboxMixed
    ├── Conflict                     contradicts what already happened
    │   ├── IdempotencyConflict      ├── PaymentConflict     ├── PaymentUnapplied
    │   ├── WrongOrderState          ├── WrongPaymentState   ├── WrongDisputeState
    │   ├── DisputeOpen              ├── NothingToRefund     ├── RefundTooLarge
    │   ├── HoldsLive                ├── TrialAlreadyUsed    ├── ReversalTooLarge
    │   ├── IdentityTaken            ├── UserTaken           ├── NameTaken
    │   ├── PromotionTaken           ├── ProgrammeTaken      ├── AlreadyReferred
    │   ├── BonusNotDue              ├── MergeRefused        ├── UnmergeRefused
    │   ├── HoldClosed               ├── CaptureTooLarge     ├── FeatureInUse
    │   ├── AlreadyAnonymized        ├── WrongSubscriptionState
    │   ├── PauseRefused             ├── NothingToChange     ├── ChangeWaiting
    │   └── PeriodPaidAhead
    ├── Invalid                      the input can never be right; ``field`` names it
    │   ├── InvalidSubject           ├── AmbiguousSku        ├── NotForSale
    │   ├── CurrencyMismatch         ├── WrongFeatureType    ├── UnpaidUnits
    │   └── FingerprintMissing
    ├── Misconfigured                a setting that the verb needs is missing or wrong
    └── Retryable                    the database asked for another try; nothing was written

The first line of a class's docstring is its message, filled in with its data. Each class carries a
stable ``code`` and its data as attributes; ``data`` gives them all. Refusals know nothing of HTTP.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Any:
        """What Python has from 3.11 on: it tells type checkers that each refusal is a dataclass."""
        return lambda cls: cls


@dataclass_transform(eq_default=False, kw_only_default=True)
@dataclasses.dataclass(eq=False, kw_only=True)
class BillableError(Exception):
    """The billing engine refused."""

    code: ClassVar[str] = "billable_error"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(eq=False, kw_only=True)(cls)

    @property
    def data(self) -> dict[str, Any]:
        """The facts of this refusal, by name; all of them are JSON-friendly."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @property
    def message(self) -> str:
        """One sentence for a person."""
        template = (type(self).__doc__ or "").strip().split("\n", 1)[0]
        return template.format(**self.data)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions pickle by positional args; ours have none, and must cross process boundaries.
        return partial(type(self), **self.data), ()


# --- NotFound -----------------------------------------------------------------------------------


class NotFound(BillableError):
    """There is no such thing."""

    code = "not_found"


class CustomerNotFound(NotFound):
    """There is no customer {customer}."""

    code = "customer_not_found"
    customer: str


class ProductNotFound(NotFound):
    """There is no product with the SKU {sku!r}."""

    code = "product_not_found"
    sku: str


class FeatureNotFound(NotFound):
    """There is no feature {feature!r}."""

    code = "feature_not_found"
    feature: str


class OrderNotFound(NotFound):
    """There is no order {order}."""

    code = "order_not_found"
    order: str


class GrantNotFound(NotFound):
    """There is no grant {grant}."""

    code = "grant_not_found"
    grant: str


class UsageNotFound(NotFound):
    """There is no usage {usage}."""

    code = "usage_not_found"
    usage: str


class PaymentNotFound(NotFound):
    """There is no payment {payment}."""

    code = "payment_not_found"
    payment: str


class DisputeNotFound(NotFound):
    """There is no dispute {dispute}."""

    code = "dispute_not_found"
    dispute: str


class RefundNotFound(NotFound):
    """There is no refund {refund}."""

    code = "refund_not_found"
    refund: str


class PromotionNotFound(NotFound):
    """There is no promotion code {promotion!r}."""

    code = "promotion_not_found"
    promotion: str


class ExchangeNotFound(NotFound):
    """There is no exchange {exchange}."""

    code = "exchange_not_found"
    exchange: str


class ReferralNotFound(NotFound):
    """There is no referral {referral}."""

    code = "referral_not_found"
    referral: str


class ProgrammeNotFound(NotFound):
    """There is no referral programme {programme!r}."""

    code = "programme_not_found"
    programme: str


class InvoiceNotFound(NotFound):
    """There is no invoice {invoice}."""

    code = "invoice_not_found"
    invoice: str


class SubscriptionNotFound(NotFound):
    """There is no subscription {subscription}."""

    code = "subscription_not_found"
    subscription: str


class HoldNotFound(NotFound):
    """There is no hold {hold}."""

    code = "hold_not_found"
    hold: str


class AllowanceNotFound(NotFound):
    """There is no allowance {allowance}."""

    code = "allowance_not_found"
    allowance: str


# --- Refused ------------------------------------------------------------------------------------


class Refused(BillableError):
    """The answer is no."""

    code = "refused"


class QuotaExceeded(Refused):
    """Not enough {feature}: {requested} asked for, {balance} left.

    ``reason`` is the code that ``check_quota`` would have answered (``no_grant``, ``exhausted``,
    ``expired``, ``cap_reached``, …). With ``cap_reached`` more units are left than a cap lets out now: ``cap`` then
    has the cap's ``feature``, ``quantity``, ``used``, ``period`` and ``resets_at`` (null: never), else it is None.
    """

    code = "quota_exceeded"
    feature: str
    requested: int
    balance: int
    reason: str
    cap: dict[str, Any] | None = None

    @property
    def message(self) -> str:
        """One sentence for a person, which names the cap if it is one that is in the way."""
        if self.cap is None:
            return super().message
        most = "At most {quantity} {feature} in {period}, of which {used} are used".format(**self.cap)
        return f"{most}: {self.requested} {self.feature} asked for, {self.balance} possible now."


class RevocationTooLarge(Refused):
    """Cannot revoke {requested} units: the grant has {remaining} left."""

    code = "revocation_too_large"
    grant: str
    requested: int
    remaining: int


class PromotionRefused(Refused):
    """The promotion code {promotion!r} does not apply: {reason}.

    ``reason`` is ``inactive``, ``not_started``, ``expired``, ``exhausted``, ``used_up_by_customer``,
    ``first_order_only``, ``other_product``, ``other_currency`` or ``takes_nothing_off``.
    """

    code = "promotion_refused"
    promotion: str
    reason: str


class SelfReferral(Refused):
    """Nobody can refer themselves."""

    code = "self_referral"
    customer: str


class ReferralCycle(Refused):
    """The referrer was brought by the referee, directly or through others."""

    code = "referral_cycle"
    referrer: str
    referee: str


class InsideTransaction(Refused):
    """This does not run inside a transaction: others must see what it does while it goes on."""

    code = "inside_transaction"


class NotSandbox(Refused):
    """The customer {customer} is a real one, not one of the sandbox."""

    code = "not_sandbox"
    customer: str


class SandboxMixed(Refused):
    """Of the customers {first} and {second} one is of the sandbox and the other is real."""

    code = "sandbox_mixed"
    first: str
    second: str


# --- Conflict -----------------------------------------------------------------------------------


class Conflict(BillableError):
    """This contradicts what already happened."""

    code = "conflict"


class IdempotencyConflict(Conflict):
    """The idempotency key was used before with other input: {fields}."""

    code = "idempotency_conflict"
    idempotency_key: str
    fields: list[str]


class PaymentConflict(Conflict):
    """The payment {payment_id!r} belongs to another order."""

    code = "payment_conflict"
    payment_id: str
    payment_method: str


class PaymentUnapplied(Conflict):
    """The payment {payment_id!r} of {amount} was kept but not applied, {due} being due: {reason}."""

    code = "payment_unapplied"
    payment_id: str
    reason: str
    amount: str
    due: str


class WrongOrderState(Conflict):
    """The order is {status}; it cannot be {verb}."""

    code = "wrong_order_state"
    order: str
    status: str
    verb: str


class WrongSubscriptionState(Conflict):
    """The subscription is {subscription_status}; it cannot be {verb}."""

    code = "wrong_subscription_state"
    subscription: str
    subscription_status: str
    verb: str


class PauseRefused(Conflict):
    """The subscription cannot be paused then: {problem}."""

    code = "pause_refused"
    subscription: str
    problem: str


class WrongPaymentState(Conflict):
    """The payment is {payment_status}; it cannot be {verb}."""

    code = "wrong_payment_state"
    payment: str
    payment_status: str
    verb: str


class WrongDisputeState(Conflict):
    """The dispute was {dispute_status} already; it cannot be {verb}."""

    code = "wrong_dispute_state"
    dispute: str
    dispute_status: str
    verb: str


class DisputeOpen(Conflict):
    """The dispute {dispute_id!r} about this money is not decided yet."""

    code = "dispute_open"
    dispute: str
    dispute_id: str


class NothingToRefund(Conflict):
    """There is nothing to refund: nothing that was asked for is left.

    Everything went back already, or was used as the policy counts it.
    """

    code = "nothing_to_refund"
    order: str = ""
    exchange: str = ""


class RefundTooLarge(Conflict):
    """Cannot refund {requested}: {refundable} can go back."""

    code = "refund_too_large"
    order: str
    requested: str
    refundable: str


class HoldsLive(Conflict):
    """Units that would be taken back are held for work in progress: {holds}."""

    code = "holds_live"
    holds: list[str]
    order: str = ""
    exchange: str = ""


class HoldClosed(Conflict):
    """A hold that is {hold_status} cannot be {verb}."""

    code = "hold_closed"
    hold: str
    hold_status: str
    verb: str


class CaptureTooLarge(Conflict):
    """{requested} units cannot be captured: {held} are still held."""

    code = "capture_too_large"
    hold: str
    requested: int
    held: int


class TrialAlreadyUsed(Conflict):
    """The trial of {sku!r} was already used."""

    code = "trial_already_used"
    sku: str


class ReversalTooLarge(Conflict):
    """{requested} units cannot be reversed: of this usage {reversible} are left to reverse."""

    code = "reversal_too_large"
    usage: str
    requested: int
    reversible: int


class IdentityTaken(Conflict):
    """The identity {provider}:{external_id} belongs to another customer."""

    code = "identity_taken"
    provider: str
    external_id: str


class UserTaken(Conflict):
    """The user {user_id} belongs to another customer."""

    code = "user_taken"
    user_id: str


class NameTaken(Conflict):
    """The name {name!r} is taken: products and features share one namespace."""

    code = "name_taken"
    name: str


class PromotionTaken(Conflict):
    """There already is a promotion code {promotion!r}."""

    code = "promotion_taken"
    promotion: str


class AlreadyReferred(Conflict):
    """The customer {referee} was referred before, by somebody else or under another programme."""

    code = "already_referred"
    referee: str
    referral: str


class BonusNotDue(Conflict):
    """The bonus of the referral {referral} is not due: {reason}.

    ``reason`` is ``not_earned``, ``on_hold`` (until ``due_at``), ``disputed``, ``taken_back``, or ``one_person``:
    referrer and referee turned out to be the same customer.
    """

    code = "bonus_not_due"
    referral: str
    reason: str
    due_at: str | None


class ProgrammeTaken(Conflict):
    """There is a referral programme {programme!r} already."""

    code = "programme_taken"
    programme: str


class FeatureInUse(Conflict):
    """The type of the feature {feature!r} cannot change: products, grants or other rows name it."""

    code = "feature_in_use"
    feature: str


class MergeRefused(Conflict):
    """The customer {absorbed} cannot be merged into {survivor}: {reason}.

    ``reason`` is ``oneself``, ``already_merged``, ``ring``, ``live_holds`` or ``anonymized``.
    """

    code = "merge_refused"
    survivor: str
    absorbed: str
    reason: str


class UnmergeRefused(Conflict):
    """The merge of the customer {customer} cannot be undone: {reason}.

    ``reason`` is ``not_merged``, ``merged_again``, ``anonymized``, ``held``, ``refunded``, ``extended``,
    ``repaid``, ``rolled_out`` or ``granted``.
    """

    code = "unmerge_refused"
    customer: str
    reason: str


class AlreadyAnonymized(Conflict):
    """The customer {customer} was anonymized."""

    code = "already_anonymized"
    customer: str


class NothingToChange(Conflict):
    """The subscription already has this plan and as many seats."""

    code = "nothing_to_change"
    subscription: str


class ChangeWaiting(Conflict):
    """Another change of the subscription waits for the money of the order {order}; undo it first."""

    code = "change_waiting"
    subscription: str
    order: str


class PeriodPaidAhead(Conflict):
    """The next period is paid for already, so a change can not take effect before it begins."""

    code = "period_paid_ahead"
    subscription: str
    begins_at: str


# --- Invalid ------------------------------------------------------------------------------------


class Invalid(BillableError):
    """{field}: {problem}."""

    code = "invalid"
    field: str
    problem: str


class InvalidSubject(Invalid, TypeError):
    """{field}: {problem}.

    A subject is a saved user, a Customer or a CustomerRef. A bare number is refused because it
    could be either's id.
    """

    code = "invalid_subject"


class AmbiguousSku(Invalid):
    """{field}: {problem}.

    A SKU may stand for a feature only when the product has exactly one.
    """

    code = "ambiguous_sku"


class WrongFeatureType(Invalid):
    """{field}: {problem}.

    A metered feature is consumed in units, a static one has a value that is read.
    """

    code = "wrong_feature_type"


class NotForSale(Invalid):
    """{field}: {problem}.

    The product is inactive, is a trial, or has no price in the currency, or in units.
    """

    code = "not_for_sale"


class CurrencyMismatch(Invalid):
    """{field}: {problem}."""

    code = "currency_mismatch"


class UnpaidUnits(Invalid):
    """{field}: {problem}.

    A change of plan that charges nothing may not give units, or a period, over and over.
    """

    code = "unpaid_units"


class FingerprintMissing(Invalid):
    """{field}: {problem}.

    A trial needs at least one identity besides the customer, or anybody could start it again.
    """

    code = "fingerprint_missing"


# --- Misconfigured, Retryable -------------------------------------------------------------------


class Misconfigured(BillableError):
    """{setting}: {problem}."""

    code = "misconfigured"
    setting: str
    problem: str


class Retryable(BillableError):
    """The database asked for another try; nothing was written.

    Raised inside a caller's transaction, or after the engine's own tries ran out: deadlock,
    serialization failure, lock timeout, busy database.
    """

    code = "retryable"
