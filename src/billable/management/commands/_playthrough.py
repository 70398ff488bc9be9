"""The whole flow over HTTP, in the order in which a customer lives it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from billable.management.commands._conversation import Conversation

NEEDED_SKUS = {"papermill_free", "papermill_credits_100", "papermill_team_trial"}


def play(talk: Conversation) -> None:
    """Play the flow with customers of its own; the server needs the demo catalogue."""
    run = uuid4().hex[:8]
    ada = {"provider": "demo", "external_id": f"ada-{run}"}
    appear(talk, ada)
    if not has_demo_catalogue(talk):
        return
    buy(talk, ada, run)
    use(talk, ada, run)
    try_out(talk, ada, run)
    look_back(talk, ada)


def appear(talk: Conversation, ada: dict[str, str]) -> None:
    first = talk.post("A customer appears, under the name that another system knows", "identify", ada, created=True)
    again = talk.post("The same name is the same customer", "identify", ada, created=False)
    talk.note("the same customer_id", met=member(first, "customer_id") == member(again, "customer_id"), got=again)


def has_demo_catalogue(talk: Conversation) -> bool:
    answer = talk.get("What is for sale?", "products", {})
    skus = {product["sku"] for product in member(answer, "items") or ()}
    talk.note("the demo products (`billable seed_demo` makes them)", met=skus >= NEEDED_SKUS, got=sorted(skus))
    return skus >= NEEDED_SKUS


def buy(talk: Conversation, ada: dict[str, str], run: str) -> None:
    order = talk.post(
        "Order a pack of credits",
        "orders",
        {**ada, "items": [{"sku": "papermill_credits_100"}], "currency": "EUR", "idempotency_key": f"order-{run}"},
        status="pending",
        total_amount="5.00",
        total_amount_minor=500,
    )
    payment = {"payment_id": f"demo-{run}", "status": "paid"}
    confirm = f"orders/{member(order, 'id')}/confirm"
    paid = talk.post("The money arrived", confirm, payment, status="paid", amount_due="0.00")
    again = talk.post("The provider says so twice: nothing happens twice", confirm, payment, status="paid")
    talk.note("the same answer", met=again == paid, got=again)
    balance(talk, ada, "papermill_credits", 100)


def use(talk: Conversation, ada: dict[str, str], run: str) -> None:
    summary = {**ada, "feature": "papermill_summary", "quantity": 3, "idempotency_key": f"summary-{run}"}
    usage = talk.post("Summarise three pages, at 5 credits each", "quota/consume", summary, balance=17, replayed=False)
    again = talk.post("The same key again: the same receipt", "quota/consume", summary, balance=17, replayed=True)
    talk.note("the same id", met=member(again, "id") == member(usage, "id"), got=again)
    balance(talk, ada, "papermill_credits", 85)
    talk.post(
        "More than there is: refused, and nothing is written",
        "quota/consume",
        {**ada, "feature": "papermill_summary", "quantity": 18, "idempotency_key": f"too-much-{run}"},
        status_code=402,
        code="quota_exceeded",
        requested=18,
        balance=17,
    )
    talk.post(
        "The summary failed: put its units back",
        f"quota/usages/{member(usage, 'id')}/reverse",
        {"reason": "the job failed", "idempotency_key": f"undo-{run}"},
        balance=20,
    )
    balance(talk, ada, "papermill_credits", 100)


def try_out(talk: Conversation, ada: dict[str, str], run: str) -> None:
    trial = {"sku": "papermill_team_trial", "identities": {"email": f"ada.{run}@gmail.com"}}
    talk.post("Start a trial", "trials", {**ada, **trial}, sku="papermill_team_trial", replayed=False)
    talk.post("A repeat is the same trial", "trials", {**ada, **trial}, sku="papermill_team_trial", replayed=True)
    talk.post(
        "The same person, as a new customer and with another spelling",
        "trials",
        {"provider": "demo", "external_id": f"not-ada-{run}", "sku": "papermill_team_trial"}
        | {"identities": {"email": f"Ada{run}+again@GMail.com"}},
        status_code=409,
        code="trial_already_used",
    )


def look_back(talk: Conversation, ada: dict[str, str]) -> None:
    answer = talk.get(
        "Everything that happened to the credits, newest first", "history", {**ada, "feature": "papermill_credits"}
    )
    amounts = [entry["amount"] for entry in member(answer, "items") or ()]
    talk.note("+20 (trial), +15, -15, +100", met=amounts == [20, 15, -15, 100], got=amounts)


def balance(talk: Conversation, ada: dict[str, str], feature: str, units: int) -> None:
    answer = talk.get(f"How many {feature} are left?", "balance", {**ada, "feature": feature})
    balances = {line["feature"]: line["balance"] for line in member(answer, "features") or ()}
    talk.note(f"{units} {feature}", met=balances.get(feature) == units, got=balances)


def member(answer: Any, name: str) -> Any:
    """A member of the answer, or None where it has none."""
    return answer.get(name) if isinstance(answer, dict) else None
