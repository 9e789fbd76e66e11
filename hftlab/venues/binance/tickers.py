"""Binance's own best bid and offer, with which a rebuilt book can be compared."""

from __future__ import annotations

from operator import itemgetter
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from hftlab.instruments import Instrument
from hftlab.venues.binance.capture import check_symbol, decode, split_line
from hftlab.venues.binance.messages import BookTicker, Kind
from hftlab.venues.binance.survey import detect_instrument
from hftlab.venues.capture_file import bad_line, read_lines
from hftlab.venues.decimals import parse_decimals

__all__ = ["BookTickers", "read_book_tickers"]

IntArray = npt.NDArray[np.int64]

_book_ticker = msgspec.json.Decoder(BookTicker)


class BookTickers(NamedTuple):
    """Best bid and offer after update `update_id`: int64 columns, prices in 1e-9, sizes in lots."""

    ts_recv: IntArray
    update_id: IntArray
    bid_price: IntArray
    bid_size: IntArray
    ask_price: IntArray
    ask_size: IntArray


def read_book_tickers(path: str | PathLike[str], *, instrument: Instrument | None = None) -> BookTickers:
    """Read the bookTicker stream of a capture, which is independent of its depth updates. Raises CaptureError."""
    path = Path(path).absolute()
    instrument = instrument or detect_instrument(path)
    numbers: list[tuple[int, int, int]] = []
    texts: list[tuple[str, str, str, str]] = []
    for number, line in filter(itemgetter(1), read_lines(path)):
        ts_recv, envelope, payload = split_line(path, number, line)
        if envelope.kind is Kind.BOOK_TICKER:
            ticker = decode(_book_ticker, path, number, payload)
            check_symbol(path, number, ticker.symbol, instrument)
            numbers.append((number, ts_recv, ticker.update_id))
            texts.append((ticker.bid_price, ticker.bid_size, ticker.ask_price, ticker.ask_size))
    lines, ts_recv_column, update_id = np.array(numbers, np.int64).reshape(-1, 3).T
    values: list[IntArray] = []
    for column, step in enumerate((1, instrument.lot, 1, instrument.lot)):
        parsed, bad = parse_decimals([row[column] for row in texts], step)
        if bad >= 0:
            raise bad_line(
                path, int(lines[bad]), f"has {texts[bad][column]!r}, which is not a number: fetch the capture again"
            )
        values.append(parsed)
    return BookTickers(ts_recv_column, update_id, *values)
