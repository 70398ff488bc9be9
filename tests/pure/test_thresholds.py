"""Thresholds of use, without a database."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billable.catalog.thresholds import MAX_THRESHOLDS, Threshold, read, written
from billable.errors import Invalid


def test_they_are_kept_as_they_were_written_each_once() -> None:
    assert written(["80%", "100 %", "10 left", "80%"]) == "80%, 100%, 10 left"
    assert written([]) == ""


@given(
    st.lists(
        st.one_of(
            st.integers(1, 100).map(lambda number: f"{number}%"),
            st.integers(0, 10**12).map(lambda number: f"{number} left"),
        ),
        max_size=MAX_THRESHOLDS,
        unique=True,
    )
)
def test_what_is_written_is_read_back(values: list[str]) -> None:
    text = written(values)

    assert [str(threshold) for threshold in read(text)] == values
    assert len(text) <= 200


@pytest.mark.parametrize(
    "value",
    [
        *("80%", b"80%", 80, None, {"80%"}, {"80%": 1}),
        *(["80"], ["%"], ["0%"], ["101%"], ["-1%"], ["8.5%"], [80], [None], ["\u0661%"], ["80%\n"], [" 80%"]),
        *(["left"], ["-1 left"], ["1000000000001 left"], ["9999999999999 left"], ["10  left"], ["10 LEFT"]),
        [f"{number}%" for number in range(1, 12)],
    ],
)
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        written(value)
    assert refusal.value.field == "alerts"


@given(st.integers(1, 100), st.integers(1, 10**12), st.data())
def test_a_percentage_is_reached_by_the_first_unit_that_makes_it_so(percent: int, granted: int, data: Any) -> None:
    used = data.draw(st.integers(0, granted))

    assert Threshold(percent=percent).is_reached(used, granted) == (used * 100 >= percent * granted)


def test_the_bounds() -> None:
    assert Threshold(percent=80).is_reached(80, 100)
    assert not Threshold(percent=80).is_reached(79, 100)
    assert Threshold(percent=33).is_reached(1, 3)
    assert not Threshold(percent=34).is_reached(1, 3)
    assert Threshold(percent=100).is_reached(7, 7)
    assert Threshold(left=10).is_reached(90, 100)
    assert not Threshold(left=10).is_reached(89, 100)
    assert Threshold(left=0).is_reached(100, 100)
