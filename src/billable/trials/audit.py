"""The audits of the trials room: a trial and its fingerprints find each other, and a trial's grants are its own."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, OuterRef, Q

from billable.audits import Audit, LedgerProblem, Scope, as_text, breaking, every, named, of_family, within
from billable.quota.audit import grants_of
from billable.quota.audit_allowances import allowances_of
from billable.quota.given import made_by
from billable.quota.kinds import GrantSource
from billable.quota.models import Grant
from billable.trials.models import Trial, TrialFingerprint


def _trials(scope: Scope) -> Iterator[LedgerProblem]:
    """A trial has at least one fingerprint, of the same customer and campaign."""
    marks = every(TrialFingerprint).filter(
        trial_id=OuterRef("pk"), customer_id=OuterRef("customer_id"), campaign=OuterRef("campaign")
    )
    trials = breaking(within(every(Trial), scope), Exists(marks))
    yield from named(trials, "has no fingerprint of its customer and campaign")


def _fingerprints(scope: Scope) -> Iterator[LedgerProblem]:
    """A fingerprint has its trial, of the same customer and campaign."""
    trial = every(Trial).filter(
        pk=OuterRef("trial_id"), customer=OuterRef("customer_id"), campaign=OuterRef("campaign")
    )
    marks = breaking(within(every(TrialFingerprint), scope, "customer_id"), Exists(trial))
    yield from named(marks, "has no trial of its customer and campaign")


def _grants(scope: Scope) -> Iterator[LedgerProblem]:
    """A grant that a trial made is of the trial's customer and product."""
    made = every(Grant).filter(made_by(GrantSource.TRIAL, OuterRef("name")))
    others = breaking(made.filter(of_family()), Q(product=OuterRef("product")))
    trials = within(every(Trial), scope).annotate(name=as_text("pk"))
    yield from named(trials.filter(Exists(others)), "made grants of another product")
    yield from grants_of(GrantSource.TRIAL, every(Trial).filter(product=OuterRef("grant__product")), scope)
    yield from allowances_of(GrantSource.TRIAL, every(Trial).filter(product=OuterRef("product")), scope)


AUDITS: list[Audit] = [_trials, _fingerprints, _grants]
