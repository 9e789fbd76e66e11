"""State of a forked child: no threads, and copies of sockets that it must not keep or use.

A forked child starts afresh: hftlab's calls work in it, with a loop and sockets of its own. The parent's servers,
clients and recordings go on as if nothing had happened; their copies in the child refuse to work.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, Protocol
from weakref import WeakSet

from hftlab.errors import HftlabError

__all__ = ["Home", "SocketHolder", "hold", "socket_descriptors"]


class SocketHolder(Protocol):
    """Owner of open sockets; `descriptors()` are those that are open now."""

    def descriptors(self) -> Iterable[int]: ...


_holders: Final[WeakSet[SocketHolder]] = WeakSet()


class Home:
    """Process that an object was made in."""

    def __init__(self) -> None:
        self._process = os.getpid()

    @property
    def is_here(self) -> bool:
        """True in that process, False in a fork of it."""
        return os.getpid() == self._process

    def check(self, what: str, instead: str) -> None:
        """Raise HftlabError in a fork: `what` works in its own process only; `instead` makes another one here."""
        if not self.is_here:
            raise HftlabError(
                f"{what} belongs to the process {self._process}, of which this one is a fork: its connections and "
                f"threads are not here; make one of this process with {instead}"
            )


def hold(holder: SocketHolder) -> None:
    """Let go of a holder's sockets in forked children, for as long as the holder exists.

    A child that kept them would keep the parent's port taken and its connections open after the parent has closed them.
    """
    _holders.add(holder)


def socket_descriptors(connection: Any) -> list[int]:
    """Return the number of a connection's socket, as a list that is empty before it is open and once it closes."""
    transport = getattr(connection, "transport", None)
    if transport is None or transport.is_closing():
        return []
    number: int = transport.get_extra_info("socket").fileno()
    return [] if number < 0 else [number]


def _let_go() -> None:
    """Replace the copies of the parent's sockets; their numbers stay taken, as objects of the child still name them."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_RDWR)
        for holder in list(_holders):
            for descriptor in holder.descriptors():
                os.dup2(null, descriptor, inheritable=False)
        os.close(null)
    _holders.clear()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_let_go)
