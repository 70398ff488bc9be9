"""The mount of the seed."""

from django.urls import include, path

urlpatterns = [path("api/v1/billing/", include("billable.urls"))]
