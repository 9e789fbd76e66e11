"""Records about accounts on their way over JetStream: requests one way, answers and private messages the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import msgspec

from hftlab.errors import ServerError, WireError
from hftlab.protocol.codec import JSON
from hftlab.protocol.order_messages import OrderUpdate, PortfolioUpdate, PositionUpdate, PrivateMessage
from hftlab.trading.order_entry import OrderRequest

__all__ = [
    "AccountRecord",
    "AnswerRecord",
    "Batch",
    "DisconnectRequest",
    "MessageRecord",
    "OrderSent",
    "StateRecord",
    "StateRequest",
    "answer_of",
    "batches",
    "decode_batch",
    "decode_private",
    "decode_request",
    "encode",
    "error_of",
    "request_of",
]

PrivateMessages: TypeAlias = OrderUpdate | PositionUpdate | PortfolioUpdate

encode: Final[Any] = msgspec.json.Encoder().encode


class OrderSent(msgspec.Struct, tag="order"):
    """Request of an account from a client of a gateway, with the gateway's number for it.

    `session` is that of the accounts which the client knows; `entered_by` a connection at whose end a new order is to
    be cancelled.
    """

    gateway: str
    number: int
    session: str
    account: str
    sent_at: int
    """Wall time of the gateway in ns."""
    request: msgspec.Raw
    entered_by: str | None = None


class StateRequest(msgspec.Struct, tag="state"):
    """Question of a gateway for the state of an account."""

    gateway: str
    number: int
    session: str
    account: str
    sent_at: int
    with_finished: bool = False


class DisconnectRequest(msgspec.Struct, tag="disconnect"):
    """End of a connection whose orders are to be cancelled."""

    gateway: str
    session: str
    sent_at: int
    entered_by: str


_request_decoder: Final[Any] = msgspec.json.Decoder(OrderSent | StateRequest | DisconnectRequest)
decode_request: Final[Any] = _request_decoder.decode


def request_of(sent: OrderSent) -> OrderRequest:
    """Return the request itself. Raises MessageParseError."""
    return JSON.decode_request(bytes(sent.request))  # type: ignore[return-value]


class MessageRecord(msgspec.Struct, tag="m", array_like=True):
    """Private message of the account, with its sequence."""

    payload: msgspec.Raw


class StateRecord(msgspec.Struct, tag="s", array_like=True):
    """One message of the state that a gateway has asked for; the answer comes behind the last."""

    gateway: str
    number: int
    payload: msgspec.Raw


class AnswerRecord(msgspec.Struct, tag="a", array_like=True):
    """Answer to a gateway's request: what it asked for is done, or an error says why it is not.

    `sequence` is that of the account's newest private message, in the answer to a StateRequest.
    """

    gateway: str
    number: int
    error: str | None = None
    error_type: str | None = None
    context: dict[str, Any] | None = None
    sequence: int | None = None


AccountRecord: TypeAlias = MessageRecord | StateRecord | AnswerRecord
"""Records of an account's stream."""


class Batch(msgspec.Struct):
    """Records of one account that are stored together, in their order."""

    session: str
    account: str
    records: list[AccountRecord]


decode_batch: Final[Any] = msgspec.json.Decoder(Batch).decode
_private_decoder: Final[Any] = msgspec.json.Decoder(PrivateMessages)


def decode_private(payload: msgspec.Raw | bytes) -> PrivateMessage:
    """Decode one private message."""
    message: PrivateMessage = _private_decoder.decode(payload)
    return message


def answer_of(gateway: str, number: int, error: WireError | None) -> AnswerRecord:
    """Make the answer to a request."""
    if error is None:
        return AnswerRecord(gateway, number)
    return AnswerRecord(gateway, number, str(error), error.wire_type, error.context)


def error_of(answer: AnswerRecord) -> WireError | None:
    """Return the error of an answer; None if there is none."""
    if answer.error is None:
        return None
    return WireError.of(answer.error_type or ServerError.wire_type, answer.error, answer.context)


def batches(
    session: str, records: Sequence[tuple[str, AccountRecord, int]], most_bytes: int
) -> list[tuple[Batch, bool]]:
    """Group records, each with its account and size in bytes, into batches of one account and at most that size.

    Those of an account are in their order, and come with whether they have private messages, which are to be kept for
    clients that come back.
    """
    grouped: list[tuple[Batch, bool]] = []
    newest: dict[str, int] = {}
    """Place of each account's newest batch."""
    sizes: list[int] = []
    for account, record, own in records:
        is_message = isinstance(record, MessageRecord)
        at = newest.get(account)
        if at is None or sizes[at] + own > most_bytes:
            newest[account] = len(grouped)
            grouped.append((Batch(session, account, [record]), is_message))
            sizes.append(own)
        else:
            batch, has_messages = grouped[at]
            batch.records.append(record)
            grouped[at] = batch, has_messages or is_message
            sizes[at] += own
    return grouped
