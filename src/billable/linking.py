"""Linking: identities for users that the host knows already. Above the rooms, because it opens accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import FieldError
from django.db import router

from billable import inputs
from billable.customers.models import PROVIDER_MAX_LENGTH, Identity, UserLink
from billable.customers.services import link_identity
from billable.customers.subjects import CustomerRef, user_model
from billable.db.units import write_alias
from billable.errors import AlreadyAnonymized, CustomerNotFound, IdentityTaken, Invalid
from billable.onboarding import Admit, opens_account

BATCH = 500
MAX_BATCH = 10_000
MAX_LISTED_CONFLICTS = 100

_link = opens_account(link_identity, Admit.USERS)


@dataclass(frozen=True, kw_only=True)
class LinkConflict:
    """A user whose external id could not be linked, and why: the code of the refusal."""

    user_id: Any
    external_id: str
    code: str


@dataclass(frozen=True, kw_only=True)
class LinkReport:
    """How many users were looked at, links were made (or would be) or were there already, and conflicts were found.

    ``conflicts`` are the first 100 of ``conflict_count``.
    """

    users: int
    linked: int
    already: int
    conflict_count: int
    conflicts: tuple[LinkConflict, ...]


@dataclass
class _Tally:
    users: int = 0
    linked: int = 0
    already: int = 0
    conflict_count: int = 0
    conflicts: list[LinkConflict] = field(default_factory=list)
    promised: set[str] = field(default_factory=set)

    def refuse(self, user_id: Any, external_id: str, code: str) -> None:
        self.conflict_count += 1
        if len(self.conflicts) < MAX_LISTED_CONFLICTS:
            self.conflicts.append(LinkConflict(user_id=user_id, external_id=external_id[:200], code=code))


def link_identities(
    path: str,
    provider: str,
    *,
    dry_run: bool = False,
    batch_size: int = BATCH,
    progress: Callable[[int, int], object] | None = None,
) -> LinkReport:
    """Link the external ids that a project keeps on its users: ``path`` is a field of the user model, or leads to one.

    Each user is a transaction of its own, and what is linked is skipped: it may be stopped and started again. Users
    without a value are left out. An identity that names somebody else, and a value that can be no external id, is a
    conflict. A dry run writes nothing. ``progress`` is called after each batch with how many users were looked at, and
    how many there are. Raises Invalid.
    """
    inputs.key(provider, "provider", maximum=PROVIDER_MAX_LENGTH)
    size = inputs.whole(batch_size, "batch_size", maximum=MAX_BATCH)
    values, tally = _users(path), _Tally()
    # A path to many rows gives a user several values: whose batch it is, all of them are in it.
    users = values.values_list("pk", flat=True).distinct()
    total, last = users.count(), None
    while batch := list((users if last is None else users.filter(pk__gt=last))[:size]):
        tally.users += len(batch)
        of_batch = values.filter(pk__gte=batch[0], pk__lte=batch[-1])
        for user_id, external_id in _unlinked(list(of_batch), provider, tally):
            _link_one(user_id, provider, external_id, tally, dry_run=dry_run)
        last = batch[-1]
        if progress is not None:
            progress(tally.users, total)
    return LinkReport(
        users=tally.users,
        linked=tally.linked,
        already=tally.already,
        conflict_count=tally.conflict_count,
        conflicts=tuple(tally.conflicts),
    )


def _users(path: str) -> Any:
    """Primary key and value of every user that has one. Raises Invalid for a path that leads nowhere."""
    model = user_model()
    users = model._base_manager.using(router.db_for_read(model)).order_by("pk")
    try:
        return users.filter(**{f"{path}__isnull": False}).values_list("pk", path)
    except (FieldError, TypeError):
        raise Invalid(field="path", problem=f"leads to no field of {model._meta.label}") from None


def _unlinked(batch: list[tuple[Any, Any]], provider: str, tally: _Tally) -> Iterator[tuple[Any, str]]:
    """The users of a batch whose identity is still to be linked; the others are counted."""
    # A path to many rows may lead to one value twice.
    found = list(dict.fromkeys((user_id, str(value)) for user_id, value in batch if str(value)))
    names = [external_id for _, external_id in found if "\0" not in external_id]
    identities = Identity.objects.using(write_alias()).filter(provider=provider, external_id__in=names)
    taken = dict(identities.values_list("external_id", "customer_id"))
    links = UserLink.objects.using(write_alias()).filter(user__in=[user_id for user_id, _ in found])
    customers = dict(links.values_list("user_id", "customer_id"))
    for user_id, external_id in found:
        if external_id not in taken:
            yield user_id, external_id
        elif taken[external_id] == customers.get(user_id):
            tally.already += 1
        else:
            tally.refuse(user_id, external_id, IdentityTaken.code)


def _link_one(user_id: Any, provider: str, external_id: str, tally: _Tally, *, dry_run: bool) -> None:
    try:
        inputs.key(external_id, "external_id")
        if not dry_run:
            _link(CustomerRef(user_id=user_id), provider, external_id)
        elif external_id in tally.promised:
            raise IdentityTaken(provider=provider, external_id=external_id)
        tally.linked += 1
        tally.promised |= {external_id} if dry_run else set()
    except (Invalid, IdentityTaken, AlreadyAnonymized, CustomerNotFound) as refusal:
        # Not found: a user that was deleted since the batch was read.
        tally.refuse(user_id, external_id, refusal.code)
