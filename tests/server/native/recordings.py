"""Short recordings of Binance for the tests of the native wire, and the books that they hold, without our streams."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from itertools import islice
from pathlib import Path

import polars as pl
import pytest

from hftlab.book import BookSet
from hftlab.clock import NANOSECONDS
from hftlab.events import EventBatch
from hftlab.ingest import import_capture, importing
from hftlab.ingest.simulation import exchange_on, record_simulation
from hftlab.instruments import Instrument
from hftlab.session import Session, event_table
from tests.server.native.local_book import Levels, LocalBook
from tests.shared_data import shared_data

__all__ = [
    "at",
    "book_of",
    "cut_capture",
    "imported",
    "imported_in_parts",
    "imported_with_gap",
    "simulated",
    "trades_of",
]


def cut_capture(name: str, folder: Path, lines: int) -> Path:
    """Write the first lines of a capture."""
    path = folder / f"{name}.txt"
    with gzip.open(shared_data(f"binance/{name}.gz"), "rb") as capture:
        path.write_bytes(b"".join(islice(capture, lines)))
    return path


def imported(name: str, folder: Path, lines: int = 3000) -> Session:
    """Import the first lines of a capture."""
    return import_capture("binance", cut_capture(name, folder, lines), folder / name).session


def imported_with_gap(folder: Path, lost: range, snapshot_after: int, lines: int = 3000) -> Session:
    """Import a capture of spot without some of its depth updates, and with a snapshot behind them.

    `lost` and `snapshot_after` count depth updates; the snapshot is the whole book after that one.
    """
    kept: list[bytes] = []
    book, count = LocalBook(), -1
    for line in cut_capture("spot_btcusdt_20240808", folder, lines).read_bytes().splitlines():
        stamp, _, text = line.partition(b" ")
        message = json.loads(text)
        if "lastUpdateId" in message:
            book.snapshot(message)
        if message.get("stream") != "btcusdt@depth@100ms":
            kept.append(line)
            continue
        count += 1
        book.update(message["data"])
        if count not in lost:
            kept.append(line)
        if count == snapshot_after:
            bids, asks = ([[f"{price}", f"{size}"] for price, size in side] for side in book.sides())
            answer = json.dumps({"lastUpdateId": book.last, "bids": bids, "asks": asks})
            kept.append(stamp + b" " + answer.encode())
    path = folder / "gap.txt"
    path.write_bytes(b"\n".join(kept) + b"\n")
    return import_capture("binance", path, folder / "gap").session


def imported_in_parts(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, lines: int = 2000) -> Session:
    """Import the first lines of a capture with events in parts of some hundred rows."""
    monkeypatch.setattr(event_table, "_PART_ROWS", 500)
    monkeypatch.setattr(importing, "_CHUNK", 100)
    return imported(name, folder, lines)


def simulated(folder: Path, seconds: float = 2.0) -> Session:
    """Simulate some seconds of two symbols, whose events are about orders and have no update ids."""
    return record_simulation(exchange_on("2026-01-02", 7, ["AAPL", "BTCUSDT"]), seconds, folder / "simulated").session


def at(session: Session, seconds: float) -> int:
    """Return a time of a session by its seconds from the start."""
    assert session.manifest.started is not None
    return session.manifest.started + round(seconds * NANOSECONDS)


def book_of(session: Session, update_id: int) -> tuple[Levels, Levels]:
    """Return the book after the update with an id, from the recorded events alone."""
    events = session.events.collect()
    is_trade = events["action"] == ord("T")
    rows = events.filter(~is_trade & (events["sequence"] <= update_id)).drop("symbol")
    instruments = [Instrument.from_dict(one) for one in session.manifest.source["instruments"]]
    books = BookSet()
    books.apply(EventBatch.from_polars(rows, instruments))
    book = books[instruments[0]]
    tick, lot = Decimal(instruments[0].tick).scaleb(-9), Decimal(instruments[0].lot).scaleb(-9)
    bids, asks = (zip(*(column.tolist() for column in book.level_arrays(side)), strict=True) for side in ("B", "A"))
    return [(ticks * tick, lots * lot) for ticks, lots in bids], [(ticks * tick, lots * lot) for ticks, lots in asks]


def trades_of(session: Session) -> dict[int, tuple[Decimal, Decimal]]:
    """Return price and size of the recorded trades by their ids."""
    instrument = Instrument.from_dict(session.manifest.source["instruments"][0])
    rows = session.events.collect().filter(pl.col("action") == ord("T")).select("sequence", "price", "size")
    return {
        number: (Decimal(price).scaleb(-9), Decimal(lots * instrument.lot).scaleb(-9))
        for number, price, lots in rows.iter_rows()
    }
