"""consumer.py is read by type checkers only; here it is made sure that it forgets no verb."""

from __future__ import annotations

from pathlib import Path

from billable import services

CONSUMER = Path(__file__).with_name("consumer.py").read_text()


def test_every_verb_and_its_twin_are_compared() -> None:
    classes = [value for name, value in vars(services).items() if name.endswith("Service") and isinstance(value, type)]
    verbs = {
        f"Verb({each.__name__}.{name}).has({each.__name__}.a{name})"
        for each in classes
        for name in vars(each)
        if not name.startswith("_") and f"a{name}" in vars(each)
    }
    assert verbs
    assert {verb for verb in verbs if f"{verb}\n" not in CONSUMER} == set()
