"""Merge: two customers turn out to be one, and how they are told apart again.

Above the rooms, because it touches the books of two customers and asks every room before it parts them. History is not
moved: receipts and entries keep their customer, and are read by family. What moves is what leads to a customer
(identities, users) and what it may still use (the units of its open grants, by the ledger).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, UUIDField, Value
from django.db.models.functions import Coalesce, NullIf

from billable import clock, inputs
from billable.actor import current_actor
from billable.audits import as_text
from billable.customers.models import Customer, Identity, Merge, UserLink
from billable.customers.services import now_for
from billable.customers.subjects import Subject, family, find_customer_id, lock_customers, who
from billable.db.units import unit_of_work, write_alias
from billable.errors import CustomerNotFound, InvalidSubject, MergeRefused, UnmergeRefused
from billable.ids import new_id
from billable.orders.models import Order, OrderItem, Payment
from billable.quota import holds, lineage, succession
from billable.quota.allowance import AllowanceQuerySet
from billable.quota.catch_up import catch_up
from billable.quota.debt_models import Debt
from billable.quota.kinds import AdjustmentKind, CauseType, GrantEnd, GrantSource, RollOutKind
from billable.quota.ledger import Cause
from billable.quota.models import Adjustment, Allowance, Grant, LedgerEntry
from billable.quota.roll_out_models import RollOut
from billable.referrals.models import Referral
from billable.refunds.models import Dispute
from billable.signals import emit


@unit_of_work
def merge_customers(survivor: Subject, absorbed: Subject, *, reason: str = "") -> Merge:
    """Let ``survivor`` absorb another customer. Whoever names either of them means the survivor from now on.

    What is left of the absorbed customer's grants is handed on with the same terms. Its orders, payments, usages and
    trials stay its own, count as the survivor's too, and its idempotency keys are still known.

    Raises CustomerNotFound, InvalidSubject, Invalid, and MergeRefused whose ``reason`` is ``oneself``,
    ``already_merged`` (the absorbed one was absorbed before), ``ring`` (it is the one that absorbed the survivor),
    ``live_holds`` (units of the absorbed one are reserved), ``anonymized``, ``sandbox`` (one of them is a sandbox
    customer, the other is not) or ``clocks`` (they are, and it is not the same time for both).
    """
    why = inputs.text(reason, "reason")
    lead, other = _lock(_named(survivor), _named(absorbed))
    if obstacle := _obstacle(lead, other):
        raise MergeRefused(survivor=str(lead.pk), absorbed=str(other.pk), reason=obstacle)
    catch_up(other, now_for(other))
    catch_up(lead, now_for(lead))
    merge = Merge(
        id=new_id(),
        customer=lead,
        absorbed=other,
        moved=_moved(other),
        reason=why,
        actor=current_actor(),
        created_at=clock.now(),
    )
    merge.save(using=write_alias(), force_insert=True)
    recurring = Allowance.objects.using(write_alias()).filter(customer=other).running(now_for(other))
    _hand_on(lead, recurring, Grant.objects.using(write_alias()).open_of(other), merge)
    _repoint(lead, other)
    emit("customer.merged", merge=merge)
    return merge


@unit_of_work
def unmerge_customers(absorbed: Merge | Subject) -> Merge:
    """Undo a merge, given as its receipt or as the absorbed customer; a second time does nothing.

    The identities and users that came with the absorbed customer name it again, and it gets back what is left of its
    units. What was used stays used, and what was written meanwhile stays with the survivor.

    Raises CustomerNotFound, and UnmergeRefused whose ``reason`` is ``not_merged``, ``merged_again`` (a later merge
    stands on top), ``anonymized``, ``held`` (units are reserved), ``refunded`` (a refund, a dispute or a reward that
    was taken back touched them), ``extended`` (a later period begins where one of them ends), ``repaid`` (a grant
    of one side repaid what the other had overdrawn), ``rolled_out`` (a roll-out added units, or a line, to what the
    absorbed customer holds), or ``granted`` (an order, dispute or referral of the absorbed customer gave something to
    the survivor, or an order of one earned the reward or paid for a subscription of the other).
    """
    merge = _merge_of(absorbed)
    side = {merge.absorbed_id, *map(UUID, merge.moved["customers"])}
    rows = {row.pk: row for row in lock_customers({merge.customer_id, *side})}
    lead, other = rows[merge.customer_id], rows[merge.absorbed_id]
    merge = Merge.objects.using(write_alias()).select_related("customer", "absorbed").get(pk=merge.pk)
    if merge.undone_at is not None:
        merge.replayed = True
        return merge
    if obstacle := _entanglement(merge, lead, other, side):
        raise UnmergeRefused(customer=str(other.pk), reason=obstacle)
    catch_up(lead, now_for(lead))
    recurring = _recurring(lead, side).running(now_for(lead))
    _hand_on(other, recurring, _heirs(lead, side).filter(closed_at__isnull=True, ended_at__isnull=True), merge)
    _point_back(merge)
    merge.undone_at, merge.undone_by = clock.now(), current_actor()
    merge.save(using=write_alias(), update_fields=["undone_at", "undone_by"])
    emit("customer.unmerged", merge=merge)
    return merge


def _named(subject: Subject) -> UUID:
    """The customer that is named, not the one that absorbed it. Raises CustomerNotFound, InvalidSubject."""
    person = who(subject)
    if person.is_anonymous:
        raise InvalidSubject(field="user", problem="is not a saved user")
    if person.customer_id is not None and person.references == 1:
        return person.customer_id
    customer_id = find_customer_id(person)
    if customer_id is None:
        raise CustomerNotFound(customer=str(person))
    return customer_id


def _lock(survivor_id: UUID, absorbed_id: UUID) -> tuple[Customer, Customer]:
    """Lock the customer that survives and the absorbed one with all that it had absorbed. Raises CustomerNotFound.

    Whoever was absorbed or parted while we waited is followed. The locks that were taken for nothing are given back
    first, by a savepoint: kept, they would not be in ascending order with the next.
    """
    alias = write_alias()
    while True:
        head_id = _head(survivor_id)
        if head_id == absorbed_id:
            reason = "oneself" if survivor_id == absorbed_id else "ring"
            raise MergeRefused(survivor=str(survivor_id), absorbed=str(absorbed_id), reason=reason)
        wanted = {head_id, *_members(absorbed_id)}
        before = transaction.savepoint(using=alias)
        rows = {row.pk: row for row in lock_customers(wanted)}
        if absorbed_id not in rows:
            raise CustomerNotFound(customer=str(absorbed_id))
        if wanted.issuperset({_head(survivor_id), *_members(absorbed_id)}) and rows[head_id].merged_into_id is None:
            transaction.savepoint_commit(before, using=alias)
            return rows[head_id], rows[absorbed_id]
        transaction.savepoint_rollback(before, using=alias)


def _head(customer_id: UUID) -> UUID:
    rows = Customer.objects.using(write_alias()).filter(pk=customer_id)
    head: UUID | None = rows.values_list(Coalesce("merged_into_id", "id"), flat=True).first()
    if head is None:
        raise CustomerNotFound(customer=str(customer_id))
    return head


def _members(customer_id: UUID) -> set[UUID]:
    return set(family(customer_id).values_list("pk", flat=True))


def _obstacle(lead: Customer, other: Customer) -> str | None:
    """Why the one cannot absorb the other."""
    if other.merged_into_id is not None:
        return "already_merged"
    if lead.anonymized_at is not None or other.anonymized_at is not None:
        return "anonymized"
    if lead.is_sandbox != other.is_sandbox:
        return "sandbox"
    if lead.clock_offset_seconds != other.clock_offset_seconds:
        return "clocks"
    return "live_holds" if holds.live_holds([other], now_for(other)).exists() else None


def _moved(other: Customer) -> dict[str, list[str]]:
    """What names a customer now, so that it can name it again."""
    alias = write_alias()
    named = {
        "identities": Identity.objects.using(alias).filter(customer=other).order_by("pk"),
        "users": UserLink.objects.using(alias).filter(customer=other).order_by("pk"),
        "customers": Customer.objects.using(alias).filter(merged_into=other).order_by("pk"),
    }
    return {name: [str(key) for key in rows.values_list("pk", flat=True)] for name, rows in named.items()}


def _repoint(lead: Customer, other: Customer) -> None:
    """Let everything that names the absorbed customer name the survivor. One hop always."""
    alias, own = write_alias(), Value(other.pk, output_field=UUIDField())
    for model in (Identity, UserLink):
        names = model._base_manager.using(alias).filter(customer=other)
        names.update(customer=lead, merged_from=Coalesce(F("merged_from"), own))
    customers = Customer.objects.using(alias)
    customers.filter(merged_into=other).update(merged_into=lead)
    # Nothing is left in its books that could become due.
    customers.filter(pk=other.pk).update(merged_into=lead, next_change_at=None)
    if other.has_owed and not lead.has_owed:
        lead.has_owed = True
        customers.filter(pk=lead.pk).update(has_owed=True)
    other.merged_into, other.next_change_at = lead, None


def _point_back(merge: Merge) -> None:
    """Let what came with the absorbed customer name it again, as far as it still names the survivor."""
    alias, own = write_alias(), Value(merge.absorbed_id, output_field=UUIDField())
    moved: dict[str, list[str]] = merge.moved
    for model, keys in ((Identity, moved["identities"]), (UserLink, moved["users"])):
        names: QuerySet[Any] = model._base_manager.using(alias).filter(customer=merge.customer_id)
        names.filter(pk__in=keys).update(customer=merge.absorbed_id, merged_from=NullIf(F("merged_from"), own))
    customers = Customer.objects.using(alias).filter(merged_into=merge.customer_id)
    customers.filter(pk__in=moved["customers"]).update(merged_into=merge.absorbed_id)
    customers.filter(pk=merge.absorbed_id).update(merged_into=None)
    merge.absorbed.merged_into = None


def _hand_on(receiver: Customer, allowances: QuerySet[Allowance], grants: QuerySet[Grant], merge: Merge) -> None:
    cause, now = Cause(CauseType.MERGE, merge.pk), now_for(receiver)
    handed = list(grants.select_related("feature", "product").order_by("pk"))
    succession.hand_on(receiver, list(allowances.order_by("pk")), cause, at=now)
    if handed:
        lineage.hand_on(receiver, handed, cause, at=now)


def _merge_of(absorbed: Merge | Subject) -> Merge:
    """The merge that is meant: the last that absorbed this customer. Raises CustomerNotFound, UnmergeRefused."""
    if isinstance(absorbed, Merge):
        return absorbed
    customer_id = _named(absorbed)
    _head(customer_id)
    merge = Merge.objects.using(write_alias()).filter(absorbed=customer_id).order_by("-pk").first()
    if merge is None:
        raise UnmergeRefused(customer=str(customer_id), reason="not_merged")
    return merge


def _heirs(lead: Customer, side: Iterable[UUID]) -> QuerySet[Grant]:
    """The survivor's grants that carry on units of the absorbed side, or that an allowance of it gave since."""
    own = Q(allowance__isnull=True, origin__customer__in=side)
    recurring = Q(allowance__isnull=False, allowance__customer=lead, allowance__origin__customer__in=side)
    return Grant.objects.using(write_alias()).filter(own | recurring, customer=lead)


