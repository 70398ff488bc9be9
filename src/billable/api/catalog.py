"""What is sold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Router

from billable.api.openapi import REPEATS_SAFELY, reads, takes_body
from billable.api.schemas.base import whole
from billable.api.schemas.catalog import FeaturePage, ProductOut, ProductPage, RollOutIn, RollOutOut
from billable.paging import Page
from billable.services import CatalogService, QuotaService, RollOutReport

if TYPE_CHECKING:
    from billable.models import Feature, Product

router = Router(tags=["catalogue"])


@router.get("/products", response=reads(ProductPage), url_name="products")
def list_products(request: HttpRequest) -> Page[Product]:
    """The products on sale, trials included, with their prices and what they give."""
    return whole(CatalogService.list_products())


@router.get("/products/{sku}", response=reads(ProductOut, 404), url_name="product")
def get_product(request: HttpRequest, sku: str) -> Product:
    """One product, on sale or not."""
    return CatalogService.get_product(sku)


@router.post(
    "/products/{sku}/roll-out",
    response=takes_body(RollOutOut, 404),
    url_name="product-roll-out",
    openapi_extra=REPEATS_SAFELY,
)
def roll_out_product_change(request: HttpRequest, sku: str, body: RollOutIn) -> RollOutReport:
    """Bring the lines that a product has now to those who hold it. Go on from `next` until it is null."""
    return QuotaService.roll_out_product_change(
        sku, policy=body.policy, dry_run=body.dry_run, limit_seconds=body.limit_seconds, cursor=body.cursor
    )


@router.get("/features", response=reads(FeaturePage), url_name="features")
def list_features(request: HttpRequest) -> Page[Feature]:
    """The features, and what each can be paid from."""
    return whole(CatalogService.list_features())
