"""At the root, behind the host's own pages."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse("home")


urlpatterns = [path("home", home), path("", include("billable.urls"))]