def _recurring(lead: Customer, side: Iterable[UUID]) -> AllowanceQuerySet:
    """The survivor's allowances that carry on those of the absorbed side."""
    return Allowance.objects.using(write_alias()).filter(customer=lead, origin__customer__in=side)


def _entanglement(merge: Merge, lead: Customer, other: Customer, side: set[UUID]) -> str | None:
    """Why the two cannot be parted: what was done since that belongs to both."""
    if other.merged_into_id != merge.customer_id:
        return "merged_again"
    if lead.anonymized_at is not None:
        return "anonymized"
    heirs = _heirs(lead, side)
    if holds.live_holds([lead], now_for(lead)).filter(legs__grant__in=heirs).exists():
        return "held"
    taking = [cause.value for cause in (CauseType.REFUND, CauseType.DISPUTE, CauseType.EXCHANGE, CauseType.REFERRAL)]
    if LedgerEntry.objects.using(write_alias()).filter(grant__in=heirs, cause_type__in=taking, amount__lte=0).exists():
        return "refunded"
    over = Q(ended_as__in=[GrantEnd.REFUNDED.value, GrantEnd.DISPUTED.value]) | ~Q(reduced=F("origin__reduced"))
    if _recurring(lead, side).filter(over).exists():
        return "refunded"
    if _is_extended(merge, heirs):
        return "extended"
    if _repaid_for_each_other(side, lead):
        return "repaid"
    if _was_rolled_out(merge, lead, side):
        return "rolled_out"
    shared = _paid_for_each_other(side) or _earned_for_each_other(side) or _subscribed_for_each_other(side)
    return "granted" if shared or _gave(lead, side) else None


