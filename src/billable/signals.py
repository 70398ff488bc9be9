"""Every event of the engine: a Django signal each, sent after the commit.

Receivers run once the change is durable, and a receiver that raises stops neither the others nor the caller:
its error is logged under ``django.dispatch``. The sender is the class of the row that the event is about.
The name of an event is its signal's with a dot: ``order_paid`` is ``order.paid``.
"""

from __future__ import annotations

from functools import partial

from django.db import models, transaction
from django.dispatch import Signal

customer_created = Signal()
"""A customer came to be. Payload: ``customer``."""

customer_merged = Signal()
"""A customer was absorbed by another. Payload: ``merge``."""

customer_unmerged = Signal()
"""A merge was undone. Payload: ``merge``."""

customer_anonymized = Signal()
"""The personal data of a customer was erased. Payload: ``customer``."""

debt_incurred = Signal()
"""A usage took units that were not there. Payload: ``debt``."""

debt_settled = Signal()
"""Nothing is owed of a usage any more: it was repaid or reversed. Payload: ``debt``."""

identity_linked = Signal()
"""An identity was linked to a customer. Payload: ``identity``."""

order_created = Signal()
"""An order was placed. Payload: ``order``."""

order_paid = Signal()
"""An order was paid in full and its grants were made. Payload: ``order``."""

order_cancelled = Signal()
"""A pending order was cancelled. Payload: ``order``."""

order_expired = Signal()
"""A pending order was not paid in time. Payload: ``order``."""

order_refunded = Signal()
"""Money of a paid order went back, whole or in part, and units with it. Payload: ``refund``."""

promotion_used = Signal()
"""An order reserved a use of a promotion code. Payload: ``use``."""

promotion_released = Signal()
"""A use of a promotion code was given back: its order was cancelled, expired or refunded. Payload: ``use``."""

exchange_made = Signal()
"""Units of one feature were given for a product. Payload: ``exchange``."""

exchange_refunded = Signal()
"""Units that an exchange had cost came back. Payload: ``exchange``."""

payment_received = Signal()
"""Money arrived and counts towards its order. Payload: ``payment``."""

payment_unapplied = Signal()
"""Money arrived that its order could not take. Payload: ``payment``."""

payment_applied = Signal()
"""Unapplied money was applied to an order by hand. Payload: ``payment``."""

payment_returned = Signal()
"""Unapplied money was sent back. Payload: ``payment``."""

payment_disputed = Signal()
"""A payer wants money back through their bank; what it bought was taken back for now. Payload: ``payment``."""

dispute_won = Signal()
"""A dispute was decided for you: the customer has everything again. Payload: ``dispute``."""

dispute_lost = Signal()
"""A dispute was decided for the payer: the money is gone, and what it bought. Payload: ``dispute``."""

payment_pending = Signal()
"""A payment was announced that has not arrived yet. Payload: ``payment``."""

payment_failed = Signal()
"""A payment was reported as failed. Payload: ``payment``."""

quota_consumed = Signal()
"""Units were consumed. Payload: ``usage``."""

quota_exhausted = Signal()
"""A consume took the last unit of a feature. Payload: ``usage``."""

quota_threshold_crossed = Signal()
"""The use of a feature crossed one of its thresholds, for the first time in its period. Payload: ``notice``."""

quota_held = Signal()
"""Units were reserved. Payload: ``hold``."""

hold_extended = Signal()
"""A hold lasts longer. Payload: ``hold``."""

hold_captured = Signal()
"""What a hold was made for was used, also late; ``quota_consumed`` tells the usage. Payload: ``hold``."""

hold_released = Signal()
"""What a hold reserved was given back. Payload: ``hold``."""

hold_lapsed = Signal()
"""The time of a hold ran out, and what it reserved is free again. Payload: ``hold``."""

usage_reversed = Signal()
"""Consumed units were put back. Payload: ``adjustment``."""

grant_created = Signal()
"""A grant was made. Payload: ``grant``."""

grant_expired = Signal()
"""A grant's time ran out. Payload: ``grant``."""

grant_expiring = Signal()
"""What is left of a grant will expire in ``BILLABLE_EXPIRING_DAYS``; sent by the upkeep. Payload: ``notice``."""

grant_revoked = Signal()
"""A grant was revoked, whole or in part. Payload: ``grant``."""

allowance_reset = Signal()
"""A new period of an allowance was written down; ``grant_created`` comes first. Payload: ``grant``."""

allowance_revoked = Signal()
"""An allowance was revoked: nothing of it comes any more. Payload: ``allowance``."""

trial_started = Signal()
"""A trial was started. Payload: ``trial``."""

subscription_started = Signal()
"""A subscription began: its first period was paid, or its trial was started. Payload: ``subscription``."""

renewal_created = Signal()
"""The order for the next period of a subscription was made: somebody has to pay it. Payload: ``order``."""

subscription_renewed = Signal()
"""The next period of a subscription was paid, also when it had ended meanwhile. Payload: ``subscription``."""

subscription_past_due = Signal()
"""A period ended and the next one is not paid; access goes on for the grace. Payload: ``subscription``."""

subscription_cancelled = Signal()
"""A subscription will not renew, or ended by being cancelled at once. Payload: ``subscription``."""

subscription_cancel_undone = Signal()
"""A subscription that was cancelled will renew after all. Payload: ``subscription``."""

subscription_paused = Signal()
"""A pause began, or will begin at the end of the period. Payload: ``subscription``."""

subscription_resumed = Signal()
"""A pause or the dispute of a subscription is over. Payload: ``subscription``."""

subscription_suspended = Signal()
"""The payment of the running period is disputed. Payload: ``subscription``."""

subscription_moved = Signal()
"""The end of access or the billing date was moved by hand. Payload: ``subscription``."""

subscription_changed = Signal()
"""The plan or the seats of a subscription changed in the middle of its period. Payload: ``change``."""

subscription_change_scheduled = Signal()
"""The plan or the seats of a subscription will change at the end of its period. Payload: ``change``."""

subscription_change_undone = Signal()
"""A change that was scheduled, or waited for its money, will not be. Payload: ``change``."""

subscription_ended = Signal()
"""A subscription is over: cancelled, unpaid or refunded. Payload: ``subscription``."""

referral_created = Signal()
"""A customer was referred by another. Payload: ``referral``."""

referral_qualified = Signal()
"""A referral earned its reward, which may have to wait. Payload: ``referral``."""

referral_rewarded = Signal()
"""The reward of a referral was given; ``capped`` ones to the referee alone. Payload: ``referral``."""

referral_taken_back = Signal()
"""The reward of a referral was taken back, or will not be given: the money went back. Payload: ``referral``."""

invoice_issued = Signal()
"""A receipt or credit note was numbered and written down. Payload: ``invoice``."""

EVENTS: dict[str, Signal] = {
    name.replace("_", ".", 1): signal for name, signal in list(globals().items()) if isinstance(signal, Signal)
}
"""Every event's dotted name → its signal."""


def emit(event: str, **payload: models.Model) -> None:
    """Send the event's signal once the transaction commits. The payload has exactly one row."""
    (row,) = payload.values()
    send = partial(EVENTS[event].send_robust, sender=type(row), **payload)
    transaction.on_commit(send, using=row._state.db, robust=True)
