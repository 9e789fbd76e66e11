"""Decides who may open a connection, from the opening request alone, before a WebSocket exists."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from websockets.datastructures import Headers

from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.server.arguments import name_list

__all__ = ["Admission", "Refusal", "is_loopback"]

RETRY_AFTER: Final = 5
"""Seconds after which a client may try again that found the server full."""

_PORT: Final = re.compile(r":[0-9]{1,5}\Z")
_SECRETS: Final = frozenset({"token", "access_token", "accesstoken", "refreshtoken", "jwt"})


class Refusal(NamedTuple):
    """An HTTP answer in place of a WebSocket: its status, a sentence for the client and a reason for the audit log."""

    status: int
    reason: str
    sentence: str
    retry_after: int | None = None


class Admission:
    """Checks the Host and Origin of every opening request, and counts connections.

    A web page can open ws://127.0.0.1 from a browser on this machine, so an Origin, which only browsers send, must be
    among `origins` (RFC 6455 section 10.2). A page can also have its own name resolve to 127.0.0.1 (DNS rebinding), so
    the Host must be a name of this server: a loopback name, the bound address, the address that the connection came in
    on, or one of `hosts`. The port in it may be any, as a forwarded one (ssh -L) has another number, unless the entry
    in `hosts` has a port itself.
    """

    def __init__(self, host: str, limits: ServerLimits, origins: Iterable[str] = (), hosts: Iterable[str] = ()) -> None:
        self._limits = limits
        self._origins = frozenset(name_list("origins", origins))
        names = [name.lower() for name in (_bracketed(host), *name_list("hosts", hosts))]
        self._hosts = {"127.0.0.1", "localhost", "[::1]", *names}
        self.open: Counter[str] = Counter()
        """Connections by address, opening ones included."""

    def enter(self, address: str) -> None:
        """Count a connection."""
        self.open[address] += 1

    def leave(self, address: str) -> None:
        """Count a connection no longer."""
        self.open[address] -= 1
        if not self.open[address]:
            del self.open[address]

    def is_overrun(self, address: str) -> bool:
        """Return whether there are so many connections, in all or of an address, that one more gets no answer."""
        limits = self._limits
        if self.open.total() >= 2 * limits.connections:
            return True
        return self.open[address] >= 2 * limits.connections_per_address and not is_loopback(address)

    def check(self, headers: Headers, path: str, local_address: str) -> Refusal | None:
        """Return why a request is refused whatever it asks for; None if it is not."""
        hosts, origins = headers.get_all("Host"), headers.get_all("Origin")
        if len(hosts) != 1:
            return Refusal(400, "host", "exactly one Host header is needed")
        host = hosts[0].lower()
        if self._hosts.isdisjoint((host, _PORT.sub("", host))) and _PORT.sub("", host) != _bracketed(local_address):
            return Refusal(403, "host", "this server does not go by that name: add it with hosts=[...] or --allow-host")
        if any(origin not in self._origins for origin in origins) or len(origins) > 1:
            return Refusal(403, "origin", "pages of that Origin may not connect: add it with origins=[...] or --origin")
        if _has_secret(path):
            return Refusal(400, "token in the URL", "URLs end up in logs: send the token in an AUTH message instead")
        return None

    def check_room(self, address: str) -> Refusal | None:
        """Return why one more WebSocket of an address, counted by enter() already, is too many; None if not."""
        if self.open.total() > self._limits.connections:
            return Refusal(503, "full", "the server has as many connections as it may: try again later", RETRY_AFTER)
        if self.open[address] > self._limits.connections_per_address and not is_loopback(address):
            return Refusal(
                503,
                "full for the address",
                "your address has as many connections as it may: close some, or try again later",
                RETRY_AFTER,
            )
        return None


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address or name."""
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
