"""Requests of many symbols, split into as many as the limits of a server want."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

import msgspec

from hftlab.protocol.enums import DataType
from hftlab.protocol.messages import Ack, ChannelInfo, Limits, Subscribe, Unsubscribe

__all__ = ["joined", "split_request", "split_symbols"]

_ENVELOPE: Final = 320
"""Bytes of a request beside its symbols: 220 with all data types and the longest values."""

RequestT = TypeVar("RequestT", Subscribe, Unsubscribe)


def split_symbols(symbols: Iterable[str], limits: Limits | None) -> Iterator[list[str]]:
    """Split symbols into lists for one request each, as long as the limits allow; None are no limits."""
    most = None if limits is None else limits.max_symbols
    room = None if limits is None else limits.max_message_bytes - _ENVELOPE
    part: list[str] = []
    used = 0
    for symbol in symbols:
        size = len(msgspec.json.encode(symbol)) + 1  # JSON is the longer encoding of the two
        if part and (len(part) == most or (room is not None and used + size > room)):
            yield part
            part, used = [], 0
        part.append(symbol)
        used += size
    if part:
        yield part


def split_request(request: RequestT, limits: Limits | None) -> list[RequestT]:
    """Split a request into requests that ask for the same and are within the limits."""
    return [msgspec.structs.replace(request, symbols=part) for part in split_symbols(request.symbols, limits)]


def joined(acks: Sequence[Ack], said: str) -> Ack:
    """Join the acknowledgements of a split request; a channel of an earlier one may have been replaced since."""
    channels: dict[tuple[str, DataType], ChannelInfo] = {}
    for ack in acks:
        for info in ack.channels or ():
            for kind in info.data_types:
                for symbol in info.symbols:
                    channels[symbol, kind] = info
    current = list({info.channel: info for info in channels.values()}.values())
    return msgspec.structs.replace(acks[-1], message=said, channels=current)
