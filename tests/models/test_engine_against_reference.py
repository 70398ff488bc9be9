"""The engine agrees with a plain-Python reference, whatever is done in whatever order.

How many examples: BILLABLE_MODEL_EXAMPLES (100, on PostgreSQL the first 25 of them; `.ci/run` asks for more, in two
processes that begin with different seeds). Which: BILLABLE_MODEL_SEED.
"""

from __future__ import annotations

import os

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.conftest import BACKEND
from tests.models.conftest import Clock
from tests.models.money_machine import MoneyAndReference, money_world

EXAMPLES = int(os.environ.get("BILLABLE_MODEL_EXAMPLES", "100" if BACKEND == "sqlite" else "25"))
SEED = int(os.environ.get("BILLABLE_MODEL_SEED", "0"))
STEPS = 30


@pytest.mark.django_db
def test_the_engine_and_the_reference_agree_after_every_step(clock: Clock) -> None:
    class Machine(MoneyAndReference):
        pass

    Machine.world = money_world(clock, User.objects.create_user("bob"))
    run(Machine)


def run(machine: type[RuleBasedStateMachine]) -> None:
    """Run a machine as often as the environment says."""
    run_state_machine_as_test(
        # The same examples for everybody: a red run is a change, not bad luck.
        seed(SEED)(machine),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            database=None,
            print_blob=True,
            # One difference at a time: several are mostly one seen from several sides.
            report_multiple_bugs=False,
            # A step is a handful of statements; how long they take says nothing about the engine.
            deadline=None,
            # A difference is made smaller for five minutes at most, which is Hypothesis's own limit; what it would
            # explain about the lines that were run takes as long again.
            phases=[Phase.generate, Phase.shrink],
            # Each step draws several values and talks to a database: slow next to pure functions, and meant so.
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
