"""Events that a ServerProtocol hands to its owner: log, send replies, act on requests, close the connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from hftlab.protocol.messages import CancelAll, CancelOrder, NewOrder, ReplaceOrder, ReplayControl

__all__ = [
    "AuditLine",
    "Close",
    "Event",
    "OrderRequested",
    "ReplayRequested",
    "Reply",
    "SignInRequested",
    "Subscribed",
]


class AuditLine(NamedTuple):
    """One line for the audit log: its level, the event and the fields that go with it; never a token."""

    level: Literal["info", "warning"]
    event: str
    fields: Mapping[str, Any]


class Reply(NamedTuple):
    """One payload for the client, and what to do where it has to wait because the client reads slowly.

    An `urgent` one goes before all that waits and is not urgent. A `private` one belongs to the account that is signed
    in. `changes_account` says that this account has changed: private ones that still wait are to be dropped first.
    """

    payload: bytes
    urgent: bool = False
    private: bool = False
    changes_account: bool = False


class Subscribed(NamedTuple):
    """The connection has its first subscription."""


class ReplayRequested(NamedTuple):
    """The client asks for a change of the replay; its outcome goes to ServerProtocol.answer_replay()."""

    request: ReplayControl


class SignInRequested(NamedTuple):
    """The connection has shown a good token of `account`; its state goes to ServerProtocol.sign_in()."""

    account: str


class OrderRequested(NamedTuple):
    """The account that is signed in asks for something; the outcome goes to ServerProtocol.answer_order()."""

    request: NewOrder | CancelOrder | ReplaceOrder | CancelAll


Event: TypeAlias = Subscribed | ReplayRequested | SignInRequested | OrderRequested
"""Events that the owner of a connection has to act on."""


class Close(NamedTuple):
    """The code and the reason with which the owner closes the connection, once it has sent the replies."""

    code: int
    reason: str