def _is_extended(merge: Merge, heirs: QuerySet[Grant]) -> bool:
    alias = write_alias()
    later = Grant.objects.using(alias).filter(
        pk__gt=merge.pk,
        customer=merge.customer_id,
        ended_at__isnull=True,
        product=OuterRef("product"),
        feature=OuterRef("feature"),
        period_count__isnull=False,
        valid_from=OuterRef("expires_at"),
    )
    # A period that an allowance gives extends nothing.
    bought = later.filter(origin__isnull=True, allowance__isnull=True)
    followed = heirs.filter(Exists(bought), ended_at__isnull=True)
    extensions = Adjustment.objects.using(alias).filter(grant__in=heirs, kind=AdjustmentKind.EXTEND.value)
    return followed.exists() or extensions.exists()


def _gave(lead: Customer, side: set[UUID]) -> bool:
    """Whether receipts of the absorbed side made grants at the survivor."""
    # What the one got for bringing the other was given while they were two, and each has its own.
    rest = _members(lead.pk) - side
    between = Q(customer__in=side, referrer__in=rest) | Q(customer__in=rest, referrer__in=side)
    givers: dict[GrantSource, tuple[type[Any], Q]] = {
        GrantSource.ORDER: (Order, Q(customer__in=side)),
        GrantSource.DISPUTE: (Dispute, Q(customer__in=side)),
        GrantSource.REFERRAL: (Referral, (Q(customer__in=side) | Q(referrer__in=side)) & ~between),
    }
    alias = write_alias()
    for source, (model, theirs) in givers.items():
        receipts = model.objects.using(alias).annotate(name=as_text("pk")).filter(theirs)
        gave = Q(Exists(receipts.filter(name=OuterRef("source_id"))), customer=lead, source=source.value)
        if any(given.objects.using(alias).filter(gave).exists() for given in (Grant, Allowance)):
            return True
    return False


