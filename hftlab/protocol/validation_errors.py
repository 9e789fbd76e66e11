"""Errors of messages that do not decode: they name the field and say what would fit."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from hftlab.bounds import SYMBOL, SYMBOL_RULE
from hftlab.errors import MessageParseError
from hftlab.protocol.base import CURRENCY
from hftlab.protocol.enums import DataType, OrderType, ReplayAction, Side, SlowConsumer, TimeInForce

__all__ = ["lenient", "malformed", "validation_error"]

_MISSING: Final = re.compile(r"missing required field `(?P<field>[^`]+)`")
_WHERE: Final = re.compile(r" - at `\$\.?(?P<field>.*)`$")
_NAME: Final = re.compile(r"(\w+)(?:\[[^]]*\])*$")

_PLACE: Final = re.compile(r"[\w.\[\]]{1,100}")
"""Places that may be quoted from a message that has not been checked."""
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")

_CHOICES: Final = {
    "dataTypes": DataType,
    "slowConsumer": SlowConsumer,
    "action": ReplayAction,
    "side": Side,
    "orderType": OrderType,
    "timeInForce": TimeInForce,
}
"""Values of the enumerated fields of requests."""

_PATTERNS: Final = {
    SYMBOL: SYMBOL_RULE,
    CURRENCY: "a currency is 3 to 10 capital letters and digits, and begins with a letter",
}


def validation_error(text: str) -> MessageParseError:
    """Make the error for a sentence of msgspec, such as "Expected `float`, got `str` - at `$.symbols[0].price`"."""
    where = _WHERE.search(text)
    field, reason = (where["field"], text[: where.start()]) if where else ("", text)
    missing = _MISSING.search(reason)
    if missing:
        field = f"{field}.{missing['field']}" if field else missing["field"]
        return MessageParseError(f"field `{field}` is missing", field=field)
    if field == "type":
        return MessageParseError(f"field `type` names no message type that may be sent here: {reason}", field=field)
    if not field:
        return MessageParseError(f"a message must be an object: {reason}")
    return MessageParseError(f"field `{field}` does not fit: {_explained(field, reason)}", field=field)


def malformed(data: bytes | str, encoding: str, error: Exception) -> MessageParseError:
    """Make the error for bytes that are not valid in their encoding, such as JSON with NaN or an infinity."""
    field = _non_finite(lenient(data)) if encoding == "JSON" else None
    if field is None:
        return MessageParseError(f"the message is not valid {encoding}: {error}")
    return MessageParseError(
        f"field `{field}` is NaN or an infinity, which JSON does not have: send a number, or leave it out", field=field
    )


def lenient(data: bytes | str) -> Any:
    """Decode JSON in which numbers may be NaN or infinite; None if it is not even that, or has lone surrogates."""
    try:
        text = data if isinstance(data, str) else data.decode()
        return None if _SURROGATE.search(text) else json.loads(text)
    except (ValueError, RecursionError):
        return None


def _explained(field: str, reason: str) -> str:
    for pattern, meaning in _PATTERNS.items():
        if repr(pattern) in reason:
            return meaning
    name = _NAME.search(field)
    choices = _CHOICES.get(name[1]) if name and reason.startswith("Invalid enum value") else None
    return reason if choices is None else f"{reason}, it may be {', '.join(choices)}"


def _non_finite(value: Any) -> str | None:
    """Find the first number that is NaN or infinite; returns its place."""
    waiting = [("", value)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, float) and not math.isfinite(value):
            return place if _PLACE.fullmatch(place) else None
        if isinstance(value, dict):
            waiting += reversed([(f"{place}.{key}" if place else key, inner) for key, inner in value.items()])
        elif isinstance(value, list):
            waiting += reversed([(f"{place}[{index}]", inner) for index, inner in enumerate(value)])
    return None
