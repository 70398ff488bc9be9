"""Cursors: opaque, and refused when we did not make them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billable import paging
from billable.errors import Invalid
from tests.pure.proof import proof

positions = st.integers(1, 10**18).map(str) | st.uuids().map(str)


@proof
@given(positions)
def test_a_cursor_leads_back_to_its_position_and_is_safe_in_a_url(position: str) -> None:
    cursor = paging.encode(position)
    assert paging.decode(cursor) == position
    assert cursor.isascii()
    assert cursor.replace("-", "").replace("_", "").isalnum()


@proof
@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: base64.b64encode(raw).decode()))
def test_any_text_is_a_position_or_refused(cursor: str) -> None:
    try:
        position = paging.decode(cursor)
    except Invalid:
        return
    assert position.isascii()


@proof
@given(positions, st.data())
def test_a_cursor_with_a_foreign_character_in_it_is_refused(position: str, data: st.DataObject) -> None:
    cursor = paging.encode(position)
    place = data.draw(st.integers(0, len(cursor)))
    foreign = data.draw(st.sampled_from("!*/+ \n\0é"))
    with pytest.raises(Invalid):
        paging.decode(cursor[:place] + foreign + cursor[place:])


@pytest.mark.parametrize("bad", [None, 1, b"MQ", ["MQ"], "A", "é", "====", "M" * 201, "_____", "/w=="])
def test_what_is_no_cursor_is_refused(bad: object) -> None:
    with pytest.raises(Invalid) as refusal:
        paging.decode(bad)
    assert refusal.value.field == "cursor"


@pytest.mark.parametrize("bad", [0, -1, 201, 10**30, 1.0, "50", True, None])
def test_a_page_holds_1_to_200_rows(bad: object) -> None:
    with pytest.raises(Invalid) as refusal:
        paging.page_limit(bad)
    assert refusal.value.field == "limit"
    assert (paging.page_limit(1), paging.page_limit(200)) == (1, 200)


@proof
@given(st.lists(st.integers(1, 10**6), max_size=12), st.integers(1, 10))
def test_a_page_has_its_limit_and_a_cursor_exactly_when_more_follow(rows: list[int], limit: int) -> None:
    fetched = rows[: limit + 1]
    page = paging.cut(fetched, limit, str(fetched[limit - 1]) if len(fetched) > limit else None)
    assert list(page) == rows[:limit]
    assert len(page) == min(limit, len(rows))
    assert (page.next is None) is (len(rows) <= limit)
    assert page.next is None or paging.decode(page.next) == str(rows[limit - 1])
