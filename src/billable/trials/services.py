"""Verbs of the trials room. A trial is claimed first and granted second: the claim is what cannot be had twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from billable import clock, inputs
from billable.actor import current_actor
from billable.catalog.models import Product
from billable.catalog.services import get_product
from billable.conf import MIN_FINGERPRINT_KEY_LENGTH, knobs
from billable.customers.models import Customer, Identity
from billable.customers.services import find_customer, now_for
from billable.customers.subjects import Subject, Who, family, lock_customer, of_family, who
from billable.db.units import unit_of_work, write_alias
from billable.errors import (
    CurrencyMismatch,
    FingerprintMissing,
    Invalid,
    Misconfigured,
    NotForSale,
    ProductNotFound,
    TrialAlreadyUsed,
)
from billable.quota.catch_up import catch_up
from billable.quota.given import by_line, made_by
from billable.quota.grant import GrantLine, Placement, Source, allot, lines_of
from billable.quota.kinds import CauseType, GrantSource
from billable.quota.ledger import Cause
from billable.quota.models import Grant
from billable.signals import emit
from billable.subscriptions.holdings import placement
from billable.subscriptions.periods import begin_trial
from billable.trials import fingerprints
from billable.trials.models import Trial, TrialFingerprint

MAX_IDENTITIES = 20


@dataclass(frozen=True, kw_only=True)
class TrialEligibility:
    """Whether a trial could be started; true when it could.

    ``code`` is ``eligible``, ``trial_already_used``, ``fingerprint_missing``, ``product_not_found``, ``not_for_sale``.
    """

    eligible: bool
    code: str

    def __bool__(self) -> bool:
        return self.eligible


@unit_of_work
def start_trial(
    user: Subject, sku: str, *, identities: Mapping[str, str] | None = None, currency: str | None = None
) -> Trial:
    """Start the trial of a product, once per customer and per identity of its campaign.

    A product that recurs and has a trial period begins a subscription (``trial.subscription``) that is paid for when
    the trial ends, in ``currency`` or the one that an order would choose. Any other gives what it has, and no more.

    ``identities`` maps kinds (``email``, ``phone``, ``telegram``, ``device``, or any other) to values; they are stored
    as keyed hashes only. The customer itself and its linked identities always count. The same customer asking for the
    same trial again gets the first one back (``replayed``).

    Raises ProductNotFound, NotForSale (inactive or no trial), FingerprintMissing, TrialAlreadyUsed, CustomerNotFound,
    Misconfigured (no ``BILLABLE_FINGERPRINT_KEYS``), Invalid.
    """
    given = _given(identities)
    asked = None if currency is None else inputs.currency(currency)
    product = get_product(sku)
    customer = lock_customer(user)
    marks = _marks(customer, given)
    if own := _used(product, marks, customer):
        return _replay(own)
    _refuse_other_products(product)
    charged_in = None if product.is_trial else _currency(product, asked)
    trial = Trial(
        customer=customer,
        product=product,
        campaign=product.campaign,
        actor=current_actor(),
        created_at=clock.now(),
    )
    _claim(trial, marks)
    lines = lines_of(product)
    if charged_in is not None:
        now = now_for(customer)
        catch_up(customer, now)
        trial.subscription = begin_trial(customer, product, charged_in, now)
        lines = _placed(product, placement(trial.subscription))
    Trial.objects.using(write_alias()).bulk_create([trial])
    cause = Cause(CauseType.TRIAL, trial.pk)
    source = Source(kind=GrantSource.TRIAL, id=str(trial.pk), cause=cause)
    trial.grants = allot(customer, lines, source)
    emit("trial.started", trial=trial)
    return trial


def trial_eligibility(user: Subject, sku: str, *, identities: Mapping[str, str] | None = None) -> TrialEligibility:
    """Whether ``start_trial`` with the same arguments would start one now. Writes nothing.

    Raises Invalid, Misconfigured.
    """
    given = _given(identities)
    person, customer = who(user), find_customer(user)
    try:
        product = get_product(sku)
        _refuse_other_products(product)
        marks = _marks(customer, given, person)
        own = _used(product, marks, customer)
    except (ProductNotFound, NotForSale, FingerprintMissing, TrialAlreadyUsed) as refusal:
        return TrialEligibility(eligible=False, code=refusal.code)
    return TrialEligibility(eligible=own is None, code="eligible" if own is None else TrialAlreadyUsed.code)


def _refuse_other_products(product: Product) -> None:
    if not product.is_active:
        raise NotForSale(field="sku", problem=f"the product {product.sku!r} is not active")
    if not product.is_trial and product.trial_period is None:
        raise NotForSale(field="sku", problem=f"the product {product.sku!r} is no trial, and has none")
    if not product.is_trial and not product.prices.all():
        raise NotForSale(field="sku", problem=f"the product {product.sku!r} has no price")


def _currency(product: Product, asked: str | None) -> str:
    """What a subscription is charged in after its trial. Raises CurrencyMismatch, Invalid."""
    prices = {price.currency: price.amount_minor for price in product.prices.all()}
    if asked is not None and asked not in prices:
        raise CurrencyMismatch(field="currency", problem=f"{product.sku!r} has no price in {asked}")
    chosen = asked or (knobs.currency if knobs.currency in prices else None)
    if chosen is None and len(prices) > 1:
        raise Invalid(field="currency", problem=f"choose one of {', '.join(sorted(prices))}")
    return chosen or next(iter(prices))


def _placed(product: Product, window: Placement) -> list[GrantLine]:
    """What the trial of a product that recurs gives: its lines, those without a period of their own for the trial."""
    return [
        GrantLine(feature=line.feature, product=product, terms=line.terms, placement=window)
        for line in product.lines.all()
        if line.feature.is_active
    ]


def _given(identities: object) -> set[str]:
    if identities is None:
        return set()
    if not isinstance(identities, Mapping):
        raise Invalid(field="identities", problem="must be an object of kind: value")
    if len(identities) > MAX_IDENTITIES:
        raise Invalid(field="identities", problem=f"must be at most {MAX_IDENTITIES}")
    normalised = set()
    for kind, value in identities.items():
        clean_kind = inputs.name(kind, "identities")
        normalised.add(fingerprints.normalise(clean_kind, inputs.key(value, f"identities.{clean_kind}")))
    return normalised


def _marks(customer: Customer | None, given: set[str], person: Who | None = None) -> list[str]:
    """Every fingerprint that the trial would leave. Raises FingerprintMissing when there is none but the customer's."""
    known = set(given)
    if customer is not None:
        linked = Identity.objects.using(write_alias()).filter(customer=customer)
        pairs = list(linked.values_list("provider", "external_id"))
    else:
        pairs = [person.identity] if person and person.identity else []
    known.update(_linked(provider, external_id) for provider, external_id in pairs)
    if not known:
        raise FingerprintMissing(field="identities", problem="must name at least one identity besides the customer")
    if customer is not None and customer.is_sandbox:
        # Whoever tries a trial out has not had it yet.
        known = {fingerprints.tagged("sandbox", mark) for mark in known}
    if customer is not None:
        known.update(fingerprints.customer_mark(member) for member in family(customer.pk).values_list("pk", flat=True))
    return fingerprints.hashed(known, _keys())


