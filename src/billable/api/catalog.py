"""What is sold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Router

from billable.api.openapi import reads
from billable.api.schemas.base import whole
from billable.api.schemas.catalog import FeaturePage, ProductOut, ProductPage
from billable.paging import Page
from billable.services import CatalogService

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


@router.get("/features", response=reads(FeaturePage), url_name="features")
def list_features(request: HttpRequest) -> Page[Feature]:
    """The features, and what each can be paid from."""
    return whole(CatalogService.list_features())
