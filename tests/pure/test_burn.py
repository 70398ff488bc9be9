"""Which grants pay: never more than there is, exactly what it costs, always in one order."""

from __future__ import annotations

import itertools
import math
import random
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billable.quota import burn
from tests.pure.proof import proof

NOON = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
OWN = burn.Rate(position=0, payer="own", per=1, units=1)

instants = st.integers(0, 3).map(lambda days: NOON + timedelta(days=days))
rates = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), max_size=3).map(
    lambda costs: [
        OWN,
        *(
            burn.Rate(position=place, payer=f"payer {place}", per=per, units=units)
            for place, (per, units) in enumerate(costs, start=1)
        ),
    ]
)


@st.composite
def purses(draw: st.DrawFn, *, unlimited: bool = True) -> list[burn.Open]:
    """Some usable grants of one feature and of what it can be paid from."""
    known = draw(rates)
    grants = st.builds(
        burn.Open,
        id=st.integers(0, 10**6).map(lambda number: UUID(int=number)),
        rate=st.sampled_from(known),
        remaining=st.integers(0, 20) | st.none(),
        priority=st.integers(0, 2),
        valid_from=instants,
        expires_at=st.none() | instants.map(lambda start: start + timedelta(days=9)),
        room=st.none() | st.integers(0, 20),
    )
    if not unlimited:
        grants = grants.filter(lambda grant: grant.available is not None)
    return draw(st.lists(grants, max_size=7, unique_by=lambda grant: grant.id))


quantities = st.integers(1, 60)


def drawn(shares: tuple[burn.Share, ...]) -> list[tuple[burn.Rate, burn.Draw]]:
    return [(share.rate, draw) for share in shares for draw in share.draws]


@proof
@given(purses(), quantities)
def test_a_plan_takes_from_no_grant_more_than_it_has(purse: list[burn.Open], quantity: int) -> None:
    grants = {grant.id: grant for grant in purse}
    taken = [draw for _, draw in drawn(burn.plan(purse, quantity) or ())]
    assert len({draw.grant_id for draw in taken}) == len(taken)
    for draw in taken:
        grant = grants[draw.grant_id]
        assert draw.units > 0
        assert grant.remaining is None or draw.units <= grant.remaining
        assert grant.room is None or draw.units <= grant.room


@proof
@given(purses(), quantities)
def test_the_shares_of_a_plan_cover_the_quantity_and_their_draws_add_up_to_the_cost(
    purse: list[burn.Open], quantity: int
) -> None:
    shares = burn.plan(purse, quantity)
    if shares is None:
        return
    grants = {grant.id: grant for grant in purse}
    assert sum(share.quantity for share in shares) == quantity
    for share in shares:
        assert share.quantity > 0
        assert {grants[draw.grant_id].rate for draw in share.draws} == {share.rate}
        cost = math.ceil(Fraction(share.quantity * share.rate.units, share.rate.per))
        assert sum(draw.units for draw in share.draws) == cost == share.rate.cost(share.quantity)


@proof
@given(purses(), quantities)
def test_there_is_a_plan_exactly_when_the_balance_allows_it(purse: list[burn.Open], quantity: int) -> None:
    balance = burn.balance(purse)
    assert (burn.plan(purse, quantity) is not None) is (balance is None or quantity <= balance)


@proof
@given(purses(unlimited=False))
def test_the_balance_is_the_largest_quantity_that_has_a_plan(purse: list[burn.Open]) -> None:
    balance = burn.balance(purse)
    assert balance is not None
    assert balance == 0 or burn.plan(purse, balance) is not None
    assert burn.plan(purse, balance + 1) is None


@proof
@given(purses(unlimited=False))
def test_the_balance_is_own_units_plus_what_each_payer_affords_as_a_whole(purse: list[burn.Open]) -> None:
    total = 0
    for rate in {grant.rate for grant in purse}:
        usable = sum(grant.available or 0 for grant in purse if grant.rate == rate)
        total += math.floor(Fraction(usable * rate.per, rate.units))
    assert burn.balance(purse) == total


@proof
@given(purses(), st.randoms(use_true_random=False))
def test_the_burn_order_is_total_it_does_not_depend_on_how_the_grants_came(
    purse: list[burn.Open], chance: random.Random
) -> None:
    shuffled = list(purse)
    chance.shuffle(shuffled)
    assert burn.in_burn_order(shuffled) == burn.in_burn_order(purse)


@proof
@given(purses())
def test_the_burn_order_is_unlimited_then_cost_position_priority_expiry_start_and_id(purse: list[burn.Open]) -> None:
    for first, second in itertools.pairwise(burn.in_burn_order(purse)):
        assert first.available is None or second.available is not None
        if (first.available is None) is not (second.available is None):
            continue
        assert first.rate.position <= second.rate.position
        if first.rate.position != second.rate.position:
            continue
        # Of one payer: what is unlimited but for its cap comes before what has a quantity.
        assert first.remaining is None or second.remaining is not None
        if (first.remaining is None) is not (second.remaining is None):
            continue
        assert first.priority <= second.priority
        if first.priority != second.priority:
            continue
        if first.expires_at != second.expires_at:
            assert first.expires_at is not None
            assert second.expires_at is None or first.expires_at < second.expires_at
            continue
        assert (first.valid_from, first.id) < (second.valid_from, second.id)


@proof
@given(purses(), quantities)
def test_a_plan_empties_one_grant_before_it_touches_the_next_of_its_kind(purse: list[burn.Open], quantity: int) -> None:
    grants = {grant.id: grant for grant in purse}
    for share in burn.plan(purse, quantity) or ():
        line = [grant for grant in burn.in_burn_order(purse) if grant.rate == share.rate and grant.available != 0]
        assert [draw.grant_id for draw in share.draws] == [grant.id for grant in line[: len(share.draws)]]
        assert all(draw.units == grants[draw.grant_id].available for draw in share.draws[:-1])


