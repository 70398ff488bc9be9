"""A bot process lives for weeks on one event loop; its database connection does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from billable.errors import QuotaExceeded
from billable.models import LedgerEntry, Usage
from billable.services import CustomerRef
from tests.concurrency import bot as bots
from tests.concurrency.bot import acting_as, gathered, in_a_loop_each, twin
from tests.concurrency.conftest import balance
from tests.concurrency.crew import Crew, Worker, another_session, wait_until
from tests.concurrency.jobs import consume
from tests.concurrency.worker import READY, Job

NAME = "billable-bot"
SESSIONS = "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"


class Bot:
    """A bot, and a hand on its connection."""

    def __init__(self, **database: Any) -> None:
        self.worker = Worker(main=bots.main, **database)
        self.worker.expect(READY)

    def do(self, job: Job) -> Any:
        outcome = self.worker.ask(job)
        assert not outcome.traceback, outcome.traceback
        if outcome.refusal:
            raise outcome.refusal
        return outcome.value

    def drop_its_connection(self) -> None:
        with another_session() as (_, fetch):
            dropped = fetch(SESSIONS.replace("pid", "pg_terminate_backend(pid)", 1), [NAME])
            wait_until(lambda: not fetch(SESSIONS, [NAME]), "its session is gone")
        assert dropped == [(True,)], "it had one connection"


@pytest.fixture(params=[0, 60], ids=["CONN_MAX_AGE=0", "CONN_MAX_AGE=60"])
def bot(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[Bot]:
    options = dict(connection.settings_dict["OPTIONS"])
    if connection.vendor == "postgresql":
        options["application_name"] = NAME
    bot = Bot(CONN_MAX_AGE=request.param, OPTIONS=options)
    yield bot
    bot.worker.dismiss()


def take(ref: CustomerRef, **kwargs: Any) -> Job:
    return twin("QuotaService.aconsume_quota", ref, "credits", **kwargs)


@pytest.mark.postgresql
def test_it_survives_a_connection_that_is_dropped_between_two_calls(bot: Bot, ref: CustomerRef) -> None:
    check = twin("QuotaService.acheck_quota", ref, "credits")
    assert bot.do(check)[3] == 500

    bot.drop_its_connection()
    assert bot.do(check)[3] == 500

    bot.drop_its_connection()
    assert bot.do(take(ref, quantity=75)).balance == 425

    bot.drop_its_connection()
    assert bot.do(twin("CustomerService.aidentify", "telegram", "4711")).created

    bot.drop_its_connection()
    answers = bot.do(gathered(check, take(ref), check))
    assert (answers[0][3], answers[1].balance, answers[2][3]) == (425, 424, 424)


@pytest.mark.postgresql
def test_it_survives_a_connection_that_is_dropped_after_a_refusal(bot: Bot, ref: CustomerRef) -> None:
    with pytest.raises(QuotaExceeded):
        bot.do(take(ref, quantity=501))

    bot.drop_its_connection()

    assert bot.do(take(ref)).balance == 499


@pytest.mark.postgresql
def test_a_repeat_after_a_drop_answers_the_same(bot: Bot, ref: CustomerRef) -> None:
    first = bot.do(take(ref, quantity=75, idempotency_key="job"))

    bot.drop_its_connection()
    again = bot.do(take(ref, quantity=75, idempotency_key="job"))

    assert (again.pk, again.balance, again.replayed) == (first.pk, 425, True)


@pytest.mark.postgresql
def test_it_keeps_one_connection_while_nobody_drops_it(bot: Bot, ref: CustomerRef) -> None:
    with another_session() as (_, fetch):
        bot.do(take(ref))
        before = fetch(SESSIONS, [NAME])
        bot.do(gathered(*[take(ref)] * 5))

        assert fetch(SESSIONS, [NAME]) == before
        assert len(before) == 1


def test_who_acts_survives_the_hop(bot: Bot, ref: CustomerRef) -> None:
    usage = bot.do(acting_as("user:7", take(ref, idempotency_key="seven")))

    assert usage.actor == "user:7"
    assert set(LedgerEntry.objects.filter(usage=usage.pk).values_list("actor", flat=True)) == {"user:7"}
    assert bot.do(take(ref)).actor == "python"


def test_side_by_side_everybody_acts_in_their_own_name(bot: Bot, ref: CustomerRef) -> None:
    names = [f"user:{number}" for number in range(10)]

    bot.do(gathered(*[acting_as(name, take(ref, idempotency_key=name)) for name in names]))

    assert sorted(Usage.objects.values_list("actor", "idempotency_key")) == [(name, name) for name in names]


def test_twenty_consumes_side_by_side_take_what_is_there_and_no_more(bot: Bot, ref: CustomerRef) -> None:
    answers = bot.do(gathered(*[take(ref, quantity=30, idempotency_key=str(number)) for number in range(20)]))

    usages = [answer for answer in answers if isinstance(answer, Usage)]
    refusals = [answer for answer in answers if isinstance(answer, QuotaExceeded)]
    assert (len(usages), len(refusals)) == (16, 4)
    assert balance(ref) == 20


def test_side_by_side_one_key_takes_once(bot: Bot, ref: CustomerRef) -> None:
    answers = bot.do(gathered(*[take(ref, quantity=75, idempotency_key="job")] * 10))

    assert {(usage.pk, usage.balance) for usage in answers} == {(Usage.objects.get().pk, 425)}
    assert [usage.replayed for usage in answers].count(True) == 9


def test_a_process_may_run_one_loop_after_the_other(crew: Crew, ref: CustomerRef) -> None:
    with crew.one() as worker:
        outcome = worker.ask(in_a_loop_each(*[take(ref)] * 3))

    assert [usage.balance for usage in outcome.value] == [499, 498, 497]


def test_a_bot_and_a_crew_share_the_units(crew: Crew, bot: Bot, ref: CustomerRef) -> None:
    bot.worker.begin(gathered(*[take(ref, quantity=30, idempotency_key=f"bot-{n}") for n in range(10)]))
    results = crew.at_once(*[consume(ref, quantity=30)] * 8, refusing=QuotaExceeded)
    answers = bot.worker.receive().value

    assert len(results.values) + sum(isinstance(answer, Usage) for answer in answers) == 16
    assert balance(ref) == 20
