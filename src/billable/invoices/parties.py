"""Who sells and who buys, as a document keeps them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.db import router

from billable.catalog.periods import check_zone
from billable.conf import SELLER_FIELDS, knobs
from billable.customers.models import Customer, Identity
from billable.customers.services import user_id_of
from billable.customers.subjects import DEFAULT_PROVIDER, user_model
from billable.db.units import write_alias
from billable.errors import Invalid, Misconfigured

UTC = "UTC"
BUYER_FIELDS = ("name", "address", "email", "country", "tax_id")
_EMAIL = "email"

Party = dict[str, str]
"""What a document says of one side: only what is known, as text."""


def seller() -> Party:
    """Who sells, by the settings, with the zone that their days are counted in. Raises Misconfigured."""
    said = knobs.seller
    party = {field: str(said[field]).strip() for field in SELLER_FIELDS if said.get(field)}
    try:
        return {**party, "zone": check_zone(party.get("zone", UTC))}
    except Invalid as refusal:
        raise Misconfigured(setting="BILLABLE_SELLER", problem=refusal.problem) from None


def zone_of(party: Party) -> ZoneInfo:
    """The zone that the days of a seller are counted in."""
    return ZoneInfo(party.get("zone", UTC))


def buyer(customer: Customer) -> Party:
    """Who buys: the customer's billing details; without a name there, what the customer is known as."""
    party = {
        field: str(customer.billing_details[field]) for field in BUYER_FIELDS if customer.billing_details.get(field)
    }
    return party if "name" in party else {**_known_as(customer), **party}


def _known_as(customer: Customer) -> Party:
    """The name in the profile of the first identity, else that identity itself, else the user's."""
    identity = Identity.objects.using(write_alias()).filter(customer=customer).order_by("created_at", "id").first()
    if identity is None:
        return _user(customer)
    name = identity.profile.get("name")
    if isinstance(name, str) and name.strip():
        return {"name": name.strip()}
    if identity.provider == _EMAIL:
        return {"email": identity.external_id}
    return {"name": identity.external_id if identity.provider == DEFAULT_PROVIDER else str(identity)}


def _user(customer: Customer) -> Party:
    users: Any = user_model()
    user = users._base_manager.using(router.db_for_read(users)).filter(pk=user_id_of(customer)).first()
    return {} if user is None else {"name": str(user)}
