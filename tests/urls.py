"""The routes of the project that the suite runs in."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/billing/", include("billable.urls")),
]
