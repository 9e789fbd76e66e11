"""Check of messages that were made in this process: by a user's source, by publish(), by an importer."""

from __future__ import annotations

import numbers
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from hftlab.errors import MessageParseError
from hftlab.protocol.codec import MSGPACK
from hftlab.protocol.messages import Message

__all__ = ["check_message"]

_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_LONGEST: Final = 80
"""Characters of a value that an error shows."""


def check_message(message: Message) -> Message:
    """Return a copy of a message that is valid as the wire, its books and its recordings want it.

    Structs do not check what they are made of. This does, with all bounds; numbers of numpy become plain ones. Raises
    MessageParseError, whose text names the field, its value and the symbol that it belongs to.
    """
    if not isinstance(message, Message):
        raise MessageParseError(f"{_shown(message)} is not a message: make one of the classes in hftlab.protocol")
    try:
        data = _ENCODER.encode(message)
    except (TypeError, ValueError, OverflowError, RecursionError) as exc:
        raise _unsendable(message, exc) from None
    try:
        return MSGPACK.decode(data)
    except MessageParseError as exc:
        raise _explained(data, exc) from None


def _plain(value: object) -> object:
    """Make a number or text of another library a plain one. Raises TypeError."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise TypeError(f"{type(value).__name__} is not a type of the wire")


_ENCODER: Final = msgspec.msgpack.Encoder(enc_hook=_plain)


def _explained(data: bytes, error: MessageParseError) -> MessageParseError:
    """Add the value and its symbol to the error of a message that does not decode."""
    value: Any = msgspec.msgpack.decode(data)
    symbol = None
    for name, index in _STEP.findall(error.field):
        if isinstance(value, dict):
            symbol = value.get("symbol", symbol)
            value = value.get(name)
        elif isinstance(value, list) and index:
            value = value[int(index)]
    return _named(error.field, symbol, value, str(error))


def _unsendable(message: Message, error: Exception) -> MessageParseError:
    """Make the error for a message with something in it that has no encoding, such as a lone surrogate."""
    for field, symbol, value in _leaves(message, "", None):
        try:
            _ENCODER.encode(value)
        except (TypeError, ValueError, OverflowError):
            return _named(field, symbol, value, f"field `{field}` cannot be sent: {error}")
    return MessageParseError(f"{message.type} cannot be sent: {error}")


def _leaves(value: Any, place: str, symbol: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the place, symbol and value of each part that has no parts itself."""
    if isinstance(value, msgspec.Struct):
        symbol = getattr(value, "symbol", symbol)
        for name, encoded in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            yield from _leaves(getattr(value, name), f"{place}.{encoded}" if place else encoded, symbol)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{index}]", symbol)
    else:
        yield place, symbol, value


def _named(field: str, symbol: object, value: object, reason: str) -> MessageParseError:
    whose = f" of {_shown(symbol)}" if symbol is not None and not field.endswith("symbol") else ""
    return MessageParseError(f"{reason}; it is {_shown(value)}{whose}", field=field)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
