"""Files of Databento's forms, written by its own encoder: records as objects, metadata with mappings, CSV."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import databento_dbn as dbn
import pyarrow as pa

from hftlab.events import EventBatch
from hftlab.instruments import UNIT
from hftlab.venues import dbn as databento

START: Final = 1_700_000_000_000_000_000  # 2023-11-14
POINT: Final = 10**9
ACTIONS: Final = dict(zip("ACMRTFN", ["ADD", "CANCEL", "MODIFY", "CLEAR", "TRADE", "FILL", "NONE"], strict=True))
SIDES: Final = {"B": dbn.Side.BID, "A": dbn.Side.ASK, "N": dbn.Side.NONE}
ES: Final = 5002
UNDEFINED: Final = dbn.UNDEF_PRICE


def metadata(
    schema: str = "mbo", version: int = 3, dataset: str = "GLBX.MDP3", ts_out: bool = False, **symbols: int
) -> bytes:
    """Metadata that maps symbols to instrument ids; ESH4 is 5002 if none is given."""
    mapped = symbols or {"ESH4": ES}
    days = {"start_date": dt.date(2023, 11, 14), "end_date": dt.date(2023, 11, 15)}
    mappings = [
        SimpleNamespace(raw_symbol=name, intervals=[SimpleNamespace(**days, symbol=str(number))])
        for name, number in mapped.items()
    ]
    made = dbn.Metadata(
        dataset=dataset, start=START, stype_in=dbn.SType.RAW_SYMBOL, stype_out=dbn.SType.INSTRUMENT_ID,
        schema=dbn.Schema.from_str(schema), symbols=list(mapped), mappings=mappings, version=version,
        ts_out=ts_out,
    )  # fmt: skip
    return bytes(made)


def mbo(
    action: str, side: str, price: float, size: int, order: int, at: int = 1, *, flags: int = 128, number: int = ES
) -> Any:
    """A record of an order; received a microsecond after `at`, in µs since START."""
    return dbn.MBOMsg(
        1, number, START + at * 1000, order, UNDEFINED if price != price else round(price * POINT), size,
        getattr(dbn.Action, ACTIONS[action]), SIDES[side], START + at * 1000 + 1000, flags=flags, sequence=at,
    )  # fmt: skip


ORDERS = [
    mbo("R", "N", float("nan"), 0, 0, 1, flags=32 | 8),
    mbo("A", "B", 4500.25, 3, 7, 1, flags=32),
    mbo("A", "A", 4500.75, 5, 8, 1, flags=32 | 128),
    mbo("A", "B", 4500.25, 2, 9, 2),
    mbo("T", "A", 4500.25, 1, 0, 3, flags=0),
    mbo("F", "B", 4500.25, 1, 7, 3, flags=0),
    mbo("C", "B", 4500.25, 1, 7, 3),
    mbo("M", "B", -0.25, 2, 9, 4),
    mbo("N", "N", float("nan"), 0, 0, 5),
]


def trade(side: str, price: float, size: int, at: int = 1, *, flags: int = 0, number: int = ES) -> Any:
    return dbn.TradeMsg(
        1, number, START + at * 1000, round(price * POINT), size, dbn.Action.TRADE, SIDES[side], 0,
        START + at * 1000 + 1000, flags=flags, sequence=at,
    )  # fmt: skip


Rows = list[tuple[str, str, float, int, int]]
Book = tuple[list[tuple[float, int]], list[tuple[float, int]]]


def pairs(book: Book, depth: int) -> list[Any]:
    def of(side: list[tuple[float, int]], level: int) -> tuple[int, int]:
        return (round(side[level][0] * POINT), side[level][1]) if level < len(side) else (UNDEFINED, 0)

    made = [(*of(book[0], level), *of(book[1], level)) for level in range(depth)]
    return [dbn.BidAskPair(bid, ask, bid_size, ask_size, 1, 1) for bid, bid_size, ask, ask_size in made]


def mbp(
    depth: int, action: str, side: str, price: float, size: int, book: Book, at: int = 1, *, flags: int = 128,
    number: int = ES,
) -> Any:  # fmt: skip
    struct = {1: dbn.MBP1Msg, 10: dbn.MBP10Msg}[depth]
    return struct(
        1, number, START + at * 1000, round(price * POINT), size, getattr(dbn.Action, ACTIONS[action]), SIDES[side], 0,
        START + at * 1000 + 1000, flags=flags, sequence=at,
        levels=pairs(book, depth) if depth > 1 else pairs(book, depth)[0],
    )  # fmt: skip


def bbo(book: Book, at: int = 1) -> Any:
    return dbn.BBOMsg(
        dbn.RType.BBO_1S, 1, ES, START + at * 1000, UNDEFINED, 0, dbn.Side.NONE, START + at * 1000 + 1000,
        levels=pairs(book, 1)[0],
    )  # fmt: skip


def write_dbn(path: Path, *records: Any, head: bytes | None = None) -> Path:
    """Write metadata and records, packed if the name ends with zst."""
    data = (metadata() if head is None else head) + b"".join(map(bytes, records))
    path.write_bytes(pa.Codec("zstd").compress(data, asbytes=True) if path.suffix == ".zst" else data)
    return path


def write_csv(path: Path, *records: Any, pretty: bool, schema: str = "mbo", head: bytes | None = None) -> Path:
    """Write what Databento's own program makes of the same file, packed if the name ends with zst."""
    out = io.BytesIO()
    packed = dbn.Compression.ZSTD if path.suffix == ".zst" else dbn.Compression.NONE
    transcoder = dbn.Transcoder(out, dbn.Encoding.CSV, packed, pretty_px=pretty, pretty_ts=pretty)
    transcoder.write((metadata(schema) if head is None else head) + b"".join(map(bytes, records)))
    transcoder.flush()
    del transcoder
    path.write_bytes(out.getvalue())
    return path


def definition(symbol: str, tick: float, number: int = ES) -> Any:
    return dbn.InstrumentDefMsg(
        1, number, START, START, round(tick * POINT), POINT, symbol, "ES", "FUT", dbn.InstrumentClass.FUTURE,
        dbn.SecurityUpdateAction.ADD, currency="USD",
    )  # fmt: skip


def whole(path: Path, **options: Any) -> EventBatch:
    return EventBatch.concat(databento.read(path, **options))


def rows_of(batch: EventBatch) -> Rows:
    """Action, side, price, size and flags of each row."""
    letters = [(chr(action), chr(side)) for action, side in zip(batch.action, batch.side, strict=True)]
    numbers = zip(batch.price.tolist(), batch.size.tolist(), batch.flags.tolist(), strict=True)
    return [(*pair, price / UNIT, size, flags) for pair, (price, size, flags) in zip(letters, numbers, strict=True)]
