"""What somebody wants to order: the lines as they were asked for, and what the catalogue says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from billable import inputs
from billable.catalog.listing import Listing, read_listings
from billable.conf import knobs
from billable.errors import Invalid, NotForSale, ProductNotFound
from billable.inputs import MAX_ORDER_LINES, MAX_ORDER_QUANTITY, MAX_UNITS
from billable.orders import pricing


class _SkuNamed(TypedDict):
    sku: str


class OrderLine(_SkuNamed, total=False):
    """One line of an order. No quantity is one. The price is the catalogue's and cannot be given."""

    quantity: int


Lines = Sequence[tuple[str, int]]
"""SKU and quantity of each line."""


@dataclass(frozen=True, kw_only=True)
class Basket:
    """Lines with what the catalogue says of them, in the currency that they are charged in."""

    wanted: Sequence[pricing.Wanted]
    listings: Mapping[str, Listing]
    currency: str

    @property
    def amounts_minor(self) -> list[int]:
        """What each line costs without a discount."""
        return pricing.amounts_minor(self.wanted, self.currency)

    def charges(self, discounts: Sequence[int] | None) -> list[pricing.Charge]:
        """What each line is charged, after these discounts."""
        nothing_off = [0] * len(self.wanted)
        return pricing.charges(
            self.wanted, self.currency, discounts or nothing_off, tax_included=knobs.prices_include_tax
        )


def lines_of(items: object) -> Lines:
    """The lines that a caller asks for. Raises Invalid."""
    if isinstance(items, (str, bytes, Mapping)) or not isinstance(items, Sequence):
        raise Invalid(field="items", problem="must be a list")
    if not 1 <= len(items) <= MAX_ORDER_LINES:
        raise Invalid(field="items", problem=f"must be 1 to {MAX_ORDER_LINES} lines")
    return [_line(place, item) for place, item in enumerate(items)]


def fill(lines: Lines, asked_currency: str | None) -> Basket:
    """Read the catalogue once. Raises ProductNotFound, NotForSale, CurrencyMismatch, Invalid."""
    listings = read_listings(sorted({sku for sku, _ in lines}))
    wanted = [_wanted(place, sku, quantity, listings.get(sku)) for place, (sku, quantity) in enumerate(lines)]
    currency = pricing.choose_currency(wanted, asked_currency, knobs.currency)
    return Basket(wanted=wanted, listings=listings, currency=currency)


def _line(place: int, item: object) -> tuple[str, int]:
    where = f"items[{place}]"
    if not isinstance(item, Mapping):
        raise Invalid(field=where, problem="must be an object with a sku")
    for name in item:
        if name not in ("sku", "quantity"):
            raise Invalid(
                field=f"{where}.{name}", problem="is not a part of an order line, which is a sku and a quantity"
            )
    quantity = inputs.whole(item.get("quantity", 1), f"{where}.quantity", maximum=MAX_ORDER_QUANTITY)
    return inputs.name(item.get("sku"), f"{where}.sku"), quantity


def _wanted(place: int, sku: str, quantity: int, listing: Listing | None) -> pricing.Wanted:
    where = f"items[{place}].sku"
    if listing is None:
        raise ProductNotFound(sku=sku)
    if not listing.product.is_active:
        raise NotForSale(field=where, problem=f"the product {sku!r} is not active")
    if listing.product.is_trial:
        raise NotForSale(field=where, problem=f"{sku!r} is a trial; start it instead")
    for line in listing.lines:
        if not line.feature.is_active:
            raise NotForSale(field=where, problem=f"the feature {line.feature.key!r} is not active")
        if line.quantity is not None and line.quantity * quantity > MAX_UNITS:
            problem = f"gives more than {MAX_UNITS} units of {line.feature.key}"
            raise Invalid(field=f"items[{place}].quantity", problem=problem)
    return pricing.Wanted(sku, quantity, listing.prices, listing.product.effective_tax_rate)
