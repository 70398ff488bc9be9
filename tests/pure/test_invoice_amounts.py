"""The tax in money that goes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from billable.invoices.amounts import half_up, tax_going_back


def test_half_up() -> None:
    assert [half_up(1, part, 4) for part in range(5)] == [0, 0, 1, 1, 1]
    assert half_up(0, 0, 0) == 0


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=8), st.data())
def test_parts_add_up_to_the_tax_of_the_whole_in_any_order(parts: list[int], data: st.DataObject) -> None:
    total = sum(parts)
    tax = data.draw(st.integers(0, total))
    for order in (parts, data.draw(st.permutations(parts))):
        before = back = 0
        for part in order:
            piece = tax_going_back(tax, total, before_minor=before, amount_minor=part)
            assert 0 <= piece <= part
            before, back = before + part, back + piece
        assert back == tax
