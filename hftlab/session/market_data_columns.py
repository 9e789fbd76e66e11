"""Columns of MARKET_DATA messages that are plain JSON, at the speed of compiled code.

Payloads are read in pieces; most of the work on each is done without the interpreter's lock. What is not plain is
named, to be read by hftlab.session.json_lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from hftlab.session.json_kernel import PADDING
from hftlab.session.market_data_kernel import NUMBERS, Arrays, make_arrays, read_messages

__all__ = ["Columns", "plain_columns"]

_PIECE: Final = 8 * 1024 * 1024
"""Bytes read at a time."""
_LIST_NAMES: Final = ("bids", "asks", "trades")
_SIDES: Final = ("BUY", "SELL")

Array = npt.NDArray[Any]


class Columns(NamedTuple):
    """Columns of some messages, named and typed as on the wire."""

    is_plain: Array
    """True for each message that was read; the frames hold those alone."""
    header: pl.DataFrame
    """One row per message: all fields but its type and symbols."""
    counts: Array
    """Number of symbols of each message."""
    symbols: pl.DataFrame
    """One row per symbol."""


def plain_columns(payloads: Sequence[bytes]) -> Columns:
    """Read those of the payloads that are plain; they must be valid messages of the type MARKET_DATA."""
    pieces = [_read(payloads[start:stop]) for start, stop in _pieces(payloads)]
    return Columns(
        np.concatenate([piece.is_plain for piece in pieces]),
        pl.concat([piece.header for piece in pieces], rechunk=False),
        np.concatenate([piece.counts for piece in pieces]),
        pl.concat([piece.symbols for piece in pieces], rechunk=False),
    )


def _pieces(payloads: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yield ranges of payloads that have about _PIECE bytes together; at least one, which may be empty."""
    start = size = 0
    for place, payload in enumerate(payloads):
        size += len(payload)
        if size >= _PIECE:
            yield start, place + 1
            start, size = place + 1, 0
    if start < len(payloads) or start == 0:
        yield start, len(payloads)


def _read(payloads: Sequence[bytes]) -> Columns:
    data = np.frombuffer(b"\0".join([*payloads, PADDING]), np.uint8)
    starts = np.fromiter(accumulate((len(payload) + 1 for payload in payloads), initial=0), np.int64)
    arrays = make_arrays(len(payloads), len(data))
    messages, rows = read_messages(data, starts, arrays)
    return Columns(
        arrays.is_plain, _header(arrays, messages), arrays.header_integers[2, :messages], _symbols(arrays, rows)
    )


def _header(arrays: Arrays, count: int) -> pl.DataFrame:
    has_capture, has_channel, has_sequence, has_id, is_snapshot = arrays.header_flags[:, :count]
    times, captures = arrays.header_numbers[:, :count]
    channels, sequences, _ = arrays.header_integers[:, :count]
    columns = {
        "timestamp": _numbers(times),
        "id": _texts(arrays, 0, count, has_id),
        "channel": _numbers(channels, has_channel),
        "sequence": _numbers(sequences, has_sequence),
        "snapshot": _flags(is_snapshot),
        "tsRecv": _numbers(captures, has_capture),
    }
    return _frame(columns)


def _symbols(arrays: Arrays, count: int) -> pl.DataFrame:
    columns = {"symbol": _texts(arrays, 1, count), "exchange": _texts(arrays, 2, count)}
    columns |= {name: _numbers(values) for name, values in zip(NUMBERS, arrays.numbers[:, :count], strict=True)}
    bids, asks, trades = (int(ends[count]) for ends in arrays.list_ends)
    items = (
        _levels(arrays.levels[:2, :bids], arrays.orders[0, :bids]),
        _levels(arrays.levels[2:, :asks], arrays.orders[1, :asks]),
        _trades(arrays.trades[:, :trades], arrays.trade_flags[:trades]),
    )
    for name, ends, is_set, values in zip(_LIST_NAMES, arrays.list_ends, arrays.list_flags, items, strict=False):
        kind = pa.large_list(values.type)
        buffers = [_bits(is_set[:count]), pa.py_buffer(ends[: count + 1])]
        columns[name] = pa.Array.from_buffers(kind, count, buffers, children=[values])
    has_last = arrays.list_flags[3, :count]
    columns["lastTrade"] = _trades(arrays.last_trades[:, :count], arrays.last_flags[:count], has_last)
    return _frame(columns)


def _frame(columns: dict[str, pa.Array]) -> pl.DataFrame:
    frame = pl.from_arrow(pa.table(columns))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _levels(numbers: Array, orders: Array) -> pa.Array:
    return _structs({"price": _numbers(numbers[0]), "size": _numbers(numbers[1]), "orders": _numbers(orders)})


def _trades(numbers: Array, is_sale: Array, is_set: Array | None = None) -> pa.Array:
    prices, sizes, times = (_numbers(row, is_set) for row in numbers)
    sides = pa.array(_SIDES, pa.large_string()).take(_numbers(is_sale.view(np.int8), is_set))
    return _structs({"price": prices, "size": sizes, "timestamp": times, "side": sides}, is_set)


def _structs(columns: dict[str, pa.Array], is_set: Array | None = None) -> pa.Array:
    (count,) = {len(column) for column in columns.values()}
    kind = pa.struct({name: column.type for name, column in columns.items()})
    return pa.Array.from_buffers(kind, count, [_bits(is_set)], children=list(columns.values()))


def _numbers(values: Array, is_set: Array | None = None) -> pa.Array:
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [_bits(is_set), pa.py_buffer(values)])


def _texts(arrays: Arrays, kind: int, count: int, is_set: Array | None = None) -> pa.Array:
    ends = arrays.text_ends[kind, : count + 1]
    buffers = [_bits(is_set), pa.py_buffer(ends), pa.py_buffer(arrays.characters[kind, : ends[-1]])]
    return pa.Array.from_buffers(pa.large_string(), count, buffers)


def _flags(values: Array) -> pa.Array:
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bits(values)])


def _bits(values: Array | None) -> pa.Buffer | None:
    return None if values is None else pa.py_buffer(np.packbits(values, bitorder="little"))
