"""Requests of one connection: numbered, sent, and matched with their replies."""

from __future__ import annotations

import itertools
from collections import deque
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from hftlab.protocol.messages import (
    Ack,
    Auth,
    AuthFailed,
    AuthSuccess,
    CancelAll,
    CancelOrder,
    Error,
    Message,
    NewOrder,
    Ping,
    Pong,
    ReplaceOrder,
    ReplayControl,
    Subscribe,
    Unsubscribe,
)
from hftlab.protocol.subscribing.deadlines import Deadlines

__all__ = ["CANCELS", "ORDERS", "REPLIES", "Asked", "Duty", "Purpose", "Request", "RequestQueue"]

REPLIES: Final = (Ack, Error, Pong, AuthSuccess, AuthFailed)
"""Messages that may answer a request."""

ORDERS: Final = (NewOrder, ReplaceOrder)
"""Requests that are refused while the server wants a pause: an order that waited for its end would be late."""
CANCELS: Final = (CancelOrder, CancelAll)
"""Requests that do not wait for the end of a pause: a cancellation only reduces risk."""

Request: TypeAlias = (
    Subscribe | Unsubscribe | Ping | Auth | ReplayControl | NewOrder | ReplaceOrder | CancelOrder | CancelAll
)
"""Messages that are answered with one of REPLIES."""

_TIMEOUT: Final = 10.0
_CONTROL_TIMEOUT: Final = 60.0
"""Seconds without a REPLAY_STATUS: a seek may have to read much of a long recording, and a long step tells its position
on the way."""


class Duty(Enum):
    """Things that a ClientProtocol does at a time of its own."""

    GREETING = 1
    HEARTBEAT = 2
    HEALTH = 3
    CLOCK = 4
    RENEWAL = 5
    HOLD = 6


class Purpose(Enum):
    """Part of the protocol that a reply is for."""

    CALLER = 1
    SIGN_IN = 2
    RESTORING = 3
    CLOCK = 4


class Asked(NamedTuple):
    """A request that waits for its reply, for `timeout` seconds at most."""

    request: Request
    purpose: Purpose
    timeout: float


class RequestQueue:
    """Messages to send, and requests whose replies are outstanding. Callers' requests may be kept until release()."""

    def __init__(self, deadlines: Deadlines[Duty | str]) -> None:
        self.outgoing: deque[Message] = deque()
        self._deadlines = deadlines
        self._numbers = itertools.count(1)
        self._kept: dict[str, Asked] = {}
        self._asked: dict[str, Asked] = {}
        self._auth: str | None = None

    def ask(self, request: Request, purpose: Purpose, now: float) -> None:
        """Send a request at once."""
        self._send(self._number(request), Asked(request, purpose, _timeout(request)), now)

    def keep(self, request: Request) -> str:
        """Take a caller's request, to be sent at release(); returns its id."""
        number = self._number(request)
        self._kept[number] = Asked(request, Purpose.CALLER, _timeout(request))
        return number

    def release(self, now: float, kinds: tuple[type[Message], ...] | None = None) -> None:
        """Send what has been kept, or the requests of these types among it."""
        for number in self.kept(kinds):
            self._send(number, self._kept.pop(number), now)

    def kept(self, kinds: tuple[type[Message], ...] | None = None) -> list[str]:
        """Return the ids of what is kept, or of the requests of these types among it; the oldest first."""
        return [number for number, each in self._kept.items() if kinds is None or isinstance(each.request, kinds)]

    def withdraw(self, number: str) -> None:
        """Wait no more for the reply to a request; one that has not been sent is not sent."""
        self._kept.pop(number, None)
        self._take(number)

    def match(self, reply: Message) -> Asked | None:
        """Take the request that a message of REPLIES answers; None if it answers none."""
        asked = None if reply.id is None else self._take(reply.id)
        if asked is None and self._auth is not None and isinstance(reply, AuthSuccess | AuthFailed):
            return self._take(self._auth)  # the document's replies to AUTH carry no id
        return asked

    def expire(self, number: str, now: float, replay_heard_at: float) -> Asked | None:
        """Take a request whose deadline has passed; None for a control of a replay that is under way.

        `replay_heard_at` is the time of the newest REPLAY_STATUS, which gives such a control its whole time again.
        """
        asked = self._asked[number]
        if isinstance(asked.request, ReplayControl) and replay_heard_at + asked.timeout > now:
            self._deadlines.set(number, replay_heard_at + asked.timeout)
            return None
        self._take(number)
        return asked

    @property
    def has_kept(self) -> bool:
        """True if callers' requests wait for release()."""
        return bool(self._kept)

    def clear(self) -> tuple[list[str], list[str]]:
        """Forget all requests; returns the ids of callers' requests that were not sent, and those without a reply."""
        kept = list(self._kept)
        asked = [number for number, each in self._asked.items() if each.purpose is Purpose.CALLER]
        self.outgoing.clear()
        self._kept.clear()
        for number in list(self._asked):
            self._take(number)
        return kept, asked

    def _number(self, request: Request) -> str:
        request.id = f"req_{next(self._numbers)}"
        return request.id

    def _send(self, number: str, asked: Asked, now: float) -> None:
        self._asked[number] = asked
        self._deadlines.set(number, now + asked.timeout)
        if isinstance(asked.request, Auth):
            self._auth = number
        self.outgoing.append(asked.request)

    def _take(self, number: str) -> Asked | None:
        asked = self._asked.pop(number, None)
        if asked is not None:
            self._deadlines.drop(number)
            if self._auth == number:
                self._auth = None
        return asked


def _timeout(request: Request) -> float:
    return _CONTROL_TIMEOUT if isinstance(request, ReplayControl) else _TIMEOUT
