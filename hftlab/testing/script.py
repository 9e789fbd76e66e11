"""The server's part of a conversation: what it says first, and what it answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias, TypeVar, get_args

from hftlab.client.arguments import one_of, symbol_list
from hftlab.errors import ArgumentTypeError
from hftlab.protocol import Auth, Message, Ping, Request
from hftlab.testing.steps import Step, is_reply, is_step

__all__ = ["Answer", "Script"]

M = TypeVar("M", bound=Message)
Answer: TypeAlias = Step | Callable[[Any], Iterable[Step]]
"""A step, or a function that makes the steps of the request that has come."""
_REQUESTS: Final = tuple(str(kind.__struct_config__.tag) for kind in get_args(Request))


class Script:
    """Answers of a server to each type of request, and all requests that came (`received`), in order.

    Without a script for its type a request gets what an agreeable server answers: PONG to PING, AUTH_SUCCESS to AUTH,
    ACK to everything else. Steps that do not contain a reply of their own are sent behind that answer:

        script.when("SUBSCRIBE", market_data("AAPL", bid=175.25, ask=175.27))    # each time: ACK, then the quote
        script.once("SUBSCRIBE", refuse("RATE_LIMIT_EXCEEDED", retryAfter=5))    # the next time alone
        script.when("NEW_ORDER", lambda order: [fill_of(order)])                 # made of the request
        script.when("HEARTBEAT", Silence())

    `symbols` are those that the server names; `account` is whom AUTH signs in. `welcome` are other fields of its first
    message by the wire's names (session, version, limits, ...), None leaves one out; without a session it says nothing
    at first, as a server of the reference document does.
    """

    def __init__(self, symbols: Iterable[str] = (), *, account: str = "alice", **welcome: Any) -> None:
        self.received: list[Message] = []
        self.account = account
        named = symbol_list(symbols) if symbols else None
        fields = {"session": "s1", "version": "1.0", "symbols": named} | welcome
        self.welcome: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
        """Fields of the server's first message; may be changed for the connections to come."""
        self._always: dict[str, tuple[Answer, ...]] = {}
        self._next: dict[str, deque[tuple[Answer, ...]]] = {}

    # --- what the server does ---

    def when(self, request: str, *answers: Answer) -> Script:
        """Answer every request of a type in this way from now on; without answers as if it were not scripted.

        Raises ArgumentError for an unknown type of request, and ArgumentTypeError for what is not an answer.
        """
        self._always[one_of("request", request, _REQUESTS)] = _checked(answers)
        return self

    def once(self, request: str, *answers: Answer) -> Script:
        """Answer the next request of a type in this way; calls add up, one for each request to come.

        Raises ArgumentError for an unknown type of request, and ArgumentTypeError for what is not an answer.
        """
        self._next.setdefault(one_of("request", request, _REQUESTS), deque()).append(_checked(answers))
        return self

    # --- what the client has sent ---

    def received_of(self, kind: type[M]) -> list[M]:
        """Return the requests of one type, such as hl.protocol.Subscribe."""
        return [request for request in self.received if isinstance(request, kind)]

    @property
    def types(self) -> list[str]:
        """Types of all requests, in order: ["SUBSCRIBE", "HEARTBEAT"]."""
        return [request.type for request in self.received]

    # --- for the end that runs the script ---

    def greet(self) -> list[Step]:
        """Return what the server says first."""
        if "session" not in self.welcome:
            return []
        return [{"type": "ACK", "message": "welcome", **self.welcome}]

    def answer(self, request: Message) -> list[Step]:
        """Take note of a request, and return what the server does about it."""
        self.received.append(request)
        waiting = self._next.get(request.type)
        answers = waiting.popleft() if waiting else self._always.get(request.type, ())
        steps: list[Step] = []
        for one in answers:
            steps += one(request) if callable(one) else [one]
        return steps if any(map(is_reply, steps)) else [self._agreement(request), *steps]

    def _agreement(self, request: Message) -> Step:
        if isinstance(request, Ping):
            return {"type": "PONG", "pingId": request.ping_id, "pingTimestamp": request.timestamp}
        if isinstance(request, Auth):
            return {"type": "AUTH_SUCCESS", "subject": self.account}
        return {"type": "ACK", "message": f"{request.type} is taken"}


def _checked(answers: tuple[Answer, ...]) -> tuple[Answer, ...]:
    for one in answers:
        # A class can be called, but Silence is meant to be Silence().
        if isinstance(one, type) or not (callable(one) or is_step(one)):
            raise ArgumentTypeError(
                f"a server answers with a message, a step such as Silence(), or a function of the request; got {one!r}"
            )
    return answers
