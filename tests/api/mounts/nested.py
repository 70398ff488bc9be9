"""Inside another application's routes."""

from django.urls import include, path

shop = ([path("billing/", include("billable.urls"))], "shop")

urlpatterns = [path("shop/", include(shop))]
