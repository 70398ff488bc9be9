"""The reference is complete: nothing public is missing from it. It is generated, so nothing can be wrong in it."""

import ast
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from billable import checks, conf, errors, management, models, services, signals, testing
from billable.api import api
from billable.api import errors as api_errors
from billable.api.errors import STATUSES
from billable.server import cli
from tests.docs.blocks import DOCS

sys.path.append(str(DOCS / "_ext"))

from billable_reference import MARK, PARTS, render

REFERENCE = DOCS / "reference"


@pytest.fixture(scope="module")
def part() -> Callable[[str], str]:
    texts = {name: render(name) for name in PARTS}
    return texts.__getitem__


def test_each_part_has_its_page_and_each_page_its_part() -> None:
    marks = {page.stem: MARK.findall(page.read_text()) for page in REFERENCE.glob("*.md")}

    assert marks == {"index": [], **{name: [name] for name in PARTS}}


def test_every_verb_is_there_with_its_signature_and_its_twin(part: Callable[[str], str]) -> None:
    text, seen = part("verbs"), 0
    for name, service in vars(services).items():
        if not name.endswith("Service"):
            continue
        assert f"## {name}\n" in text
        for verb in vars(service):
            if verb.startswith("_"):
                continue
            seen += 1
            if inspect.iscoroutinefunction(getattr(service, verb)):
                assert f"Async twin: `{verb}`." in text
            else:
                assert f"### {verb}\n\n```python\n{verb}(" in text
                for parameter in inspect.signature(getattr(service, verb)).parameters:
                    assert re.search(rf"\b{parameter}: ", text)
    assert seen > 40


def test_every_verb_says_what_it_does() -> None:
    for service in (member for name, member in vars(services).items() if name.endswith("Service")):
        for verb in vars(service):
            assert verb.startswith("_") or inspect.getdoc(getattr(service, verb)), f"{service.__name__}.{verb}"


def test_every_exported_type_is_there(part: Callable[[str], str]) -> None:
    for name in services.__all__:
        assert f"## {name}\n" in part("verbs" if name.endswith("Service") else "answers")


def test_every_refusal_is_there_with_code_status_and_data(part: Callable[[str], str]) -> None:
    text = part("refusals")
    for name, refusal in vars(errors).items():
        if inspect.isclass(refusal) and issubclass(refusal, errors.BillableError):
            status = next(STATUSES[family] for family in refusal.__mro__ if family in STATUSES)
            section = text.partition(f"## {name}\n")[2].partition("\n## ")[0]
            assert f"Code `{refusal.code}`, status {status}." in section
            for field in inspect.get_annotations(refusal):
                if field != "code":
                    assert f"| `{field}` |" in section


def test_every_other_problem_of_the_api_is_on_its_page() -> None:
    page = (REFERENCE / "rest.md").read_text()
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(api_errors))) if isinstance(node, ast.Call)]
    codes = [
        (call.args[2].value, call.args[1].value)
        for call in calls
        if getattr(call.func, "id", "") == "problem"
        and isinstance(call.args[2], ast.Constant)
        and isinstance(call.args[1], ast.Constant)
    ]

    assert len(codes) >= 7
    for code, status in codes:
        assert f"| `{code}` | {status} |" in page


def test_every_setting_is_there(part: Callable[[str], str]) -> None:
    for name, text in conf.known_names().items():
        assert f"## {name}\n" in part("settings")
        assert text, f"{name} is not described"


def test_every_check_is_there(part: Callable[[str], str]) -> None:
    numbers = set(re.findall(r'id="(billable\.\w+)"', inspect.getsource(checks)))

    assert len(numbers) >= 8
    assert set(re.findall(r"^\| `(billable\.\w+)`", part("checks"), re.MULTILINE)) == numbers


def test_every_signal_is_there_with_its_payload(part: Callable[[str], str]) -> None:
    for event in signals.EVENTS:
        row = next(line for line in part("signals").splitlines() if f"| `{event}` |" in line)
        assert re.search(r"\| `\w+` \|$", row), f"{event} does not name its payload"


def test_every_command_is_there(part: Callable[[str], str]) -> None:
    for name in ("serve", "manage", *cli.commands()):
        assert f"## {name}\n" in part("commands")
    folder = Path(management.__file__).parent / "commands"
    assert {file.stem.removeprefix("billable_") for file in folder.glob("billable_*.py")} == set(cli.commands())


def test_every_operation_is_there_with_every_field(part: Callable[[str], str]) -> None:
    schema, text = api.get_openapi_schema(), part("rest")
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            section = text.partition(f"## {method.upper()} {path}\n")[2].partition("\n## ")[0]
            assert operation["description"].split("\n")[0] in section
            for status in operation["responses"]:
                assert str(status) == "200" or str(status) in section
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for name in re.findall(r"schemas/(\w+)", str(body)):
                for field in schema["components"]["schemas"][name]["properties"]:
                    assert f"| `{field}` |" in section


def test_every_helper_for_tests_is_there_and_every_fixture(part: Callable[[str], str]) -> None:
    text = part("testing")
    for name in testing.__all__:
        assert f"## {name}\n\n```python\n{name}(" in text
        assert inspect.getdoc(getattr(testing, name)), f"{name} is not described"
    for fixture in ("billing_clock", "billing_payments", "billing_events"):
        assert f"| `{fixture}` |" in text


def test_every_table_and_column_is_there(part: Callable[[str], str]) -> None:
    for name in models.__all__:
        section = part("tables").partition(f"## {name}\n")[2].partition("\n## ")[0]
        model = getattr(models, name)
        assert f"`{model._meta.db_table}`" in section
        for field in model._meta.concrete_fields:
            assert f"| `{field.column}` |" in section
