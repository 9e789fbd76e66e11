"""Subscriptions that a connection has to have: asked for until the server has granted or refused them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from hftlab.errors import NetworkError, SubscriptionFailed, WireError
from hftlab.protocol.messages import Error, Limits, Message, Subscribe
from hftlab.protocol.subscribing.client_events import ClientEvent, ErrorOccurred
from hftlab.protocol.subscribing.request_queue import Purpose, RequestQueue
from hftlab.protocol.subscribing.resync import combined
from hftlab.protocol.subscribing.wire_error import wire_error
from hftlab.transport.recovery import Action, ErrorRecovery

__all__ = ["Restorer"]


class Restorer:
    """Restores the subscriptions of one connection, one request at a time.

    Symbols that the server does not have are reported once and left out until the next connection, which asks for them
    again. `outage` is the reason for which this connection has to end: without it subscriptions would be missing.
    """

    def __init__(self, queue: RequestQueue, recovery: ErrorRecovery) -> None:
        self.outage: str | None = None
        self._queue, self._recovery = queue, recovery
        self._waiting: deque[Subscribe] = deque()
        self._is_asking = False
        self._unknown: set[str] = set()
        """Symbols that the server has said it does not have."""

    @property
    def is_idle(self) -> bool:
        """True if nothing is left to ask for."""
        return not self._waiting

    def add(self, requests: Iterable[Subscribe], limits: Limits | None) -> None:
        """Ask for these as well, in as few requests as the limits of the server allow."""
        self._waiting.extend(combined(requests, limits))

    def granted(self, symbols: Iterable[str]) -> None:
        """Take note that the server has accepted these symbols."""
        self._unknown.difference_update(symbols)

    def proceed(self, now: float) -> None:
        """Send the next request, unless one is on its way or the server wants no requests now."""
        while self._waiting and not self._is_asking and not self._recovery.held_for(now):
            wanted = [symbol for symbol in self._waiting[0].symbols if symbol not in self._unknown]
            if wanted:
                self._queue.ask(msgspec.structs.replace(self._waiting[0], symbols=wanted), Purpose.RESTORING, now)
                self._is_asking = True
            else:
                self._waiting.popleft()

    def answered(self, request: Message, reply: Message | WireError, now: float) -> list[ClientEvent]:
        """Take in the reply to a request; it is sent again where the server wants a pause, or has only some symbols."""
        assert isinstance(request, Subscribe)
        self._is_asking = False
        if isinstance(reply, NetworkError):
            self.outage = str(reply)
            return []
        if not isinstance(reply, Error):
            self._waiting.popleft()
            return []
        error = wire_error(reply)
        recovery = self._recovery.handle(error, now)
        unknown = _unknown(error).intersection(request.symbols)
        self._unknown |= unknown
        if not unknown and recovery.action is not Action.BACKOFF:
            self._waiting.popleft()
        return [ErrorOccurred(error, recovery, is_raised=False)]


def _unknown(error: WireError) -> set[str]:
    """Return the symbols that a refusal names as unknown."""
    named = (error.context or {}).get("unknown") if isinstance(error, SubscriptionFailed) else None
    return {symbol for symbol in named if isinstance(symbol, str)} if isinstance(named, list) else set()
