"""Market data of one row group as the JSON that a server sends: made, like its checks, by the column.

polars writes the JSON without the interpreter's lock. Numbers are spelled so that they are read back bit by bit.
"""

from __future__ import annotations

import functools
import math
import os
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from msgspec import inspect

from hftlab.protocol import MarketDataSymbol, OrderBookLevel, Side, Trade
from hftlab.protocol.base import Symbol
from hftlab.protocol.encoded_market_data import EncodedMarketData, Parts
from hftlab.session.market_block import HEADER, KNOWN, Unknown, header_messages, milliseconds
from hftlab.session.schema import snake_names

__all__ = ["EncodedBlock", "encoded_block"]

_COLUMNS: Final = snake_names(MarketDataSymbol) | {"timestamp": "ts_event"}
"""Columns by their names on the wire, in its order."""
_OPTIONAL: Final = {"bids": Parts.BIDS, "asks": Parts.ASKS, "lastTrade": Parts.LAST_TRADE}
_SIDES: Final = frozenset(side.value for side in Side)
_NEWLINE: Final = ord("\n")
_PROCESS: Final = f"process {os.getpid()}"
"""The process whose threads polars has: in a fork of it there are none, and polars would wait for them for ever.

A text: numbers of a module count as constants of kernels that use it, and would have them compiled in every process.
"""


def encoded_block(rows: pa.Table) -> EncodedBlock | None:
    """Encode rows of the table market_data; None if they have anything that has to be looked at one by one.

    It is None in a fork as well.
    """
    if f"process {os.getpid()}" != _PROCESS:
        return None
    others = [name for name in rows.column_names if name not in KNOWN]
    if not KNOWN.issubset(rows.column_names) or any(rows[name].null_count < rows.num_rows for name in others):
        return None
    try:
        return EncodedBlock(rows)
    except (Unknown, msgspec.ValidationError, UnicodeDecodeError):
        return None


class EncodedBlock:
    """Messages of whole row groups of market_data: `numbers` and `times` (ts_recv, ns) of each, and itself."""

    def __init__(self, rows: pa.Table) -> None:
        numbers = _numbers(rows["message"])
        starts = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
        self.numbers: list[int] = numbers[starts].tolist()
        self.times: list[int] = _numbers(rows["ts_recv"])[starts].tolist()
        stops = np.append(starts[1:], rows.num_rows)
        self._heads = header_messages(rows.select(HEADER).take(pa.array(starts)))
        columns = {wire: _whole(rows[name]) for wire, name in _COLUMNS.items()}
        columns["timestamp"] = pa.array(milliseconds(_numbers(columns["timestamp"])))
        _check(columns)
        has = {wire: np.asarray(columns[wire].is_valid()) for wire in (*_OPTIONAL, "trades")}
        self._parts = _parts(columns["symbol"], has, starts, stops)
        self._text = _Lists(columns, has, starts, stops) if has["trades"].any() else None
        del columns["trades"]
        self._state = _Lists(columns, has, starts, stops)
        self.sizes: list[int] = self._state.sizes if self._text is None else self._text.sizes
        """Bytes of each message."""
        self._has_trades: list[bool] = np.logical_or.reduceat(has["trades"], starts).tolist()

    def message(self, index: int) -> EncodedMarketData:
        """Return the message at `index`."""
        text = state = self._state.of(index)
        if self._text is not None and self._has_trades[index]:
            text = self._text.of(index)
        return EncodedMarketData(self._heads[index], self._parts[index], state, text)


class _Lists:
    """JSON of the lists of symbols of all messages, one line a symbol."""

    def __init__(
        self,
        columns: dict[str, Any],
        has: dict[str, npt.NDArray[np.bool_]],
        starts: npt.NDArray[np.int64],
        stops: npt.NDArray[np.int64],
    ) -> None:
        kept = {wire: column for wire, column in columns.items() if wire not in has or has[wire].any()}
        frame = pl.DataFrame(pl.from_arrow(pa.table(kept)))
        lines = frame.write_ndjson().encode()
        for wire, valid in has.items():
            if wire in kept and not valid.all():
                # An unescaped quote is never inside a JSON text, so that this is always a whole field.
                lines = lines.replace(f',"{wire}":null'.encode(), b"")
        self._lines = lines
        ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == _NEWLINE)
        assert len(ends) == stops[-1]
        begins = np.append(0, ends + 1)[starts]
        self._begins: list[int] = begins.tolist()
        self._ends: list[int] = ends[stops - 1].tolist()
        self.sizes: list[int] = (ends[stops - 1] - begins).tolist()

    def of(self, index: int) -> bytes:
        """Return the list of one message."""
        return b"[" + self._lines[self._begins[index] : self._ends[index]].replace(b"\n", b",") + b"]"


