"""Building blocks of all messages: bounded numbers and texts, and the two base structs."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

__all__ = [
    "CURRENCY",
    "SYMBOL",
    "Amount",
    "Base",
    "Count",
    "Currency",
    "Frequency",
    "Milliseconds",
    "Name",
    "Part",
    "Position",
    "Price",
    "Size",
    "Symbol",
    "TradedPrice",
]

SYMBOL: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/^=-]{0,31}\Z"
CURRENCY: Final = r"^[A-Z]{3,5}\Z"

# Bounds keep NaN and the infinities out: no comparison with NaN holds. 9.2e12 ms is the last time int64 ns can hold.
Milliseconds: TypeAlias = Annotated[float, Meta(gt=0, le=9.2e12)]
Position: TypeAlias = Annotated[float, Meta(ge=0, le=9.2e12)]
Amount: TypeAlias = Annotated[float, Meta(ge=-1e18, le=1e18)]
Size: TypeAlias = Annotated[float, Meta(ge=0, le=1e18)]
Price: TypeAlias = Annotated[float, Meta(ge=0, le=1e15)]
TradedPrice: TypeAlias = Annotated[float, Meta(gt=0, le=1e15)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Symbol: TypeAlias = Annotated[str, Meta(pattern=SYMBOL)]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]
Currency: TypeAlias = Annotated[str, Meta(pattern=CURRENCY)]
Frequency: TypeAlias = Annotated[int, Meta(ge=0, le=60_000)]


class Part(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True, gc=False):
    """Base of every part of a message. gc=False: no message can hold a reference cycle."""


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
