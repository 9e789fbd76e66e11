"""Checks of a serving command's options that take milliseconds, before the source is made and compiled."""

from __future__ import annotations

import errno
import re
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from hftlab.credentials import read_key
from hftlab.errors import HftlabError, PortInUse
from hftlab.port import port_holder

__all__ = ["check_address", "check_hosts", "check_origins", "check_readable", "key_of"]

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s/@:\[\]?#]+)(:[0-9]{1,5})?")
_ORIGIN: Final = re.compile(r"null|[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[^\s/@:\[\]?#A-Z]+)(:[0-9]{1,5})?")


def check_address(host: str, port: int) -> None:
    """Take an address and give it back, without listening. Raises HftlabError, PortInUse."""
    if not host:
        raise HftlabError("--host '' is not an address: give one such as 127.0.0.1, or 0.0.0.0 for all interfaces")
    failures: list[Exception] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        found, failures = [], [exc]
    for family, kind, protocol, _, address in found:
        try:
            _bind(family, kind, protocol, address)
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                raise PortInUse(host, port, port_holder(port)) from None
            failures.append(exc)
    # A name may have an address of a family that this machine does not use; one that works is enough.
    if len(failures) >= max(len(found), 1):
        reason = getattr(failures[0], "strerror", None) or failures[0]
        raise HftlabError(f"cannot listen on {host}:{port} ({reason}): give another --host or --port")


def _bind(family: int, kind: int, protocol: int, address: tuple[Any, ...]) -> None:
    with socket.socket(family, kind, protocol) as one:
        if sys.platform != "win32":  # as the server does
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)


def check_hosts(hosts: Iterable[str]) -> None:
    """Raise HftlabError for a name that no Host header can have."""
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise HftlabError(f"--allow-host {host!r} is not a host's name: give one such as lab.example")


def check_origins(origins: Iterable[str]) -> None:
    """Raise HftlabError for what no browser sends as the Origin of a page (RFC 6454 section 6.2)."""
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise HftlabError(
                f"--origin {origin!r} is not the origin of a web page: give its scheme and host in lower case, and its "
                "port if it has one, such as https://lab.example"
            )


def key_of(path: Path) -> bytes:
    """Read the key file of --key. Raises HftlabError."""
    try:
        return read_key(path)
    except OSError as exc:
        raise HftlabError(
            f"--key {path}: {exc.strerror}: give a file with a key, such as one made with "
            "`(umask 077; openssl rand -hex 32 > lab.key)`"
        ) from None


def check_readable(option: str, path: Path | None) -> None:
    """Name the file that cannot be read: the TLS library says only that there is none. Raises HftlabError."""
    if path is None:
        return
    try:
        with path.open("rb"):
            pass
    except OSError as exc:
        raise HftlabError(f"{option} {path}: {exc.strerror}: give a file that you can read") from None
