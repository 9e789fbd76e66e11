"""Short texts for messages: one or two lines with what a person wants to know. All of it is in the fields.

`msgspec.structs.asdict(message)` and `hftlab.protocol.encode(message)` give everything.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from hftlab.clock import from_milliseconds, in_words

__all__ = ["number", "quote", "shown", "time_of"]

_SECRET: Final = ("token", "access_token", "refresh_token")
_SHOWN: Final = 3
"""Elements of a list that are shown; of a longer one their number as well."""
_ENVELOPE: Final = ("timestamp", "id", "channel")
"""Fields that every message has and that say nothing about what it says."""


def shown(message: msgspec.Struct) -> str:
    """Show a message by its type, and the fields that are not as they are by default."""
    parts = []
    for field in msgspec.structs.fields(message):
        value = getattr(message, field.name)
        if field.name not in _ENVELOPE and value is not None and value is not False:
            parts.append(f"{field.name}={'***' if field.name in _SECRET else _text(value)}")
    at = getattr(message, "timestamp", None)
    return f"{type(message).__name__}({', '.join(parts + ([time_of(at)] if isinstance(at, int | float) else []))})"


def quote(symbol: Any) -> str:
    """Show the state of a symbol: its best bid and ask, its last price, and how deep its levels are."""
    bid = f"{number(symbol.bid)} × {number(symbol.bid_size)}"
    ask = f"{number(symbol.ask)} × {number(symbol.ask_size)}"
    depth = "" if symbol.bids is None else f", {len(symbol.bids)} + {len(symbol.asks or ())} levels"
    return (
        f"MarketDataSymbol({symbol.symbol} on {symbol.exchange}: bid {bid}, ask {ask}, last {number(symbol.price)} "
        f"({symbol.change_percent:+.2f} %){depth}, {time_of(symbol.timestamp)})"
    )


def number(value: float) -> str:
    """Show a number with its thousands apart, and without zeros behind it."""
    return f"{value:,.10g}"


def time_of(milliseconds: float) -> str:
    """Show a time of the wire."""
    return in_words(from_milliseconds(milliseconds))


def _text(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{len(value)} entries}}" if len(value) > _SHOWN else repr(value)
    if not isinstance(value, list | tuple):
        return str(value) if isinstance(value, str) and type(value) is not str else repr(value)
    texts = [one if type(one) is str else _text(one) for one in value[:_SHOWN]]
    more = f" and {len(value) - _SHOWN:,} more" if len(value) > _SHOWN else ""
    return f"[{', '.join(texts)}{more}]"
