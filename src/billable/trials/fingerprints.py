"""Fingerprints: one person's identities, reduced to what stays the same, then hashed with a secret. Pure.

Each kind of identity has a normaliser, so that spellings of one address count as one. What is stored is only the
HMAC-SHA-256 under each configured key: it finds a trial again and tells nothing about whom it belongs to.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from billable.errors import Invalid

# Providers that deliver a.b@ and ab@ to the same mailbox.
_DOTS_IGNORED = frozenset({"gmail.com", "googlemail.com"})
_SAME_DOMAIN = {"googlemail.com": "gmail.com"}


def email(value: str) -> str:
    """Lower case, without the ``+alias``, and without dots where the provider ignores them."""
    local, at, domain = _plain(value).rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii").rstrip(".")
    except UnicodeError:
        raise Invalid(field="identities.email", problem="has a domain that cannot exist") from None
    local = local.split("+", 1)[0] or local
    if domain in _DOTS_IGNORED:
        local = local.replace(".", "")
    if not (local and at and domain):
        raise Invalid(field="identities.email", problem="must be an e-mail address")
    return f"{local}@{_SAME_DOMAIN.get(domain, domain)}"


def phone(value: str) -> str:
    """The digits, without the international prefix ``00``."""
    digits = "".join(str(unicodedata.digit(character)) for character in value if character.isdigit())
    digits = digits.removeprefix("00")
    if not 5 <= len(digits) <= 20:
        raise Invalid(field="identities.phone", problem="must be a telephone number")
    return digits


def telegram(value: str) -> str:
    """The numeric id, or the user name without its ``@``, in lower case."""
    name = _plain(value).removeprefix("@")
    if not re.fullmatch(r"[a-z0-9_]{1,64}", name):
        raise Invalid(field="identities.telegram", problem="must be a Telegram id or user name")
    return name


def device(value: str) -> str:
    """A device's own id, without case, dashes or braces."""
    plain = re.sub(r"[-{}:\s]", "", _plain(value))
    if not plain:
        raise Invalid(field="identities.device", problem="must be a device id")
    return plain


def _plain(value: str) -> str:
    return unicodedata.normalize("NFKC", value).strip().casefold()


NORMALISERS: dict[str, Callable[[str], str]] = {
    "email": email,
    "phone": phone,
    "telegram": telegram,
    "device": device,
}


def normalise(kind: str, value: str) -> str:
    """The text that stands for an identity of a kind; kinds without a normaliser of their own compare as they are."""
    normaliser = NORMALISERS.get(kind)
    clean = normaliser(value) if normaliser else unicodedata.normalize("NFC", value).strip()
    return tagged(kind, clean)


def tagged(kind: str, text: str) -> str:
    """A text with its kind, so that no pair of another kind can look the same."""
    return f"{kind}\0{text}"


def customer_mark(customer_id: object) -> str:
    """What stands for the customer itself; no identity of any kind can be named so."""
    return tagged("", str(customer_id))


def hashed(identities: Iterable[str], keys: Sequence[str]) -> list[str]:
    """The fingerprints of normalised identities under every key, sorted, each once."""
    return sorted(
        {
            hmac.new(key.encode(), identity.encode("utf-8"), hashlib.sha256).hexdigest()
            for key in keys
            for identity in identities
        }
    )
