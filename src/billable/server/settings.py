"""Settings of the embedded project, from the environment and the files in the server's home."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from billable.conf import SELLER_FIELDS
from billable.server import home
from billable.server.database import database
from billable.server.environment import collected, listed, switched
from billable.server.network import is_everywhere, is_loopback


def reachable_as(host: str) -> list[str]:
    """The host names that a server on this address answers to when nobody lists them."""
    if is_everywhere(host):
        return ["*"]
    return ["localhost", "127.0.0.1", "[::1]", *([] if is_loopback(host) else [host])]


SECRET_KEY = home.secret(home.SECRET_KEY)
DEBUG = switched("BILLABLE_DEBUG", default=False)
ALLOWED_HOSTS = listed("BILLABLE_ALLOWED_HOSTS") or reachable_as(os.environ.get("BILLABLE_HOST") or "127.0.0.1")
# Behind a proxy that speaks TLS, the admin's forms come from https although the request here does not.
CSRF_TRUSTED_ORIGINS = [
    f"https://{'*' if host.startswith('.') else ''}{host}" for host in listed("BILLABLE_ALLOWED_HOSTS") if host != "*"
]

DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

ROOT_URLCONF = "billable.server.urls"
WSGI_APPLICATION = "billable.server.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "ninja",
    "billable",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # straight from the installed packages: nothing has to be collected

# To stderr, and of requests only what failed through us: a refused consume is an answer, not an incident.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "django.request": {"level": "ERROR"},
    },
}

# Who serves has made a token. Without one this is a command, which lets nobody in anyway.
SILENCED_SYSTEM_CHECKS = [] if home.secret(home.API_TOKEN) else ["billable.W001"]

BILLABLE_API_TOKEN = home.secret(home.API_TOKEN)
BILLABLE_FINGERPRINT_KEYS = home.secret(home.FINGERPRINT_KEYS).replace(",", " ").split()
BILLABLE_SHOW_DOCS = switched("BILLABLE_SHOW_DOCS", default=True)
BILLABLE_CURRENCY = os.environ.get("BILLABLE_CURRENCY") or "USD"
BILLABLE_TAX_RATE = os.environ.get("BILLABLE_TAX_RATE") or "0"
BILLABLE_PRICES_INCLUDE_TAX = switched("BILLABLE_PRICES_INCLUDE_TAX", default=True)
BILLABLE_SELLER = collected("BILLABLE_SELLER", SELLER_FIELDS)
