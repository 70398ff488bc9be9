"""Fingerprints: spellings of one identity are one, two identities are two, and keys can be changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billable.errors import Invalid
from billable.trials.fingerprints import NORMALISERS, hashed, normalise
from tests.pure.proof import proof

SAME = [
    ("email", "ann@example.com", ["Ann@Example.COM", " ann@example.com ", "ann+shop@example.com", "ann@example.com."]),
    ("email", "ann.lee@gmail.com", ["annlee@gmail.com", "a.n.n.l.e.e@googlemail.com", "Ann.Lee+x@GMAIL.com"]),
    (
        "email",
        "ann@münchen.example",
        ["ANN@MÜNCHEN.example", "ann@xn--mnchen-3ya.example", "ann@mu\u0308nchen.example"],
    ),
    ("email", "ann@example.com", ["\uff41\uff4e\uff4e@example.com", "ann\uff20example.com"]),
    (
        "phone",
        "+49 170 1234567",
        ["0049 170 1234567", "+49 (170) 123-45-67", "49.170.1234567", "+\uff14\uff19 170 1234567"],
    ),
    ("telegram", "@Ann_Lee", ["ann_lee", "ANN_LEE", " @ann_lee "]),
    (
        "device",
        "{6F9619FF-8B86-D011-B42D-00C04FC964FF}",
        ["6f9619ff8b86d011b42d00c04fc964ff", "6F:96:19:FF:8B86D011B42D00C04FC964FF"],
    ),
    ("company", "Caf\u00e9", ["Cafe\u0301", " Café "]),
]
DIFFERENT = [
    ("email", "ann.lee@example.com", "annlee@example.com"),
    ("email", "ann@example.com", "ann@example.org"),
    ("email", "ann@example.com", "anna@example.com"),
    ("phone", "+49 170 1234567", "+49 170 1234568"),
    ("telegram", "ann_lee", "annlee"),
    ("device", "a1", "a2"),
    ("company", "Acme", "ACME"),
]
BAD = [
    *(
        ("email", bad)
        for bad in [
            "ann",
            "@example.com",
            "ann@",
            "@",
            "ann@.",
            "...@gmail.com",
            "ann@a..b",
            "ann@" + "a" * 64 + ".com",
        ]
    ),
    *(("phone", bad) for bad in ["", "1234", "phone", "0" * 25, "+"]),
    *(("telegram", bad) for bad in ["", "@", "ann lee", "ann-lee", "@@ann", "a" * 65]),
    *(("device", bad) for bad in ["", "--", "{}", " "]),
]


@pytest.mark.parametrize(("kind", "one", "others"), SAME)
def test_spellings_of_one_identity_count_as_one(kind: str, one: str, others: list[str]) -> None:
    assert {normalise(kind, other) for other in others} == {normalise(kind, one)}


@pytest.mark.parametrize(("kind", "one", "other"), DIFFERENT)
def test_two_identities_stay_two(kind: str, one: str, other: str) -> None:
    assert normalise(kind, one) != normalise(kind, other)


@pytest.mark.parametrize(("kind", "bad"), BAD)
def test_what_cannot_be_an_identity_of_its_kind_is_refused_and_named(kind: str, bad: str) -> None:
    with pytest.raises(Invalid) as refusal:
        normalise(kind, bad)
    assert refusal.value.field == f"identities.{kind}"


def test_one_value_of_two_kinds_is_two_identities() -> None:
    assert normalise("telegram", "123456") != normalise("phone", "123456") != normalise("device", "123456")


@proof
@given(st.sampled_from(sorted([*NORMALISERS, "other"])), st.text(max_size=40))
def test_any_text_is_normalised_or_refused_and_normalising_again_changes_nothing(kind: str, value: str) -> None:
    try:
        once = normalise(kind, value)
    except Invalid:
        return
    assert once.startswith(f"{kind}\0")
    assert normalise(kind, once.removeprefix(f"{kind}\0")) == once


locals_ = st.text(st.sampled_from("abcXYZ019.+_-é"), min_size=1, max_size=20)
domains = st.sampled_from(["example.com", "gmail.com", "GoogleMail.com", "münchen.example", "a.b.c.example"])


@proof
@given(locals_, domains)
def test_case_and_alias_never_make_another_address(local: str, domain: str) -> None:
    try:
        plain = normalise("email", f"{local}@{domain}")
    except Invalid:
        return
    assert normalise("email", f"{local.upper()}@{domain.upper()}") == plain
    if "+" not in local:
        assert normalise("email", f"{local}+trial2@{domain}") == plain


secrets = st.text(min_size=16, max_size=24)
identities = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=5)


@proof
@given(identities, secrets, secrets)
def test_what_was_hashed_under_the_old_key_is_found_under_new_and_old(known: list[str], old: str, new: str) -> None:
    before, after = hashed(known, [old]), hashed(known, [new, old])
    assert set(before) <= set(after)
    assert len(after) == len(set(known)) * len({old, new})


@proof
@given(identities, secrets)
def test_fingerprints_are_sorted_each_once_and_tell_nothing(known: list[str], key: str) -> None:
    marks = hashed([*known, *known], [key, key])
    assert marks == sorted(set(marks))
    assert len(marks) == len(set(known))
    assert all(len(mark) == 64 and set(mark) <= set("0123456789abcdef") for mark in marks)
    assert hashed(reversed(known), [key]) == marks


@proof
@given(identities, identities, secrets)
def test_two_people_share_a_fingerprint_exactly_when_they_share_an_identity(
    ann: list[str], bob: list[str], key: str
) -> None:
    assert bool(set(hashed(ann, [key])) & set(hashed(bob, [key]))) is bool(set(ann) & set(bob))


def test_another_key_makes_other_fingerprints() -> None:
    assert not set(hashed(["email:ann@example.com"], ["k" * 16])) & set(hashed(["email:ann@example.com"], ["l" * 16]))
