"""Market data of one row group: each message is made when it is asked for.

Columns become MessagePack: a double takes its eight bytes as they are, so that no digits are printed or parsed, and
records of one kind have one length, so that numpy lays out all of them at once and Arrow puts them together by the row.
msgspec then makes and checks the structs.
"""

from __future__ import annotations

import functools
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import compute

from hftlab.protocol import MarketData, MarketDataSymbol, OrderBookLevel, Side, Trade
from hftlab.session.schema import snake_names

__all__ = ["HEADER", "KNOWN", "MarketBlock", "Unknown", "header_messages", "market_block", "milliseconds"]

_TEXTS: Final = ("symbol", "exchange")
_LISTS: Final = ("bids", "asks", "trades")
_SYMBOL: Final = {name: wire for wire, name in snake_names(MarketDataSymbol).items()}
_NUMBERS: Final = [name for name in _SYMBOL if name not in (*_TEXTS, *_LISTS, "last_trade", "timestamp")]
HEADER: Final = ("ts_out", "ts_capture", "channel", "sequence", "id", "snapshot")
_NS_PER_MS: Final = 1_000_000
_KEYS: Final = {"message", "ts_recv", "ts_event", "ts_clock"}
KNOWN: Final = frozenset({*_KEYS, *HEADER, *_TEXTS, *_NUMBERS, *_LISTS, "last_trade"})
"""Columns that a block understands: one with other values in it is read by the table itself."""

_SIDES: Final = {Side.BUY.value: b"\xd9\x03BUY", Side.SELL.value: b"\xa4SELL"}
"""The two sides in MessagePack, in as many bytes each: a short text may have a long header."""


class _Header(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    timestamp: float
    channel: int | None = None
    sequence: int | None = None
    id: str | None = None
    snapshot: bool = False
    ts_recv: float | None = None


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(MarketData).decode


def market_block(rows: pa.Table) -> MarketBlock | None:
    """Prepare rows of the table market_data; None if they have anything that a block does not know."""
    others = [name for name in rows.column_names if name not in KNOWN]
    if not KNOWN.issubset(rows.column_names) or any(rows[name].null_count < rows.num_rows for name in others):
        return None
    try:
        return MarketBlock(rows)
    except Unknown:
        return None


class Unknown(Exception):
    """Values in the columns that need the table's own way, which also says what is wrong with them."""


class MarketBlock:
    """Messages of whole row groups of market_data: `numbers` and `times` (ts_recv, ns) of each, and itself."""

    def __init__(self, rows: pa.Table) -> None:
        numbers = _plain(rows["message"])
        starts = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
        self.numbers: list[int] = numbers[starts].tolist()
        self.times: list[int] = _plain(rows["ts_recv"])[starts].tolist()
        counts = np.diff(starts, append=rows.num_rows).tolist()
        self._heads = [
            bytes((header[0] + 1,)) + header[1:] + b"\xa7symbols\xdd" + count.to_bytes(4)
            for header, count in zip(_headers(rows.select(HEADER).take(pa.array(starts))), counts, strict=True)
        ]
        columns = {name: _whole(rows[name]) for name in (*_LISTS, "last_trade")}
        has = {name: np.asarray(column.is_valid()) for name, column in columns.items()}
        fixed = {_SYMBOL[name]: _plain(rows[name]) for name in _NUMBERS} | {
            "timestamp": milliseconds(_plain(rows["ts_event"]))
        }
        pieces = [_prefixes(rows, 15 + np.sum([*has.values()], axis=0)), _Records(fixed).of_rows()]
        for name in _LISTS:
            if has[name].any():
                records = _levels if name != "trades" else _trades
                pieces += _list_pieces(name, columns[name], has[name], records)
        if has["last_trade"].any():
            some = columns["last_trade"].filter(pa.array(has["last_trade"]))
            pieces.append(_trades(some, key=_text("lastTrade")).of_rows(has["last_trade"]))
        # Arrow does this without the interpreter's lock.
        whole = compute.binary_join_element_wise(*pieces, pa.scalar(b"", pa.large_binary()))
        _, offsets, data = whole.buffers()
        places = np.frombuffer(offsets, np.int64)[whole.offset :]
        self._places: list[int] = places[np.append(starts, rows.num_rows)].tolist()
        self._rows = memoryview(data)

    def message(self, index: int) -> MarketData:
        """Make the message at `index`. Raises msgspec.ValidationError if a value is out of the protocol's bounds."""
        rows = self._rows[self._places[index] : self._places[index + 1]]
        return _decode(b"".join((self._heads[index], rows)))


class _Records:
    """Numbers of many records, in MessagePack with their keys: `size` bytes each, one behind the other in `data`."""

    def __init__(
        self, columns: dict[str, npt.NDArray[Any]], *, before: bytes = b"", after: npt.NDArray[np.void] | None = None
    ) -> None:
        fields: list[tuple[str, Any]] = [("before", f"V{len(before)}")] if before else []
        marks = {"f": b"\xcb", "i": b"\xd3"}
        heads = {key: _text(key) + marks[column.dtype.kind] for key, column in columns.items()}
        for key, column in columns.items():
            fields += [(f"{key} key", f"V{len(heads[key])}"), (key, column.dtype.newbyteorder(">"))]
        if after is not None:
            fields.append(("after", after.dtype))
        records = np.empty(len(next(iter(columns.values()))), np.dtype(fields))
        if before:
            records["before"] = np.void(before)
        for key, column in columns.items():
            records[f"{key} key"] = np.void(heads[key])
            records[key] = column
        if after is not None:
            records["after"] = after
        self.size = records.dtype.itemsize
        self.data = records

    def of_rows(self, has: npt.NDArray[np.bool_] | None = None) -> Any:
        """Return the bytes of each row: those that have a record take one each, in order."""
        counts = np.ones(len(self.data), np.int64) if has is None else has.astype(np.int64)
        return _binary(self.data, np.append(0, np.cumsum(counts * self.size)))


def _binary(data: npt.NDArray[Any], offsets: npt.NDArray[np.int64]) -> Any:
    """Return an Arrow array of the bytes between offsets, without a copy."""
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data.view(np.uint8))]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def _list_pieces(key: str, column: Any, has: npt.NDArray[np.bool_], records: Any) -> list[Any]:
    """Return the heads and the items of a list in each row; one that is absent has no key either."""
    offsets = np.asarray(column.offsets)
    before = _text(key) + b"\xdd"
    heads = np.empty(int(has.sum()), np.dtype([("before", f"V{len(before)}"), ("length", ">u4")]))
    heads["before"] = np.void(before)
    heads["length"] = np.diff(offsets)[has]
    # The values of a slice are those of the whole.
    made: _Records = records(column.values.slice(offsets[0], offsets[-1] - offsets[0]))
    places = (offsets - offsets[0]).astype(np.int64) * made.size
    return [_binary(heads, np.append(0, np.cumsum(has * heads.dtype.itemsize))), _binary(made.data, places)]