def _linked(provider: str, external_id: str) -> str:
    kind = provider.casefold()
    try:
        return fingerprints.normalise(kind, external_id)
    except Invalid:
        # Linked before anybody asked what kind it is: it counts as it stands.
        return fingerprints.tagged(kind, external_id)


def _keys() -> list[str]:
    keys = list(knobs.fingerprint_keys)
    if not keys or any(len(key) < MIN_FINGERPRINT_KEY_LENGTH for key in keys):
        problem = f"trials need at least one secret of {MIN_FINGERPRINT_KEY_LENGTH} characters or more"
        raise Misconfigured(setting="BILLABLE_FINGERPRINT_KEYS", problem=problem)
    return keys


def _used(product: Product, marks: list[str], customer: Customer | None) -> Trial | None:
    """The customer's own trial of this product, if the marks lead to own trials alone; after a merge, of any side.

    Raises TrialAlreadyUsed otherwise.
    """
    used = TrialFingerprint.objects.using(write_alias()).filter(campaign=product.campaign, fingerprint__in=marks)
    trials = set(used.values_list("trial_id", flat=True))
    if not trials:
        return None
    found = Trial.objects.using(write_alias()).select_related("product", "subscription").filter(pk__in=trials)
    own = [] if customer is None else list(of_family(found, customer))
    same = [trial for trial in own if trial.product_id == product.pk]
    if len(own) < len(trials) or not same:
        raise TrialAlreadyUsed(sku=product.sku)
    return same[0]


def _claim(trial: Trial, marks: list[str]) -> None:
    # Sorted and in one statement: two who share some marks wait for one another in the same order, never in a ring.
    rows = [
        TrialFingerprint(campaign=trial.campaign, fingerprint=mark, trial_id=trial.pk, customer_id=trial.customer_id)
        for mark in marks
    ]
    claims = TrialFingerprint.objects.using(write_alias())
    claims.bulk_create(rows, ignore_conflicts=True)
    mine = claims.filter(trial_id=trial.pk)
    if mine.count() < len(marks):
        # The caller's transaction may go on: leave it as it was.
        mine.delete()
        raise TrialAlreadyUsed(sku=trial.product.sku)


def _replay(trial: Trial) -> Trial:
    grants = Grant.objects.using(write_alias()).select_related("feature", "product", "allowance__origin")
    trial.grants = by_line(grants.filter(made_by(GrantSource.TRIAL, str(trial.pk)), customer=trial.customer_id))
    trial.replayed = True
    return trial