def _paid_for_each_other(side: set[UUID]) -> bool:
    """Whether money of one side pays an order of the other."""
    payments = Payment.objects.using(write_alias()).filter(applied_to__isnull=False)
    theirs, for_them = Q(customer__in=side), Q(applied_to__customer__in=side)
    return payments.filter(theirs & ~for_them | ~theirs & for_them).exists()


def _repaid_for_each_other(side: set[UUID], lead: Customer) -> bool:
    """Whether a grant of one side repaid what the other had overdrawn."""
    owed = Exists(Debt.objects.using(write_alias()).filter(pk=OuterRef("cause_id"), customer__in=side))
    # A period of the absorbed side that began since has its grant at the survivor.
    repays = Q(customer__in=side) | Q(grant__allowance__isnull=False, grant__allowance__origin__customer__in=side)
    entries = LedgerEntry.objects.using(write_alias()).filter(cause_type=CauseType.DEBT.value)
    return entries.filter(Q(owed, ~repays) | Q(~owed, repays), customer__in=_members(lead.pk)).exists()


def _was_rolled_out(merge: Merge, lead: Customer, side: set[UUID]) -> bool:
    """Whether a roll-out since gave units or a line to what the absorbed side holds: parted, it would get them anew."""
    alias, rest = write_alias(), _members(lead.pk) - side
    since = RollOut.objects.using(alias).filter(pk__gt=merge.pk, customer=lead)
    theirs = Q(grant__customer__in=side) | Q(
        grant__allowance__isnull=False, grant__allowance__origin__customer__in=side
    )
    if since.filter(theirs, kind=RollOutKind.UNITS.value).exists():
        return True
    held: dict[str, Any] = {
        "source": OuterRef("holding_source"),
        "source_id": OuterRef("holding_id"),
        "product": OuterRef("product"),
    }
    new = since.filter(kind=RollOutKind.LINE.value)
    for people, is_given in ((side, True), (rest, False)):
        given = Q()
        for model in (Grant, Allowance):
            given |= Q(Exists(model._base_manager.using(alias).filter(**held, customer__in=people)))
        new = new.filter(given if is_given else ~given)
    return new.exists()


def _subscribed_for_each_other(side: set[UUID]) -> bool:
    """Whether an order of one side paid for a subscription of the other."""
    items = OrderItem.objects.using(write_alias()).filter(subscription__isnull=False)
    by_them, theirs = Q(customer__in=side), Q(subscription__customer__in=side)
    return items.filter(by_them & ~theirs).exists() or items.filter(theirs & ~by_them).exists()


def _earned_for_each_other(side: set[UUID]) -> bool:
    """Whether an order of one side earned the reward of a referral of the other."""
    orders = Order.objects.using(write_alias()).order_by().filter(customer__in=side).values("pk")
    earned = Referral.objects.using(write_alias()).filter(order_id__isnull=False)
    theirs, by_them = Q(customer__in=side), Q(order_id__in=orders)
    return earned.filter(by_them & ~theirs).exists() or earned.filter(theirs & ~by_them).exists()
