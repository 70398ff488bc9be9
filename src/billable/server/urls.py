"""Routes of the embedded project."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from billable.server import views

admin.site.site_title = admin.site.site_header = "billable"
admin.site.site_url = "/"

urlpatterns = [
    path("", views.index, name="index"),
    path("favicon.ico", views.no_icon),
    path("health/live", views.live, name="live"),
    path("admin/", admin.site.urls),
    path("api/v1/billing/", views.api_base),
    path("api/v1/billing/", include("billable.urls")),
]
