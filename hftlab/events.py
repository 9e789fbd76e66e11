"""Events of order books as columns, with Databento's names and values.

A row is something that happened at a venue: `action` A adds, C cancels, M modifies and R clears; **T (trade), F (fill)
and N (none) never change a book**. Rows flagged `F_MBP` are about a whole price level instead of one order: A and M set
the level's total to `size`, C removes the level. `F_LAST` marks the last row of an event: only after it is the book
consistent.

Source of the names, actions, sides and flag bits: Databento, "MBO schema" and "Common fields, enums and types".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import EventError
from hftlab.instruments import Instrument

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

__all__ = [
    "ADD",
    "ASK",
    "BID",
    "CANCEL",
    "CLEAR",
    "COLUMNS",
    "FILL",
    "F_BAD_TS_RECV",
    "F_LAST",
    "F_MAYBE_BAD_BOOK",
    "F_MBP",
    "F_SNAPSHOT",
    "F_TOB",
    "MODIFY",
    "NONE",
    "NO_SIDE",
    "TRADE",
    "EventBatch",
    "instruments_metadata",
]

ADD, CANCEL, MODIFY, CLEAR, TRADE, FILL, NONE = b"ACMRTFN"
BID, ASK, NO_SIDE = b"BAN"

F_LAST: Final = 128
F_TOB: Final = 64
F_SNAPSHOT: Final = 32
F_MBP: Final = 16
F_BAD_TS_RECV: Final = 8
F_MAYBE_BAD_BOOK: Final = 4

COLUMNS: Final[dict[str, type[np.integer[Any]]]] = {
    "ts_event": np.int64,
    "ts_recv": np.int64,
    "sequence": np.int64,
    "instrument_id": np.int32,
    "order_id": np.uint64,
    "action": np.uint8,
    "side": np.uint8,
    "price": np.int64,
    "size": np.int64,
    "flags": np.uint8,
}
"""Columns and their dtypes, in Databento's order."""

_METADATA = b"hftlab.instruments"


