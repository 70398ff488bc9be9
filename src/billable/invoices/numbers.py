"""The numbers of documents: 1, 2, 3 … per series and year, each given once, none left out."""

from __future__ import annotations

from django.db.models import F

from billable.db.units import write_alias
from billable.invoices.models import InvoiceSeries


def take_number(series: str, year: int) -> int:
    """The next number. It goes back if the transaction does not commit; until then everybody else waits for it.

    So it is the last thing that a transaction takes, after everything that could still refuse.
    """
    if not _count_up(series, year):
        first = InvoiceSeries(series=series, year=year)
        InvoiceSeries.objects.using(write_alias()).bulk_create([first], ignore_conflicts=True)
        _count_up(series, year)
    counter = InvoiceSeries.objects.using(write_alias()).filter(series=series, year=year)
    return counter.values_list("last_number", flat=True).get()


def _count_up(series: str, year: int) -> int:
    counter = InvoiceSeries.objects.using(write_alias()).filter(series=series, year=year)
    return counter.update(last_number=F("last_number") + 1)