@proof
@given(purses(), quantities)
def test_anything_unlimited_pays_alone(purse: list[burn.Open], quantity: int) -> None:
    unlimited = [grant for grant in burn.in_burn_order(purse) if grant.available is None]
    if unlimited:
        shares = burn.plan(purse, quantity)
        assert shares is not None
        assert [draw.grant_id for _, draw in drawn(shares)] == [unlimited[0].id]


@proof
@given(purses(unlimited=False), quantities)
def test_a_later_payer_is_asked_only_for_what_earlier_ones_cannot_pay(purse: list[burn.Open], quantity: int) -> None:
    shares = burn.plan(purse, quantity) or ()
    assert [share.rate.position for share in shares] == sorted({share.rate.position for share in shares})
    for share in shares[:-1]:
        available = sum(grant.available or 0 for grant in purse if grant.rate == share.rate)
        assert share.quantity == share.rate.affords(available)


@proof
@given(purses(), quantities)
def test_what_a_plan_cannot_cover_is_what_is_not_there(purse: list[burn.Open], quantity: int) -> None:
    shares, missing = burn.cover(purse, quantity)
    balance = burn.balance(purse)
    assert missing == (0 if balance is None else max(0, quantity - balance))
    assert sum(share.quantity for share in shares) == quantity - missing
    assert burn.plan(purse, quantity) == (None if missing else shares)


def test_draws_of_several_grants_need_not_divide() -> None:
    """One unit costs three credits; they lie in three grants, one in each."""
    rate = burn.Rate(position=1, payer="credits", per=1, units=3)
    purse = [
        burn.Open(id=UUID(int=number), rate=rate, remaining=1, priority=1, valid_from=NOON, expires_at=None)
        for number in range(3)
    ]
    assert burn.balance(purse) == 1
    assert burn.plan(purse, 1) == (burn.Share(rate, 1, tuple(burn.Draw(UUID(int=number), 1) for number in range(3))),)


def test_one_unit_is_never_split_over_two_kinds_of_payment() -> None:
    """A credit and a coin are half of a unit each, and no unit together."""
    halves = [burn.Rate(position=place, payer=payer, per=1, units=2) for place, payer in ((1, "credits"), (2, "coins"))]
    purse = [
        burn.Open(id=UUID(int=place), rate=rate, remaining=1, priority=1, valid_from=NOON, expires_at=None)
        for place, rate in enumerate(halves)
    ]
    assert burn.balance(purse) == 0
    assert burn.plan(purse, 1) is None


# --- putting back ---------------------------------------------------------------------------------


def as_drawn(shares: tuple[burn.Share, ...]) -> list[burn.Drawn]:
    return [burn.Drawn(draw.grant_id, rate.payer, draw.units) for rate, draw in drawn(shares)]


def as_rates(shares: tuple[burn.Share, ...]) -> list[tuple[burn.Rate, int]]:
    return [(share.rate, share.quantity) for share in shares]


def without(out: list[burn.Drawn], returned: tuple[burn.Draw, ...]) -> list[burn.Drawn]:
    back = {draw.grant_id: draw.units for draw in returned}
    assert len(back) == len(returned)
    return [burn.Drawn(leg.grant_id, leg.payer, leg.units - back.get(leg.grant_id, 0)) for leg in out]


@proof
@given(purses(), quantities)
def test_putting_everything_back_undoes_the_plan(purse: list[burn.Open], quantity: int) -> None:
    shares = burn.plan(purse, quantity) or ()
    returned = burn.put_back(as_rates(shares), as_drawn(shares), kept=0)
    assert {draw.grant_id: draw.units for draw in returned} == {draw.grant_id: draw.units for _, draw in drawn(shares)}


@proof
@given(purses(), quantities)
def test_keeping_everything_puts_nothing_back(purse: list[burn.Open], quantity: int) -> None:
    shares = burn.plan(purse, quantity) or ()
    assert burn.put_back(as_rates(shares), as_drawn(shares), kept=quantity) == ()


@proof
@given(purses(), quantities, st.lists(st.integers(1, 20), max_size=6))
def test_whatever_is_put_back_in_parts_leaves_what_the_kept_units_cost(
    purse: list[burn.Open], quantity: int, parts: list[int]
) -> None:
    shares = burn.plan(purse, quantity) or ()
    out, kept = as_drawn(shares), quantity
    for part in [*parts, quantity]:
        kept = max(0, kept - part)
        out = without(out, burn.put_back(as_rates(shares), out, kept=kept))
        assert all(leg.units >= 0 for leg in out)
        left = kept
        for share in shares:
            keep = min(left, share.quantity)
            left -= keep
            assert sum(leg.units for leg in out if leg.payer == share.rate.payer) == share.rate.cost(keep)
    assert all(leg.units == 0 for leg in out)


@proof
@given(purses(unlimited=False), quantities, st.integers(0, 60))
def test_what_was_drawn_last_goes_back_first(purse: list[burn.Open], quantity: int, kept: int) -> None:
    shares = burn.plan(purse, quantity) or ()
    out = as_drawn(shares)
    left = without(out, burn.put_back(as_rates(shares), out, kept=min(kept, quantity)))
    for share in shares:
        before = [leg for leg in out if leg.payer == share.rate.payer]
        after = [leg for leg in left if leg.payer == share.rate.payer]
        touched = [place for place, leg in enumerate(before) if after[place] != leg]
        assert touched == list(range(len(before)))[len(before) - len(touched) :]
        assert all(after[place].units == 0 for place in touched[1:])
