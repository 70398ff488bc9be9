"""The tree of refusals: as it is drawn, each with its words, its code and its data."""

from __future__ import annotations

import ast
import copy
import dataclasses
import inspect
import json
import pickle
import re
from collections.abc import Iterator

import pytest

from billable import errors
from billable.errors import BillableError

SAMPLES = {
    "str": "a {brace} and a 'quote'",
    "str | None": None,
    "int": 7,
    "list[str]": ["quantity", "sku"],
    "dict[str, Any] | None": {"quantity": 50, "feature": "exports", "period": "1 day", "used": 50, "resets_at": None},
    "bool": True,
}


def tree(root: type[BillableError]) -> Iterator[type[BillableError]]:
    yield root
    for branch in root.__subclasses__():
        yield from tree(branch)


ALL = [cls for cls in dict.fromkeys(tree(BillableError)) if cls.__module__ == errors.__name__]


def sample(cls: type[BillableError]) -> BillableError:
    return cls(**{field.name: SAMPLES[str(field.type)] for field in dataclasses.fields(cls)})


def drawn() -> set[tuple[str, str]]:
    """(family, member) pairs of the drawing at the head of the module."""
    pairs, family = set(), ""
    for line in (errors.__doc__ or "").splitlines():
        names = re.findall(r"[├└]── (\w+)", line)
        if re.match(r" {4}[├└]──", line):
            family = names[0]
            pairs.add((BillableError.__name__, family))
        elif names:
            pairs |= {(family, name) for name in names}
    return pairs


def test_the_drawing_is_the_tree() -> None:
    classes = {
        (base.__name__, cls.__name__) for cls in ALL for base in cls.__bases__ if issubclass(base, BillableError)
    }
    assert drawn() == classes


def test_every_exception_of_the_module_is_in_the_tree() -> None:
    names = {node.name for node in ast.parse(inspect.getsource(errors)).body if isinstance(node, ast.ClassDef)}
    assert names == {cls.__name__ for cls in ALL}


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [cls.code for cls in ALL]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z][a-z_]*[a-z]", code) for code in codes)
    assert all("code" in vars(cls) for cls in ALL)


@pytest.mark.parametrize("cls", ALL)
def test_a_message_is_one_sentence_with_the_data_filled_in(cls: type[BillableError]) -> None:
    refusal = sample(cls)
    assert str(refusal) == refusal.message
    assert refusal.message.endswith(".")
    assert "\n" not in refusal.message
    template = (cls.__doc__ or "").strip().split("\n")[0]
    for name in re.findall(r"{(\w+)", template):
        assert name in refusal.data
        assert str(refusal.data[name]) in refusal.message or repr(refusal.data[name]) in refusal.message


@pytest.mark.parametrize("cls", ALL)
def test_a_refusal_crosses_process_boundaries_whole(cls: type[BillableError]) -> None:
    refusal = sample(cls)
    for other in (pickle.loads(pickle.dumps(refusal)), copy.copy(refusal), copy.deepcopy(refusal)):  # noqa: S301  # its own
        assert type(other) is cls
        assert (other.data, str(other), other.code) == (refusal.data, str(refusal), refusal.code)


@pytest.mark.parametrize("cls", ALL)
def test_the_data_of_a_refusal_is_json(cls: type[BillableError]) -> None:
    data = sample(cls).data
    assert json.loads(json.dumps(data)) == data


@pytest.mark.parametrize("cls", ALL)
def test_a_refusal_is_caught_by_its_family_and_can_be_raised_and_compared(cls: type[BillableError]) -> None:
    refusal = sample(cls)
    with pytest.raises(BillableError) as caught:
        raise refusal
    assert caught.value is refusal
    assert refusal == refusal
    assert {refusal: 1}[refusal] == 1


def test_a_wrong_subject_is_also_a_type_error() -> None:
    assert issubclass(errors.InvalidSubject, TypeError)
