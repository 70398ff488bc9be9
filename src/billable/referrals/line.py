"""The line above a customer: who brought it, who brought those, and so on.

Customers that were merged count as one, so a line may branch: each of them may have been brought by somebody else.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connections

from billable.customers.models import Customer
from billable.db.rows import fetch
from billable.db.units import write_alias

_SQL = """
WITH RECURSIVE line (id) AS (
    SELECT COALESCE(merged_into_id, id) FROM billable_customer WHERE id = %s
    UNION
    SELECT COALESCE(above.merged_into_id, above.id)
    FROM line
    JOIN billable_customer member ON member.id = line.id OR member.merged_into_id = line.id
    JOIN billable_referral referral ON referral.customer_id = member.id
    JOIN billable_customer above ON above.id = referral.referrer_id
)
SELECT id FROM line
"""


def line_above(customer_id: UUID) -> set[UUID]:
    """The customer (or the one that absorbed it) and everybody above it."""
    key = Customer._meta.pk
    params = [key.get_db_prep_value(customer_id, connections[write_alias()])]
    return {found for (found,) in fetch(write_alias(), _SQL, params, [key])}