@dataclass(frozen=True, slots=True, eq=False)
class EventBatch:
    """Batch of events in the order of their capture: one read-only numpy array of equal length per column.

    | column | dtype | unit |
    |---|---|---|
    | ts_event, ts_recv | int64 | ns since 1970 UTC: the venue's time, our capture's |
    | sequence | int64 | the venue's own number |
    | instrument_id | int32 | index into `instruments` |
    | order_id | uint64 | the venue's, 0 where it names no orders |
    | action, side | uint8 | ASCII, as `ADD` and `BID` above; `side` of a trade is the aggressor's |
    | price | int64 | 1e-9 of the instrument's currency |
    | size | int64 | the instrument's lots (not 1e-9 units, in which some coins' sizes would overflow) |
    | flags | uint8 | the bits above |

    Integer input of another dtype is converted if every value survives. Raises EventError naming the column.
    """

    ts_event: npt.NDArray[np.int64]
    ts_recv: npt.NDArray[np.int64]
    sequence: npt.NDArray[np.int64]
    instrument_id: npt.NDArray[np.int32]
    order_id: npt.NDArray[np.uint64]
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    flags: npt.NDArray[np.uint8]
    instruments: tuple[Instrument, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "instruments", tuple(self.instruments))
        for name in COLUMNS:
            object.__setattr__(self, name, _column(name, getattr(self, name)))
            if len(getattr(self, name)) != len(self.ts_event):
                raise EventError(
                    f"column {name} has {len(getattr(self, name))} rows and ts_event {len(self.ts_event)}: "
                    f"give every column the same length"
                )
        _require("action", self.action, _is_one_of(self.action, b"ACMRTFN"), "one of A C M R T F N")
        _require("side", self.side, _is_one_of(self.side, b"BAN"), "one of B A N")
        _require("size", self.size, self.size >= 0, "0 or more lots")
        known = (self.instrument_id >= 0) & (self.instrument_id < len(self.instruments))
        _require("instrument_id", self.instrument_id, known, f"an index of the {len(self.instruments)} instruments")

    def __len__(self) -> int:
        return len(self.ts_event)

    def __getitem__(self, rows: slice) -> EventBatch:
        """Return some of the rows; a slice of step 1 shares their memory."""
        if not isinstance(rows, slice):
            raise TypeError(f"an EventBatch is indexed by slices, not by {type(rows).__name__}")
        return EventBatch._trusted({name: getattr(self, name)[rows] for name in COLUMNS}, self.instruments)

    def __repr__(self) -> str:
        symbols = ", ".join(instrument.symbol for instrument in self.instruments[:4])
        more = ", ..." if len(self.instruments) > 4 else ""
        return f"EventBatch({len(self):,} rows of {symbols}{more})"

    def sorted(self) -> EventBatch:
        """Sort the rows by (ts_event, sequence), stably. Returns the batch itself if it is in that order already.

        So batches of several venues, concatenated, become one stream. Sequences of different venues compare as any
        numbers do: where two venues act in the same nanosecond the order is meaningless.
        """
        if not len(self):
            return self
        earlier, later = slice(None, -1), slice(1, None)
        same = self.ts_event[earlier] == self.ts_event[later]
        rises = self.ts_event[earlier] < self.ts_event[later]
        if (rises | (same & (self.sequence[earlier] <= self.sequence[later]))).all():
            return self
        order = np.lexsort((self.sequence, self.ts_event))
        return self.take(order)

    def take(self, rows: npt.NDArray[Any]) -> EventBatch:
        """Copy the rows that an array of row numbers or a mask of booleans selects."""
        return EventBatch._trusted({name: getattr(self, name)[rows] for name in COLUMNS}, self.instruments)

    @classmethod
    def concat(cls, batches: Iterable[EventBatch]) -> EventBatch:
        """Concatenate batches. Where their instruments differ, instrument_id is renumbered."""
        parts = list(batches)
        instruments = tuple(dict.fromkeys(instrument for part in parts for instrument in part.instruments))
        columns: dict[str, npt.NDArray[Any]] = {
            name: np.concatenate([getattr(part, name) for part in parts]) if parts else np.empty(0, dtype)
            for name, dtype in COLUMNS.items()
        }
        if any(part.instruments != instruments for part in parts):
            columns["instrument_id"] = np.concatenate([_renumbered(part, instruments) for part in parts])
        return cls._trusted(columns, instruments)

    def to_arrow(self) -> pa.Table:
        """Make an Arrow table over the same memory; the instruments are in the schema's metadata."""
        import pyarrow as pa

        table = pa.table({name: pa.array(getattr(self, name)) for name in COLUMNS})
        return table.replace_schema_metadata(instruments_metadata([one.to_dict() for one in self.instruments]))

    @classmethod
    def from_arrow(cls, table: pa.Table, instruments: Sequence[Instrument] | None = None) -> EventBatch:
        """Build a batch from a table of `to_arrow()`, zero-copy for columns of one chunk. Other columns are ignored.

        `instruments` are read from the metadata when not given. Raises EventError.
        """
        if instruments is None:
            instruments = _described(table.schema.metadata)
        return cls(**{name: _from_arrow(table, name) for name in COLUMNS}, instruments=tuple(instruments))

    def to_polars(self) -> pl.DataFrame:
        """Make a data frame over the same memory. polars keeps no metadata: pass `instruments` to `from_polars()`."""
        import polars as pl

        frame = pl.from_arrow(self.to_arrow())
        assert isinstance(frame, pl.DataFrame)
        return frame

    @classmethod
    def from_polars(cls, frame: pl.DataFrame, instruments: Sequence[Instrument]) -> EventBatch:
        """Build a batch from a frame of `to_polars()`, zero-copy for columns of one chunk. Raises EventError."""
        return cls.from_arrow(frame.to_arrow(), instruments)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        columns: Mapping[str, Any] | None = None,
        *,
        instrument: Instrument | Sequence[Instrument] | str | None = None,
        actions: Mapping[Any, str] | None = None,
        sides: Mapping[Any, str] | None = None,
        time_unit: str | None = None,
        price_unit: float = 1,
        size_unit: float = 1,
    ) -> EventBatch:
        """Build a batch of order-level events in whatever names and units: a frame of polars or pandas, an Arrow table.

        `columns` says what is what: `{"ts_event": "time", "symbol": pl.lit("AAPL"), ...}`, each with the name of the
        frame's column or an expression of polars. What it leaves out is found by its usual names (price, px; size, qty,
        volume; order_id, oid; ...). ts_event, action, side, price and size are needed; ts_recv is ts_event if there is
        none, sequence the row's number from 1, flags `F_LAST`, order_id 0. Rows stay in their order.

        Times are times, texts in ISO 8601 (UTC where they have no zone), or numbers since 1970 in `time_unit` ("s",
        "ms", "us", "ns"; by default the only one that makes them times between 2000 and 2100). Prices and sizes are
        multiplied by `price_unit` (0.0001 for LOBSTER's) and `size_unit`, and are then in the currency and in units.
        Actions and sides are Databento's letters or usual words in any case (add, cancel, trade; buy, ask, 1 and -1);
        `actions` and `sides` translate others: `actions={1: "A", 3: "C", 4: "F"}`.

        `instrument` is that of a frame without symbols, as text or Instrument; several are found by symbol. Unknown
        symbols get the coarsest tick and lot that all of their numbers fit. Raises EventError, which names the column
        and the first row that is wrong.
        """
        from hftlab.event_frame import batch_of_frame

        return batch_of_frame(
            frame,
            columns,
            instrument=instrument,
            actions=actions,
            sides=sides,
            time_unit=time_unit,
            price_unit=price_unit,
            size_unit=size_unit,
        )

    @classmethod
    def _trusted(cls, columns: dict[str, npt.NDArray[Any]], instruments: tuple[Instrument, ...]) -> EventBatch:
        """Make a batch of rows that were checked before, so that slicing does not read them all again."""
        batch = object.__new__(cls)
        for name, values in columns.items():
            object.__setattr__(batch, name, _frozen(values))
        object.__setattr__(batch, "instruments", instruments)
        return batch


