"""Every setting of the engine. Settings are read when they are used, so that tests can override them.

Each property below is one Django setting: ``api_token`` is ``BILLABLE_API_TOKEN``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

PREFIX = "BILLABLE_"

# Tokens that stand in somebody's example: whoever copies them has no secret.
EXAMPLE_TOKENS = frozenset({"change-me-in-production", "change-me", "changeme", "tutorial-token-for-this-machine-only"})
MIN_TOKEN_LENGTH = 20
MIN_FINGERPRINT_KEY_LENGTH = 16
MAX_ORDER_TTL_HOURS = 87_600
MAX_HOLD_SECONDS = 31_536_000
MAX_EXPIRING_DAYS = 366
MAX_SUBSCRIPTION_DAYS = 365
# The series of all documents of sandbox customers, so that they take no number of a real one.
SANDBOX_SERIES = "SANDBOX"
SELLER_FIELDS = ("name", "address", "email", "tax_id", "country", "zone")


class Settings:
    """The settings, typed, with their defaults."""

    @property
    def api_token(self) -> str:
        """The bearer token of the REST API. Empty (the default) lets nobody in."""
        return str(self._get("API_TOKEN", "") or "")

    @property
    def user_model(self) -> str:
        """The model that users are, as ``app_label.Model``. Default: ``AUTH_USER_MODEL``. Read at import."""
        return str(self._get("USER_MODEL", settings.AUTH_USER_MODEL))

    @property
    def user_factory(self) -> str | None:
        """Dotted path of ``make_user(provider, external_id, profile)``, called by identify for an unknown identity.

        Default: a factory that makes ``billable-<uuid>`` users where the user model has a username and
        requires nothing else. None: identify makes customers without users.
        """
        path = self._get("USER_FACTORY", "billable.customers.factory.make_user")
        return None if path is None else str(path)

    @property
    def currency(self) -> str:
        """The currency of prices that name none. Default ``USD``."""
        return str(self._get("CURRENCY", "USD"))

    @property
    def currencies(self) -> Mapping[str, int]:
        """Further currencies: code → number of decimals, such as ``{"POINTS": 0}``. Default: none."""
        return dict(self._get("CURRENCIES", {}))

    @property
    def order_ttl_hours(self) -> float | None:
        """How many hours an order waits for its money before ``expire_orders`` calls it off. Default None: for ever."""
        hours = self._get("ORDER_TTL_HOURS", None)
        return None if hours is None else float(hours)

    @property
    def hold_seconds(self) -> int:
        """How many seconds a hold lasts when nobody says. Default 900, a quarter of an hour."""
        return int(self._get("HOLD_SECONDS", 900))

    @property
    def hold_max_seconds(self) -> int:
        """The most seconds that a hold may last, from when it is made or extended. Default 604800, a week."""
        return int(self._get("HOLD_MAX_SECONDS", 604_800))

    @property
    def hold_grace_seconds(self) -> int:
        """For how many seconds after its end the units of a hold stay reserved for a late capture. Default 0."""
        return int(self._get("HOLD_GRACE_SECONDS", 0))

    @property
    def expiring_days(self) -> int:
        """How many days before a grant expires the upkeep sends ``grant_expiring``. Default 3; 0 sends none."""
        return int(self._get("EXPIRING_DAYS", 3))

    @property
    def subscription_grace_days(self) -> int:
        """For how many days a subscription goes on when a period is not paid, unless the product says. Default 3."""
        return int(self._get("SUBSCRIPTION_GRACE_DAYS", 3))

    @property
    def renewal_lead_days(self) -> int:
        """How many days before a period ends the order for the next one is made. Default 3; never before it began."""
        return int(self._get("RENEWAL_LEAD_DAYS", 3))

    @property
    def tax_rate(self) -> str:
        """The tax of products that name no rate of their own, in percent, such as ``"19"``. Default ``"0"``."""
        return str(self._get("TAX_RATE", "0"))

    @property
    def prices_include_tax(self) -> bool:
        """Whether the catalogue's prices contain the tax (the default), or it is added to them."""
        return bool(self._get("PRICES_INCLUDE_TAX", True))

    @property
    def fingerprint_keys(self) -> Sequence[str]:
        """Secrets of 16 characters or more that trial fingerprints are made with, newest first; a list, or one text.

        Required for trials; there is no default.
        To rotate, put the new key in front and keep the old ones for as long as their trials must be found.
        """
        keys = self._get("FINGERPRINT_KEYS", ())
        return (keys,) if isinstance(keys, str) else tuple(keys)

    @property
    def show_docs(self) -> bool:
        """Whether the REST API serves its docs page. Default: ``DEBUG``."""
        return bool(self._get("SHOW_DOCS", settings.DEBUG))

    @property
    def api_title(self) -> str:
        """The title of the REST API in its docs. Default ``Billing API``."""
        return str(self._get("API_TITLE", "Billing API"))

    @property
    def metadata_max_bytes(self) -> int:
        """The most bytes of JSON that one metadata object may take. Default 16384."""
        return int(self._get("METADATA_MAX_BYTES", 16_384))

    @property
    def append_only(self) -> str:
        """Whether migrate installs the append-only triggers: ``auto`` (default), ``on`` or ``off``.

        ``auto`` leaves them out of Django's test databases, where flush must work.
        """
        return str(self._get("APPEND_ONLY", "auto"))

    @property
    def seller(self) -> Mapping[str, str]:
        """Who sells, as receipts and credit notes print it: ``{"name": …, "address": …}``. Default: nothing.

        Also ``email``, ``tax_id``, ``country``, and ``zone``, the time zone of its days and years (default ``UTC``).
        """
        return dict(self._get("SELLER", {}) or {})

    @property
    def invoice_series(self) -> Mapping[str, str]:
        """What numbers of documents begin with. Default ``{"receipt": "R", "credit_note": "C"}``."""
        return {"receipt": "R", "credit_note": "C", **self._get("INVOICE_SERIES", {})}

    def _get(self, name: str, default: Any) -> Any:
        return getattr(settings, PREFIX + name, default)


knobs = Settings()


def known_names() -> dict[str, str]:
    """Every setting's full name → its documentation."""
    return {
        PREFIX + name.upper(): (member.__doc__ or "").strip()
        for name, member in vars(Settings).items()
        if isinstance(member, property)
    }
