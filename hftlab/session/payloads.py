"""The JSON in which a message is recorded, checked so that what is recorded can be replayed."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from hftlab.errors import MessageParseError
from hftlab.protocol import JSON, Message

__all__ = ["checked_payload"]

_STEP: Final = re.compile(r"(\w+)|\[(\d+)\]")


def checked_payload(message: Message) -> bytes:
    """Encode a message. Raises MessageParseError, which names field and value, if decoding would not give it again.

    Structs do not check what they are made of: a price may be NaN, which JSON does not have, and a symbol any text.
    """
    payload: bytes = JSON.encode(message)
    try:
        decoded = JSON.decode(payload)
    except MessageParseError as exc:
        raise _refusal(exc.field, _value(message, exc.field), str(exc)) from None
    if decoded != message:
        field = _difference(msgspec.to_builtins(message), msgspec.to_builtins(decoded))
        raise _refusal(field, _value(message, field), "JSON cannot hold it")
    return payload


def _refusal(field: str, value: object, reason: str) -> MessageParseError:
    named = reason if isinstance(value, dict | list) else f"`{field}` is {value!r} ({reason})"
    return MessageParseError(f"the message cannot be recorded, because it could not be replayed: {named}", field=field)


def _value(message: Message, field: str) -> Any:
    """Return the value at a place such as `symbols[0].price`, or the innermost one that is on the way to it."""
    value: Any = msgspec.to_builtins(message)
    for name, index in _STEP.findall(field):
        try:
            value = value[name] if name else value[int(index)]
        except (KeyError, IndexError):
            break
    return value


def _difference(ours: Any, theirs: Any, place: str = "") -> str:
    """Return the place of the first value that differs."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        inner = [(f"{place}.{key}" if place else key, ours[key], theirs.get(key)) for key in ours]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        inner = [(f"{place}[{at}]", *pair) for at, pair in enumerate(zip(ours, theirs, strict=True))]
    else:
        return place
    return next((_difference(one, other, at) for at, one, other in inner if one != other), place)
