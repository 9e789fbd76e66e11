"""Addresses of servers: whether they are local, and how to show them without passwords."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from hftlab.port import DEFAULT_PORT

__all__ = ["is_local", "nearest_address", "redacted"]

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def is_local(url: str) -> bool:
    """Tell whether an address is on this machine's loopback interface."""
    try:
        return urlsplit(url).hostname in _LOOPBACK
    except ValueError:
        return False


def nearest_address(text: str) -> str | None:
    """Return the WebSocket address that was probably meant by a port, a host, or a web page's address."""
    scheme, slashes, rest = text.strip().rpartition("://")
    if rest.isdecimal():
        rest = f"127.0.0.1:{rest}"
    secure = {"": "ws", "http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(scheme.lower())
    if secure is None or not rest:
        return None
    try:
        parts = urlsplit(f"{secure}://{rest}")
        port = parts.port
    except ValueError:  # above 65535
        return None
    if parts.hostname is None or not (parts.hostname in _LOOPBACK or port or slashes):
        return None
    if port is None and not slashes:
        rest = f"{rest}:{DEFAULT_PORT}"
    found = f"{secure}://{rest}"
    return None if found == text else found


def redacted(url: str) -> str:
    """Hide the password of an address, so that messages, logs, widgets and recordings may show it."""
    head, slashes, rest = url.partition("//")
    authority, slash, path = rest.partition("/")
    user_and_password, at, host = authority.rpartition("@")
    user, colon, _ = user_and_password.partition(":")
    return f"{head}{slashes}{user}:***@{host}{slash}{path}" if at and colon else url
