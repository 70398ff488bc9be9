"""The project that the suite runs in, on the database that BILLABLE_TEST_BACKEND names.

A process that a test starts with these settings works on the same test database as its parent, because
the parent (see conftest.py) leaves the name in BILLABLE_TEST_DATABASE_NAME.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import django

BACKEND = os.environ.get("BILLABLE_TEST_BACKEND", "sqlite")


def sqlite() -> dict[str, Any]:
    # A file and not memory: threads and processes need connections of their own, and WAL needs a file.
    folder = os.environ.get("BILLABLE_TEST_FOLDER", tempfile.gettempdir())
    file = Path(folder, f"billable-test-{os.getpid()}.sqlite3")
    name = os.environ.get("BILLABLE_TEST_DATABASE_NAME", str(file))
    if django.VERSION < (5, 1):
        return {"ENGINE": "billable.db.sqlite3", "NAME": name, "TEST": {"NAME": name}}
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL",
            "cached_statements": 1024,
        },
        "TEST": {"NAME": name},
    }


def postgresql() -> dict[str, Any]:
    import dj_database_url

    database: dict[str, Any] = dict(dj_database_url.parse(os.environ["BILLABLE_TEST_DATABASE_URL"]))
    database["NAME"] = os.environ.get("BILLABLE_TEST_DATABASE_NAME", database["NAME"])
    database.setdefault("OPTIONS", {})["connect_timeout"] = 10
    # Two runs on one server must not drop each other's database.
    database["TEST"] = {"NAME": f"test_billable_{os.getpid()}"}
    return database


DATABASES = {"default": {"sqlite": sqlite, "postgresql": postgresql}[BACKEND]()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

SECRET_KEY = "a-key-for-tests-that-protects-nothing-at-all"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "UTC"
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "billable",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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

BILLABLE_API_TOKEN = "token-of-the-test-suite-0123456789abcdef0123456789abcdef"
BILLABLE_FINGERPRINT_KEYS = ["fingerprint-key-of-the-test-suite-0123456789abcdef"]
