"""Small Kraken captures, written line by line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Levels = Mapping[str, str]

PAIR = "XBT/EUR"
START = 1_618_678_000  # s
CONNECTION = b"wss://ws.kraken.com <-> 1618678132.38"
REQUEST = b'wss://ws.kraken.com <- 1618678132.82: {"event":"subscribe"}'


def levels(prices: Levels, second: int, *more: str) -> list[list[str]]:
    return [[price, size, f"{START + second}.123456", *more] for price, size in prices.items()]


def snapshot(bids: Levels, asks: Levels, *, pair: str = PAIR, depth: int = 10, second: int = 1) -> list[Any]:
    return [7, {"as": levels(asks, second), "bs": levels(bids, second)}, f"book-{depth}", pair]


def update(
    bids: Levels, asks: Levels, told: int | None = None, *, pair: str = PAIR, depth: int = 10, second: int = 2
) -> list[Any]:
    """One object, or two if both sides change, as Kraken does; the checksum in the last."""
    parts: list[dict[str, Any]] = []
    if asks:
        parts.append({"a": levels(asks, second)})
    if bids or not asks:
        parts.append({"b": levels(bids, second)})
    if told is not None:
        parts[-1]["c"] = str(told)
    return [7, *parts, f"book-{depth}", pair]


def write_capture(path: Path, *messages: Any) -> Path:
    """Write one line a message, received 1.5, 2.5, ... seconds after START; bytes are a whole line as it is."""
    lines = [
        message if isinstance(message, bytes) else f"{START + number}.5: {json.dumps(message)}".encode()
        for number, message in enumerate(messages, 1)
    ]
    text = b"\n".join(lines) + b"\n"
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path
