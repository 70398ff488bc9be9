"""Over time: the engine agrees with a plain-Python reference after every step, swept or not.

How many examples and which: as for the other model test.
"""

from __future__ import annotations

import pytest

from tests.models.conftest import Clock
from tests.models.subscription_machine import SubscriptionsAndReference, world_of_subscriptions
from tests.models.test_engine_against_reference import run


@pytest.mark.django_db
def test_time_brings_the_same_to_the_engine_and_the_reference(clock: Clock) -> None:
    class Machine(SubscriptionsAndReference):
        pass

    Machine.clock = clock
    Machine.ann = world_of_subscriptions(clock)
    run(Machine)
