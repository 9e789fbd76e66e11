"""Addresses of servers: whether they are local, and how to show them without passwords."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

__all__ = ["is_local", "redacted"]

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def is_local(url: str) -> bool:
    """Tell whether an address is on this machine's loopback interface."""
    try:
        return urlsplit(url).hostname in _LOOPBACK
    except ValueError:
        return False


def redacted(url: str) -> str:
    """Hide the password of an address, so that messages, logs, widgets and recordings may show it."""
    head, slashes, rest = url.partition("//")
    authority, slash, path = rest.partition("/")
    user_and_password, at, host = authority.rpartition("@")
    user, colon, _ = user_and_password.partition(":")
    return f"{head}{slashes}{user}:***@{host}{slash}{path}" if at and colon else url
