"""Building blocks of all messages: bounded numbers and texts, and the two base structs."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from hftlab.bounds import LARGEST_AMOUNT, LARGEST_PRICE, LARGEST_SIZE, SYMBOL
from hftlab.protocol.representation import shown

__all__ = [
    "CURRENCY",
    "Amount",
    "Base",
    "Count",
    "Currency",
    "Frequency",
    "Milliseconds",
    "Name",
    "Nanoseconds",
    "Part",
    "Position",
    "Price",
    "Size",
    "Symbol",
    "TradedPrice",
    "TradedSize",
]

CURRENCY: Final = r"^[A-Z][A-Z0-9]{2,9}\Z"
"""ISO 4217's three letters, and coins: USDT, USD1, FDUSD."""

# Bounds keep NaN and the infinities out: no comparison with NaN holds. 9.2e12 ms is the last time int64 ns can hold.
Milliseconds: TypeAlias = Annotated[float, Meta(gt=0, le=9.2e12)]
Nanoseconds: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""Exact times, which a double of milliseconds has no room for."""
Position: TypeAlias = Annotated[float, Meta(ge=0, le=9.2e12)]
Amount: TypeAlias = Annotated[float, Meta(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)]
Size: TypeAlias = Annotated[float, Meta(ge=0, le=LARGEST_SIZE)]
Price: TypeAlias = Annotated[float, Meta(ge=0, le=LARGEST_PRICE)]
TradedSize: TypeAlias = Annotated[float, Meta(gt=0, le=LARGEST_SIZE)]
TradedPrice: TypeAlias = Annotated[float, Meta(gt=0, le=LARGEST_PRICE)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Symbol: TypeAlias = Annotated[str, Meta(pattern=SYMBOL)]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]
Currency: TypeAlias = Annotated[str, Meta(pattern=CURRENCY)]
Frequency: TypeAlias = Annotated[int, Meta(ge=0, le=60_000)]


class Part(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True, gc=False):
    """Base of every part of a message. gc=False: no message can hold a reference cycle."""

    def __repr__(self) -> str:
        return shown(self)


class Base(Part, tag_field="type", kw_only=True):
    """Base of every message: the document's WebSocketMessage. `sequence` rises by one per message of a `channel`."""

    timestamp: Milliseconds
    id: str | None = None
    channel: Count | None = None
    sequence: Count | None = None

    @property
    def type(self) -> str:
        """Message type as the wire spells it, such as "MARKET_DATA"."""
        return str(self.__struct_config__.tag)