def _parts(
    symbols: Any, has: dict[str, npt.NDArray[np.bool_]], starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64]
) -> list[dict[str, int]]:
    """Return which Parts each symbol of each message has: one dictionary for all messages alike."""
    encoded = symbols.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    shift = max(Parts).bit_length()
    codes = _numbers(encoded.indices).astype(np.int64) << shift
    for wire, part in _OPTIONAL.items():
        codes |= has[wire] * int(part)
    made: dict[bytes, dict[str, int]] = {}
    found = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        key = codes[start:stop].tobytes()
        parts = made.get(key)
        if parts is None:
            parts = {names[code >> shift]: code & ((1 << shift) - 1) for code in codes[start:stop].tolist()}
            if len(parts) < stop - start:
                raise Unknown  # a symbol that comes twice: the second one is merged with the first
            made[key] = parts
        found.append(parts)
    return found


# --- what the protocol allows ---


def _check(columns: dict[str, Any]) -> None:
    """Raise unless MarketDataSymbol allows all values: Unknown, msgspec.ValidationError or UnicodeDecodeError."""
    msgspec.convert(_texts(columns["symbol"]), list[Symbol])
    _texts(columns["exchange"])
    _check_numbers(MarketDataSymbol, columns)
    for wire in ("bids", "asks"):
        _check_numbers(OrderBookLevel, _fields(OrderBookLevel, _items(columns[wire])))
    last_trades = columns["lastTrade"]
    for trades in (last_trades.filter(last_trades.is_valid()), _items(columns["trades"])):
        fields = _fields(Trade, trades)
        _check_numbers(Trade, fields)
        if not _SIDES.issuperset(_texts(fields["side"])):
            raise Unknown


def _items(column: Any) -> Any:
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        raise Unknown
    return column.flatten()


def _fields(struct: type[msgspec.Struct], structs: Any) -> dict[str, Any]:
    if structs.null_count or not pa.types.is_struct(structs.type):
        raise Unknown
    names = [field.name for field in structs.type]
    # All that is in a struct is written.
    if names != list(struct.__struct_encode_fields__):
        raise Unknown
    return {name: structs.field(name) for name in names}


def _check_numbers(struct: type[msgspec.Struct], columns: dict[str, Any]) -> None:
    for wire, kind, low, above, high in _bounds(struct):
        column = columns[wire]
        if column.type != kind:
            raise Unknown
        values = _numbers(column)
        # No comparison with NaN holds.
        if len(values) and not (low <= (least := values.min()) and least > above and values.max() <= high):
            raise Unknown


@functools.cache
def _bounds(struct: type[msgspec.Struct]) -> list[tuple[str, Any, float, float, float]]:
    """Return the numbers of a struct: name on the wire, type, from where, above what and up to where they may go."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    found = []
    for field in info.fields:
        if isinstance(kind := field.type, inspect.FloatType | inspect.IntType):
            assert kind.lt is None and kind.le is not None
            low = -math.inf if kind.ge is None else kind.ge
            above = -math.inf if kind.gt is None else kind.gt
            arrow = pa.float64() if isinstance(kind, inspect.FloatType) else pa.int64()
            found.append((field.encode_name, arrow, low, above, kind.le))
    return found


def _texts(column: Any) -> list[str]:
    """Return the different texts of a column without nulls. Raises UnicodeDecodeError if one is not UTF-8."""
    if column.null_count or not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise Unknown
    return column.unique().to_pylist()  # type: ignore[no-any-return]


def _whole(column: Any) -> Any:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _numbers(column: Any) -> npt.NDArray[Any]:
    if column.null_count:
        raise Unknown
    return np.asarray(column)
