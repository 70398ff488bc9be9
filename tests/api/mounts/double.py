"""Twice: the old address and the new one."""

from django.urls import include, path

urlpatterns = [
    path("v1/", include("billable.urls")),
    path("v2/", include("billable.urls", namespace="billable-v2")),
]
