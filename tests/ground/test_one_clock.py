"""Everything reads one clock: found in the source itself, so that nothing new can look elsewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import billable

pytestmark = pytest.mark.sqlite

SOURCE = Path(billable.__file__).parent
FILES = sorted(file for file in SOURCE.rglob("*.py") if "migrations" not in file.relative_to(SOURCE).parts)

# What asks the machine, or the database, what time it is.
CALLS = {
    *("timezone.now", "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "timezone.localtime"),
    *("timezone.localdate", "time.time", "time.time_ns", "time.localtime", "time.gmtime", "Now", "functions.Now"),
}
IN_SQL = re.compile(
    r"\b(?:NOW\(\)|CURRENT_(?:TIMESTAMP|DATE|TIME)|LOCALTIME|SYSDATE|julianday|strftime)\b", re.IGNORECASE
)

# Who may: the clock itself; ids, which sort by when they were really made, whatever a test or a sandbox says.
ALLOWED = {("clock.py", "timezone.now"), ("ids.py", "time.time_ns")}
# Rows of the catalogue belong to no customer, and nothing is decided by when they were written.
STAMPED_BY_DJANGO = {
    ("catalog/models.py", "auto_now"),
    ("catalog/models.py", "auto_now_add"),
    ("promotions/models.py", "auto_now_add"),
    ("referrals/models.py", "auto_now_add"),
}

# A decision about a customer is made at ``now_for(customer)``. What may have the present of everybody, and why.
STAMPS = {
    "created_at": "when a receipt was really written: nothing is decided by it. Where something is, it has now_for",
    "written_at": "the same of ledger entries, which say beside it when what they tell was so",
    "undone_at": "when a merge was really undone",
    "anonymized_at": "when data was really erased, which a host must be able to show",
    "at": "when a notice really came that was too late to change anything",
    "present": "read once, and moved to the customer's clock by now_for, or in SQL by moved",
}
MOVED_TO_THE_CUSTOMERS_CLOCK = {
    ("customers/services.py", "now_for"),
    ("customers/services.py", "due_for"),
    ("orders/expire.py", "_overdue"),
    ("quota/roll_out.py", "_holders"),  # a rough choice: each is looked at again by its own clock
    ("quota/standing.py", "read"),
    ("upkeep.py", "_run_duty"),
}
TEST_CLOCK = "testing/clock.py"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_nobody_else_asks_what_time_it_is(file: Path) -> None:
    name, tree = str(file.relative_to(SOURCE)), ast.parse(file.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))

    asked = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    asked |= {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}  # handed on, and called later
    asked = {".".join(each.split(".")[-2:]) for each in asked}
    assert {(name, each) for each in asked & CALLS} <= ALLOWED
    assert not [text for text in _texts(tree) if IN_SQL.search(text)]
    keywords = {node.arg for node in nodes if isinstance(node, ast.keyword)}
    assert {(name, each) for each in keywords & {"auto_now", "auto_now_add"}} <= STAMPED_BY_DJANGO


def test_the_present_of_everybody_is_only_a_stamp() -> None:
    stamps: set[str] = set()
    elsewhere: set[tuple[str, str]] = set()
    for file in FILES:
        name = str(file.relative_to(SOURCE))
        for stamp, function in _presents(ast.parse(file.read_text(encoding="utf-8"))):
            if stamp in STAMPS:
                stamps.add(stamp)
            elif name != TEST_CLOCK:
                elsewhere.add((name, function))

    assert elsewhere == MOVED_TO_THE_CUSTOMERS_CLOCK
    assert stamps == set(STAMPS)


def _texts(tree: ast.AST) -> Iterator[str]:
    """The texts in some source, docstrings aside."""
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def _presents(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """For each ``clock.now()``: the name that gets it, if one does, and the function that it is in."""
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "clock.now":
            function = node
            while not isinstance(function, ast.FunctionDef):
                function = parents[function]
            yield _receiver(node, parents), function.name


def _receiver(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str:
    """The keyword, the key or the variable that a value goes to, itself or as text."""
    parent = parents[node]
    if isinstance(parent, ast.Attribute) and parent.attr == "isoformat":
        return _receiver(parents[parent], parents)
    if isinstance(parent, ast.keyword):
        return parent.arg or ""
    if isinstance(parent, ast.Dict):
        key = parent.keys[parent.values.index(node)]
        return str(key.value) if isinstance(key, ast.Constant) else ""
    if isinstance(parent, ast.Assign):
        return ast.unparse(parent.targets[0]).rpartition(".")[2]
    if isinstance(parent, ast.BoolOp) and isinstance(parents[parent], ast.Tuple):
        node, parent = parent, parents[parent]
    if isinstance(parent, ast.Tuple) and isinstance(assigned := parents[parent], ast.Assign):
        names = assigned.targets[0]
        if isinstance(names, ast.Tuple):
            return ast.unparse(names.elts[parent.elts.index(node)]).rpartition(".")[2]
    return ""
