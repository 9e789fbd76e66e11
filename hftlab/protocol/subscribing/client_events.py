"""Events of a ClientProtocol: what its owner has to do, or to tell others."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple, TypeAlias

import msgspec

from hftlab.errors import MessageParseError, WireError
from hftlab.protocol.messages import Message
from hftlab.protocol.subscribing.loss import Loss
from hftlab.transport.recovery import Recovery

__all__ = [
    "DUPLICATE",
    "REPLY",
    "STREAMED",
    "Answered",
    "ClientEvent",
    "Disconnect",
    "ErrorOccurred",
    "MessageKind",
    "Ready",
    "Received",
    "TokenNeeded",
    "Undecoded",
]


class MessageKind(Enum):
    """Use of a received message."""

    STREAMED = 1
    """For the readers of the client's messages."""
    REPLY = 2
    """Handled by the protocol: an answer, or an error that is reported as an ErrorOccurred."""
    DUPLICATE = 3
    """A private message that has come before."""


STREAMED: Final = MessageKind.STREAMED
REPLY: Final = MessageKind.REPLY
DUPLICATE: Final = MessageKind.DUPLICATE
"""By these names a member costs nothing: Python 3.11 finds one in its class by a call."""


class Received(msgspec.Struct, frozen=True):
    """A message has come; `account` is set on private messages, to the account that they belong to.

    A struct, which is made faster than a named tuple: there is one for each message.
    """

    message: Message
    account: str | None
    kind: MessageKind


class Undecoded(NamedTuple):
    """A payload has come that does not decode, at `received_at` (wall time in ns), and the error that says why."""

    payload: bytes
    received_at: int
    error: MessageParseError


class Answered(NamedTuple):
    """The request `request_id` has its reply, or the error that came instead."""

    request_id: str
    reply: Message | WireError


class ErrorOccurred(NamedTuple):
    """An error, and what the protocol does about it. If it `is_raised`, an Answered gives it to a caller as well."""

    error: WireError
    recovery: Recovery
    is_raised: bool


class TokenNeeded(NamedTuple):
    """Pass a token to authenticate(), or the error that there is instead to token_failed().

    `is_renewal` asks for a token that is newer than the last.
    """

    is_renewal: bool


class Ready(NamedTuple):
    """The connection is signed in, and every subscription is restored."""


class Disconnect(NamedTuple):
    """Close the socket at once, without a closing handshake that a silent peer would not answer."""

    reason: str


ClientEvent: TypeAlias = Received | Undecoded | Loss | Answered | ErrorOccurred | TokenNeeded | Ready | Disconnect
"""Whatever a ClientProtocol returns."""
