"""``path("api/v1/billing/", include("billable.urls"))`` mounts the REST API."""

from billable.api import api
from billable.api.mount import patterns

app_name = "billable"
urlpatterns = patterns(api)
