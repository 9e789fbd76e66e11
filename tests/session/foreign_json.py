"""Spells messages as other implementations of JSON might."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

from hftlab.protocol import JSON, Message

_UNKNOWN = (
    b"1e999",
    b"9" * 400,
    b'"\\ud83d\\ude80"',
    b'{"snapshot":true,"type":[null]}',
    b'"a\\": null"',
    b'"\xff"',
    b"[]",
)


def respelled(message: Message, chance: random.Random) -> bytes:
    """Return JSON that decodes to `message`, with any whitespace, key order, unknown fields and number spellings."""
    return _Spelling(chance).value(json.loads(JSON.encode(message)))


class _Spelling:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._style = chance.choice([(b"",), (b" ",), (b"", b" ", b"\t", b"\r", b"\n", b"\r\n  ")])
        self._oddity = chance.choice([0.0, 0.0, 0.05, 0.3])

    def value(self, value: Any) -> bytes:
        space = self._space
        match value:
            case dict():
                pairs = [pair for key, item in self._shuffled(value) for pair in self._pairs(key, item)]
                return b"{" + space() + b",".join(pairs) + b"}" + space()
            case list():
                return b"[" + b",".join(space() + self.value(item) for item in value) + space() + b"]"
            case str():
                return self._text(value)
            case float():
                return self._number(value)
        return json.dumps(value).encode()

    def _space(self) -> bytes:
        return self._chance.choice(self._style)

    def _is_odd(self) -> bool:
        return self._chance.random() < self._oddity

    def _shuffled(self, items: dict[str, Any]) -> list[tuple[str, Any]]:
        pairs = list(items.items())
        if self._is_odd():
            self._chance.shuffle(pairs)
        return pairs

    def _pairs(self, key: str, value: Any) -> list[bytes]:
        pairs = [self._pair(self._text(key), self.value(value))]
        if self._is_odd():
            name = self._chance.choice(["unknown", "Type", "symbol2", '":'])
            pairs.insert(0, self._pair(self._text(name), self._chance.choice(_UNKNOWN)))
        if key != "type" and self._is_odd():
            pairs.insert(0, self._pair(self._text(key), self.value(_other(value))))
        return pairs

    def _pair(self, key: bytes, value: bytes) -> bytes:
        return self._space() + key + self._space() + b":" + self._space() + value + self._space()

    def _text(self, text: str) -> bytes:
        if self._is_odd():
            return json.dumps(text).encode()
        return json.dumps(text, ensure_ascii=False).encode()

    def _number(self, value: float) -> bytes:
        spellings = [repr(value), f"{value:.17e}", repr(value).replace("e", "E")]
        if value:  # "-0" is an integer, which has no sign
            spellings += [f"{Decimal(value):f}", str(int(value)) if value.is_integer() else f"{value:.16E}"]
        return self._chance.choice(spellings if self._is_odd() else spellings[:1]).encode()


def _other(value: Any) -> Any:
    """Return another valid value of a field where there is an easy one."""
    match value:
        case bool():
            return not value
        case int():
            return 1
        case float():
            return value / 2 if abs(value) > 1e-300 else value
        case list():
            return value[:1]
    return value
