"""Two who keep the catalogue, at once."""

from __future__ import annotations

from billable.errors import NameTaken
from billable.models import CatalogName, Feature, FeatureCost, Product
from billable.services import CatalogService, CustomerRef, Money
from tests.concurrency.conftest import balance
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import one_after_the_other, verb

ROUNDS = 3


def test_eight_that_create_one_product_make_it_once(crew: Crew) -> None:
    create = verb("CatalogService.create_product", "pack", price="9.99", features=["credits"], quantity=100)

    results = crew.at_once(*[create] * 8, refusing=NameTaken)

    assert (len(results.values), len(results.refusals)) == (1, 7)
    assert {refusal.name for refusal in results.refusals} == {"pack"}
    assert Product.objects.get().lines.get().quantity == 100


def test_a_product_and_a_feature_of_one_name_cannot_both_be(crew: Crew) -> None:
    for number in range(ROUNDS):
        name = f"thing-{number}"

        results = crew.at_once(
            verb("CatalogService.create_product", name, price="1"),
            verb("CatalogService.create_feature", name),
            refusing=NameTaken,
        )

        assert (len(results.values), len(results.refusals)) == (1, 1)
    assert CatalogName.objects.count() == Product.objects.count() + Feature.objects.count() == ROUNDS


def test_two_products_that_bring_the_same_new_feature_both_come_to_be(crew: Crew) -> None:
    crew.at_once(
        verb("CatalogService.create_product", "small", price="1", features=["credits"], quantity=10),
        verb("CatalogService.create_product", "large", price="9", features=["credits"], quantity=100),
    )

    assert Product.objects.count() == 2
    assert Feature.objects.get().lines.count() == 2


def test_two_changes_of_different_parts_of_one_product_are_both_kept(crew: Crew, credits: str) -> None:
    CatalogService.create_product("pack", price="9.99", features=[credits], quantity=100)

    crew.at_once(
        verb("CatalogService.update_product", "pack", name="The pack"),
        verb("CatalogService.update_product", "pack", description="A hundred credits."),
        verb("CatalogService.update_product", "pack", is_default=True),
    )

    product = Product.objects.get()
    assert (product.name, product.description, product.is_default) == ("The pack", "A hundred credits.", True)


def test_two_changes_of_different_parts_of_one_feature_are_both_kept(crew: Crew, credits: str) -> None:
    crew.at_once(
        verb("CatalogService.update_feature", credits, name="Credits"),
        verb("CatalogService.update_feature", credits, unit="credit"),
    )

    feature = Feature.objects.get()
    assert (feature.name, feature.unit) == ("Credits", "credit")


def test_two_that_replace_the_lines_of_one_product_leave_the_lines_of_one(crew: Crew, credits: str) -> None:
    CatalogService.create_product("pack", price="9.99", features=[credits], quantity=100)

    crew.at_once(
        *[
            verb("CatalogService.update_product", "pack", features=[{"feature": credits, "quantity": quantity}] * 2)
            for quantity in (1, 2, 3, 4)
        ]
    )

    first, second = Product.objects.get().lines.all()
    assert first.quantity == second.quantity


def test_prices_set_at_once_are_all_there(crew: Crew) -> None:
    CatalogService.create_product("pack")

    crew.at_once(
        *[
            verb("CatalogService.update_product", "pack", prices=[Money(minor, currency)])
            for currency in ("EUR", "USD", "GBP", "XTR")
            for minor in (100, 200)
        ]
    )

    assert Product.objects.get().prices.count() == 4


def test_costs_set_at_once_are_tried_one_after_the_other(crew: Crew) -> None:
    for key in ("pdf_export", "credits", "tokens", "coins", "points"):
        CatalogService.create_feature(key)

    crew.at_once(
        *[
            verb("CatalogService.set_cost", "pdf_export", payer, units=units)
            for payer in ("credits", "tokens", "coins", "points")
            for units in (5, 7)
        ]
    )

    assert sorted(FeatureCost.objects.values_list("position", flat=True)) == [1, 2, 3, 4]


def test_a_catalogue_that_changes_does_not_stop_who_buys(crew: Crew, ref: CustomerRef) -> None:
    CatalogService.create_product("pack", price="9.99", features=["credits"], quantity=100)
    lines = [{"feature": "credits", "quantity": 100}, {"feature": "tokens", "quantity": 1}]
    keeper = verb("CatalogService.update_product", "pack", features=lines, prices=[Money(500, "USD")])
    buyer = verb("QuotaService.grant_product", ref, "pack")
    order = verb("OrderService.create_order", ref, [{"sku": "pack"}])

    crew.at_once(
        *[one_after_the_other(*[keeper] * 6)],
        *[one_after_the_other(*[buyer] * 6)] * 2,
        *[one_after_the_other(*[order] * 6)] * 2,
    )

    assert balance(ref) == 500 + 12 * 100