assert [field.name for field in fields(EventBatch)] == [*COLUMNS, "instruments"]


def _column(name: str, values: Any) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise EventError(f"column {name} has {array.ndim} dimensions: give it one")
    dtype = np.dtype(COLUMNS[name])
    if array.dtype != dtype:
        if array.dtype.kind not in "iu" and array.size:
            raise EventError(f"column {name} is {array.dtype}: give integers ({dtype})")
        converted = array.astype(dtype)
        # A value that wraps around can come back equal in the other type; its sign then differs.
        _require(name, array, (converted == array) & ((converted < 0) == (array < 0)), f"{dtype} values")
        array = converted
    return _frozen(array)


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a contiguous read-only view: with one memory layout there is one compiled kernel."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def _require(name: str, values: npt.NDArray[Any], good: npt.NDArray[np.bool_], wanted: str) -> None:
    if not good.all():
        row = int(np.argmin(good))
        raise EventError(f"column {name} has {values[row]} in row {row}: give {wanted}")


def _is_one_of(values: npt.NDArray[np.uint8], letters: bytes) -> npt.NDArray[np.bool_]:
    allowed = np.zeros(256, np.bool_)
    allowed[list(letters)] = True
    return allowed[values]


def _renumbered(part: EventBatch, instruments: tuple[Instrument, ...]) -> npt.NDArray[np.int32]:
    numbers = {instrument: number for number, instrument in enumerate(instruments)}
    mapping = np.array([numbers[instrument] for instrument in part.instruments], np.int32)
    return mapping[part.instrument_id]


def instruments_metadata(described: Sequence[Mapping[str, Any]]) -> dict[bytes, bytes]:
    """Return the metadata by which an Arrow table says its instruments, given as `Instrument.to_dict()` has them."""
    return {_METADATA: json.dumps(list(described)).encode()}


def _described(metadata: dict[bytes, bytes] | None) -> tuple[Instrument, ...]:
    try:
        return tuple(Instrument.from_dict(values) for values in json.loads((metadata or {})[_METADATA]))
    except (KeyError, TypeError, ValueError) as error:
        raise EventError("the table does not say which instruments it holds: pass `instruments`") from error


def _from_arrow(table: pa.Table, name: str) -> npt.NDArray[Any]:
    if name not in table.column_names:
        raise EventError(f"column {name} is missing: an EventBatch needs {', '.join(COLUMNS)}")
    column = table.column(name)
    if column.null_count:
        raise EventError(f"column {name} has {column.null_count} empty values: fill or drop them")
    chunk = column.chunk(0) if column.num_chunks == 1 else column
    array: npt.NDArray[Any] = chunk.to_numpy(zero_copy_only=False)
    return array
