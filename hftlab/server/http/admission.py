"""Who may open a connection: decided from the opening request alone, before a WebSocket exists."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from websockets.datastructures import Headers

from hftlab.protocol.publishing.limits import ServerLimits

__all__ = ["Admission", "Refusal", "is_loopback"]

RETRY_AFTER: Final = 5
"""Seconds after which a client that found the server full may try again."""

_PORT: Final = re.compile(r":[0-9]{1,5}\Z")
_SECRETS: Final = frozenset({"token", "access_token", "accesstoken", "refreshtoken", "jwt"})


class Refusal(NamedTuple):
    """An HTTP answer in place of a WebSocket: a plain sentence, and one word for the audit log."""

    status: int
    reason: str
    sentence: str
    retry_after: int | None = None


class Admission:
    """Checks the Host and Origin of every opening request, and counts connections.

    A web page can open ws://127.0.0.1 in its visitor's browser, so an Origin, which only browsers send, must be among
    `origins` (RFC 6455 section 10.2). A page can also have its own name resolve to 127.0.0.1, so the Host must be a
    name that this server goes by: the loopback names, the bound address, the address that the connection came in on,
    and `hosts`. Those of `hosts` that have a port hold for that port only; otherwise any will do, as a forwarded port
    (ssh -L) has another number, and it is by its name that a rebound page is known.
    """

    def __init__(self, host: str, limits: ServerLimits, origins: Iterable[str] = (), hosts: Iterable[str] = ()) -> None:
        self._limits = limits
        self._origins = frozenset(origins)
        self._hosts = {"127.0.0.1", "localhost", "[::1]", _bracketed(host).lower(), *(name.lower() for name in hosts)}
        self.open: Counter[str] = Counter()
        """Connections by address, opening ones included."""

    def enter(self, address: str) -> None:
        self.open[address] += 1

    def leave(self, address: str) -> None:
        self.open[address] -= 1
        if not self.open[address]:
            del self.open[address]

    def is_overrun(self, address: str) -> bool:
        """Whether there are so many connections, or of this address, that not even a refusal is worth its memory."""
        limits = self._limits
        if self.open.total() >= 2 * limits.connections:
            return True
        return self.open[address] >= 2 * limits.connections_per_address and not is_loopback(address)

    def check(self, headers: Headers, path: str, local_address: str) -> Refusal | None:
        """Why a request is refused whatever it asks for; None if it is not."""
        hosts, origins = headers.get_all("Host"), headers.get_all("Origin")
        if len(hosts) != 1:
            return Refusal(400, "host", "exactly one Host header is needed")
        host = hosts[0].lower()
        if self._hosts.isdisjoint((host, _PORT.sub("", host))) and _PORT.sub("", host) != _bracketed(local_address):
            return Refusal(403, "host", "this server has no such name: add it with hosts=[...] or --allow-host")
        if any(origin not in self._origins for origin in origins) or len(origins) > 1:
            return Refusal(403, "origin", "pages of that Origin may not connect: add it with origins=[...] or --origin")
        if _has_secret(path):
            return Refusal(400, "token in the URL", "URLs end up in logs: send the token in an AUTH message instead")
        return None

    def check_room(self, address: str) -> Refusal | None:
        """Why one more WebSocket from an address, counted already by enter(), is too many; None if it is not."""
        if self.open.total() > self._limits.connections:
            return Refusal(503, "full", "the server has all the connections it takes", RETRY_AFTER)
        if self.open[address] > self._limits.connections_per_address and not is_loopback(address):
            return Refusal(503, "full for the address", "your address has all the connections it may have", RETRY_AFTER)
        return None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address or name."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _has_secret(path: str) -> bool:
    try:
        query = urlsplit(path).query
    except ValueError:
        return False
    return any(name.lower() in _SECRETS for name, _ in parse_qsl(query, keep_blank_values=True))