def _levels(values: Any) -> _Records:
    columns = {wire: _plain(values.field(name)) for name, wire in _wire_names(OrderBookLevel)}
    return _Records(columns, before=bytes((0x80 + len(columns),)))


def _trades(values: Any, *, key: bytes = b"") -> _Records:
    names = [(name, wire) for name, wire in _wire_names(Trade) if name != "side"]
    sides = _whole(values.field("side")).dictionary_encode()
    texts = [_SIDES.get(text) for text in sides.dictionary.to_pylist()]
    if None in texts or sides.null_count:
        raise Unknown
    after = np.array([_text("side") + text for text in texts if text is not None] or [b""], "V10")
    columns = {wire: _plain(values.field(name)) for name, wire in names}
    return _Records(columns, before=key + bytes((0x81 + len(names),)), after=after[_plain(sides.indices)])


def _prefixes(rows: pa.Table, fields: npt.NDArray[np.int64]) -> Any:
    """Return the beginnings of rows: how many fields follow, symbol and exchange."""
    symbols, exchanges = (_whole(rows[name]).dictionary_encode() for name in _TEXTS)
    if symbols.null_count or exchanges.null_count:
        raise Unknown
    counts = len(exchanges.dictionary) * 32
    code = _plain(symbols.indices).astype(np.int64) * counts + _plain(exchanges.indices) * 32 + fields
    kinds, index = np.unique(code, return_inverse=True)
    symbol_texts, exchange_texts = symbols.dictionary.to_pylist(), exchanges.dictionary.to_pylist()
    made = []
    for kind in kinds.tolist():
        symbol, rest = divmod(kind, counts)
        exchange, count = divmod(rest, 32)
        made.append(
            b"\xde" + count.to_bytes(2) + _text("symbol") + _text(symbol_texts[symbol])
            + _text("exchange") + _text(exchange_texts[exchange])
        )  # fmt: skip
    return pa.array(made, pa.large_binary()).take(pa.array(index))


def _headers(first_rows: pa.Table) -> list[bytes]:
    columns = [first_rows[name].to_pylist() for name in ("channel", "sequence", "id", "snapshot")]
    if None in columns[-1]:
        raise Unknown
    captured = _whole(first_rows["ts_capture"])
    captures = [
        at if is_there else None
        for at, is_there in zip(
            milliseconds(np.asarray(captured.fill_null(0))).tolist(), captured.is_valid().to_pylist(), strict=True
        )
    ]
    sent = milliseconds(_plain(first_rows["ts_out"])).tolist()
    return [_encode(_Header(*header)) for header in zip(sent, *columns, captures, strict=True)]


def header_messages(first_rows: pa.Table) -> list[MarketData]:
    """Make messages without symbols, of the first row of each. Raises msgspec.ValidationError as message() does."""
    return [_decode(bytes((header[0] + 1,)) + header[1:] + b"\xa7symbols\x90") for header in _headers(first_rows)]


def milliseconds(ns: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Convert times as hftlab.session.times.to_ms does; numpy takes a quarter of the time for so few."""
    nearest = ns // _NS_PER_MS + (ns % _NS_PER_MS) / _NS_PER_MS
    return np.where(ns % 1000 == 0, ns // 1000 / 1000, nearest)


@functools.cache
def _wire_names(struct: type[msgspec.Struct]) -> list[tuple[str, str]]:
    """Name the fields of a nested struct: columns have the names of the wire there."""
    return [(wire, wire) for wire in snake_names(struct)]


def _text(text: str) -> bytes:
    return _encode(text)


def _whole(column: Any) -> Any:
    """Return a column in one piece that begins with its buffers."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if column.offset:
        column = pa.concat_arrays([column, column.slice(0, 0)])
    return column


def _plain(column: Any) -> npt.NDArray[Any]:
    """Return the numbers of a column without nulls."""
    if column.null_count:
        raise Unknown
    return np.asarray(_whole(column))
