"""A server's address: whose machine it names, and how it may be shown."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

__all__ = ["is_local", "redacted"]

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def is_local(url: str) -> bool:
    """Whether an address is of this machine's loopback."""
    try:
        return urlsplit(url).hostname in _LOOPBACK
    except ValueError:
        return False


def redacted(url: str) -> str:
    """An address without the password that it may have: what messages, logs, cards and recordings may show."""
    head, slashes, rest = url.partition("//")
    authority, slash, path = rest.partition("/")
    user_and_password, at, host = authority.rpartition("@")
    user, colon, _ = user_and_password.partition(":")
    return f"{head}{slashes}{user}:***@{host}{slash}{path}" if at and colon else url
