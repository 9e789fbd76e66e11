"""Small Binance captures, written line by line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from hftlab.errors import CaptureError
from hftlab.events import EventBatch
from hftlab.instruments import UNIT
from hftlab.venues import binance

Levels = dict[str, str]

SYMBOL = "BTCUSDT"
START = 1_710_000_000  # s: a time of which every unit is recognised
_MS = START * 1000


def stream(name: str, **data: Any) -> dict[str, Any]:
    return {"stream": f"btcusdt@{name}", "data": data}


def update(first: int, last: int, bids: Levels, asks: Levels, *, previous: int | None = None) -> dict[str, Any]:
    """A depth update of spot, or of futures if `previous` is given."""
    levels = {"b": list(bids.items()), "a": list(asks.items())}
    ids = {"s": SYMBOL, "U": first, "u": last}
    if previous is None:
        return stream("depth@100ms", e="depthUpdate", E=_MS + 1000 + last, **ids, **levels)
    return stream("depth@0ms", e="depthUpdate", E=_MS + 1000 + last, T=_MS + 990 + last, **ids, pu=previous, **levels)


def snapshot(last: int, bids: Levels, asks: Levels, **times: int) -> dict[str, Any]:
    return {"lastUpdateId": last, **times, "bids": list(bids.items()), "asks": list(asks.items())}


def trade(number: int, price: str, size: str, *, buyer_is_maker: bool, **more: Any) -> dict[str, Any]:
    fields = {
        "e": "trade",
        "E": _MS + 3000 + number,
        "T": _MS + 2000 + number,
        "s": SYMBOL,
        "t": number,
        "p": price,
        "q": size,
    }
    return stream("trade", **fields, m=buyer_is_maker, **more)


def ticker(number: int, bid: tuple[str, str], ask: tuple[str, str], **more: Any) -> dict[str, Any]:
    return stream("bookTicker", u=number, s=SYMBOL, b=bid[0], B=bid[1], a=ask[0], A=ask[1], **more)


def as_line(number: int, message: dict[str, Any] | bytes) -> bytes:
    """Line `number` from 1, received that many seconds after START; bytes are a whole line and stay as they are."""
    if isinstance(message, bytes):
        return message + b"\n"
    return b"%d %s\n" % ((START + number) * UNIT, json.dumps(message).encode())


def write_capture(path: Path, *messages: dict[str, Any] | bytes) -> Path:
    """Write one line a message, gzip if the name ends with .gz."""
    text = b"".join(as_line(number, message) for number, message in enumerate(messages, 1))
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def seconds(times: npt.NDArray[np.int64]) -> list[int]:
    """Whole seconds after START."""
    return [time // UNIT - START for time in times.tolist()]


def milliseconds(times: npt.NDArray[np.int64]) -> list[int]:
    """Whole ms after START."""
    return [time // 10**6 - _MS for time in times.tolist()]


SNAPSHOT = snapshot(10, {"100.01": "2", "100.00": "3"}, {"100.02": "1.5"})


def rows_of(batch: EventBatch) -> list[tuple[str, str, float, float, int]]:
    """(action, side, price, size, flags) with numbers as people read them."""
    instrument = batch.instruments[0]
    columns = (batch.action, batch.side, batch.price / UNIT, instrument.size(batch.size), batch.flags)
    return [
        (chr(action), chr(side), price, size, flags)
        for action, side, price, size, flags in zip(*(column.tolist() for column in columns), strict=True)
    ]


def read_whole(path: Path, **options: Any) -> tuple[EventBatch, binance.Stats]:
    reader = binance.read(path, **options)
    return EventBatch.concat(reader), reader.stats


def read_until_error(path: Path, **options: Any) -> tuple[EventBatch, str]:
    batches: list[EventBatch] = []
    with pytest.raises(CaptureError) as caught:
        batches.extend(binance.read(path, **options))
    assert caught.value.path == path
    return EventBatch.concat(batches), str(caught.value)
