"""Under another namespace."""

from django.urls import include, path

urlpatterns = [path("money/", include("billable.urls", namespace="money"))]
