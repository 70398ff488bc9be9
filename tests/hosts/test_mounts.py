"""Plain, renamed, nested and double mounts in one host that guards everything and wraps every request."""

from __future__ import annotations

from typing import Any

import django
import pytest

from tests.hosts.conftest import HostMaker
from tests.hosts.project import STEP_2, Host

SETTINGS = """
DATABASES["default"]["ATOMIC_REQUESTS"] = True
LOGIN_URL = "/login/"
"""
LOGIN_REQUIRED = 'MIDDLEWARE += ["django.contrib.auth.middleware.LoginRequiredMiddleware"]\n'
URLS = (
    STEP_2
    + """
urlpatterns += [
    path("renamed/", include("billable.urls", namespace="shop-billing")),
    path("deep/", include([path("er/<slug:tenant>/", include("billable.urls", namespace="nested"))])),
    path("twice/", include(("billable.urls", "billable"), namespace="second")),
]
"""
)
MOUNTS = {
    "plain": "/api/v1/billing/",
    "renamed": "/renamed/",
    "nested": "/deep/er/acme/",
    "double": "/twice/",
}


@pytest.fixture(scope="module")
def host(make_host: HostMaker) -> Host:
    guarded = LOGIN_REQUIRED if django.VERSION >= (5, 1) else ""
    host = make_host(settings=SETTINGS + guarded, urls=URLS)
    host.play("flow", *MOUNTS.values())
    return host


@pytest.fixture(params=MOUNTS)
def rest(host: Host, request: pytest.FixtureRequest) -> dict[str, Any]:
    told: dict[str, Any] = host.facts["rest"][list(MOUNTS).index(request.param)]
    return told


def test_the_main_job_runs_on_every_mount(rest: dict[str, Any]) -> None:
    steps = ("identify", "identify_again", "order", "balance", "consumed", "too_much", "nowhere")
    assert {step: rest[step]["http"] for step in steps} == {
        **dict.fromkeys(steps, 200),
        "too_much": 402,
        "nowhere": 404,
    }
    assert rest["confirmed"][0] == rest["confirmed"][1]
    assert rest["consumed"]["balance"] == 2


def test_the_documentation_opens_on_every_mount(rest: dict[str, Any]) -> None:
    assert rest["pages"] == {"docs": 200, "openapi.json": 200}


def test_a_stranger_is_answered_401_and_not_sent_to_the_login_page(rest: dict[str, Any]) -> None:
    assert rest["stranger"] == {"http": 401, "location": None}


def test_money_that_was_answered_with_409_is_kept_although_requests_are_atomic(rest: dict[str, Any]) -> None:
    refusal, kept = rest["unapplied"]["refusal"], rest["unapplied"]["kept"]
    assert (refusal["http"], refusal["code"]) == (409, "payment_unapplied")
    assert [status for _, status in kept] == ["unapplied"]


def test_the_books_agree_afterwards(host: Host) -> None:
    assert host.facts["verify"] == []


def test_check_is_clean_with_every_mount(host: Host) -> None:
    assert "no issues" in host.manage("check")
