"""What the catalogue says of some products at one instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from billable.catalog.models import Feature, Price, Product, ProductFeature
from billable.db.rows import fetch, select_list
from billable.db.units import write_alias

# One statement: under READ COMMITTED two would see two catalogues, and sell new contents at an old price.
_SQL = """
SELECT {product}, {price}, {line}, {feature}
FROM billable_product product
LEFT JOIN billable_price price ON price.product_id = product.id
LEFT JOIN billable_productfeature line ON line.product_id = product.id
LEFT JOIN billable_feature feature ON feature.id = line.feature_id
WHERE product.sku IN ({skus})
"""


@dataclass
class Listing:
    """One product with its prices (currency → minor units) and its lines by number."""

    product: Product
    prices: dict[str, int] = field(default_factory=dict)
    by_number: dict[int, ProductFeature] = field(default_factory=dict)

    @property
    def lines(self) -> list[ProductFeature]:
        """What one piece gives, in the order of the lines; each with its feature loaded."""
        return [self.by_number[number] for number in sorted(self.by_number)]


def read_listings(skus: Sequence[str]) -> Mapping[str, Listing]:
    """The listings of the SKUs that exist."""
    sql = _SQL.format(
        product=select_list(Product, "product"),
        price=select_list(Price, "price"),
        line=select_list(ProductFeature, "line"),
        feature=select_list(Feature, "feature"),
        skus=", ".join(["%s"] * len(skus)),
    )
    found: dict[str, Listing] = {}
    for product, price, line, feature in fetch(write_alias(), sql, skus, [Product, Price, ProductFeature, Feature]):
        listing = found.setdefault(product.sku, Listing(product))
        if price is not None:
            listing.prices[price.currency] = price.amount_minor
        if line is not None:
            line.feature = feature
            listing.by_number[line.line] = line
    return found
