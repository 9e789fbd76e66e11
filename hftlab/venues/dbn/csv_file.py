"""Databento's CSV files, plain or packed: prices as decimals or in 1e-9, times as ISO 8601 or in ns."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pyarrow import csv

from hftlab.errors import CaptureError
from hftlab.venues.capture_file import Progress, strip_line
from hftlab.venues.dbn.records import RTYPES, UNDEFINED_PRICE, Levels, Records, cleaned
from hftlab.venues.zstd_file import opened, unpacked

__all__ = ["read_csv"]

_BLOCK: Final = 1 << 22
_NEEDED: Final = ("ts_event", "rtype", "instrument_id", "price", "size")
_DEPTH: Final = 10
_PRICES: Final = ["price", *(f"{side}_px_{level:02}" for side in ("bid", "ask") for level in range(_DEPTH))]
_SIZES: Final = [f"{side}_sz_{level:02}" for side in ("bid", "ask") for level in range(_DEPTH)]
_NUMBERS: Final = ("rtype", "publisher_id", "instrument_id", "size", "flags", "sequence")
_TYPES: Final = {
    **dict.fromkeys(["ts_recv", "ts_event", "action", "side", "symbol", *_PRICES], pa.string()),
    **dict.fromkeys([*_NUMBERS, *_SIZES], pa.int64()),
    "order_id": pa.uint64(),
}
_EMPTY: Final = [""]
"""Texts that stand for no value; Arrow's own list has NA and NAN, which are symbols."""
_UNITS: Final = 10**9
_SHOWN: Final = 60
_UNDEFINED_TIME: Final = 2**64 - 1
Array = npt.NDArray[Any]


def read_csv(path: Path, progress: Progress | None = None) -> Iterator[Records | int]:
    """Yield the records of a file in runs of one kind, or how many of another kind stand between.

    Raises CaptureError for a file without Databento's columns and at a row of another form, after those before it; of
    a row whose numbers cannot be read, after those of the blocks of 4 MiB before it.
    """
    damage = _Damage()
    try:
        with pa.PythonFile(opened(damage.text_of(unpacked(path, _BLOCK, progress))), "r") as stream:
            rows = csv.open_csv(
                stream,
                read_options=csv.ReadOptions(block_size=_BLOCK, use_threads=False),
                parse_options=csv.ParseOptions(invalid_row_handler=damage.note),
                convert_options=csv.ConvertOptions(
                    column_types=_TYPES, null_values=_EMPTY, strings_can_be_null=True, quoted_strings_can_be_null=True
                ),
            )
            missing = [name for name in _NEEDED if name not in rows.schema.names]
            if missing:
                raise CaptureError(f"{path} lacks Databento's columns {', '.join(missing)}: fetch it again", path=path)
            done = 0
            for batch in rows:
                sound = damage.cut(batch, done)
                if len(sound):
                    frame = pl.from_arrow(pa.table(sound))
                    assert isinstance(frame, pl.DataFrame)
                    yield from _records(frame)
                if len(sound) < len(batch):
                    break
                done += len(batch)
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        raise _not_whole(path, str(error)) from error
    if damage.what:
        raise _not_whole(path, damage.what)


def _not_whole(path: Path, what: str) -> CaptureError:
    return CaptureError(
        f"{path} is not a whole CSV file of Databento ({what}): fetch it again, or go on with what was read before it",
        path=path,
    )


class _Damage:
    """First damage of a file: a row with another number of columns, or bytes that are no text.

    What tapes and Windows tools leave behind the last row is none.
    """

    def __init__(self) -> None:
        self.what = ""
        self._row = self._padding = 0

    def text_of(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield blocks up to the last line before bytes that are not UTF-8."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        for block in blocks:
            waiting, _ = decoder.getstate()
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                self.what = self.what or str(error)
                yield block[: block.rfind(b"\n", 0, max(error.start - len(waiting), 0)) + 1]
                return
            yield block

    def note(self, row: csv.InvalidRow) -> str:
        """Take note of an invalid row, and tell Arrow to go on."""
        if not strip_line(row.text.encode()):
            self._padding += 1
        elif not self._row:
            self._row = row.number - self._padding
            text = row.text if len(row.text) <= _SHOWN else f"{row.text[:_SHOWN]}..."
            self.what = f"row {row.number:,} has {row.actual_columns} of {row.expected_columns} columns, {text!r}"
        return "skip"

    def cut(self, batch: pa.RecordBatch, done: int) -> pa.RecordBatch:
        """Return what is before that row of a batch that follows `done` others; the header is row 1."""
        return batch.slice(0, max(self._row - 2 - done, 0)) if self._row else batch


def _records(frame: pl.DataFrame) -> Iterator[Records | int]:
    rtypes = frame["rtype"].fill_null(-1).to_numpy()
    ends = np.append(np.flatnonzero(rtypes[1:] != rtypes[:-1]) + 1, len(rtypes))
    start = 0
    for end in ends.tolist():
        run = frame[start:end]
        kind = RTYPES.get(int(rtypes[start]))
        if kind is None:
            yield end - start
        else:
            symbols = run["symbol"].fill_null("").to_list() if "symbol" in run.columns else None
            levels = _levels(run) if "bid_px_00" in run.columns else None
            yield Records(kind, cleaned(_columns(run, has_action=kind != "bbo")), levels, symbols)
        start = end


def _columns(run: pl.DataFrame, *, has_action: bool) -> dict[str, Array]:
    ts_event = _times(run["ts_event"])
    nothing = np.zeros(len(run), np.uint8)
    return {
        "ts_event": ts_event,
        "ts_recv": _times(run["ts_recv"]) if "ts_recv" in run.columns else ts_event,
        "sequence": _integers(run, "sequence"),
        "instrument_id": run["instrument_id"].to_numpy(),
        "order_id": run["order_id"].fill_null(0).to_numpy() if "order_id" in run.columns else nothing,
        "action": _letters(run, "action") if has_action else nothing,
        "side": _letters(run, "side"),
        "price": _prices(run["price"]),
        "size": _integers(run, "size"),
        "flags": _integers(run, "flags"),
    }


def _levels(run: pl.DataFrame) -> Levels:
    depth = sum(name.startswith("bid_px_") for name in run.columns)
    names = [[f"{side}_{{}}_{level:02}" for level in range(depth)] for side in ("bid", "ask")]
    prices = [[_prices(run[name.format("px")]) for name in side] for side in names]
    sizes = [[_integers(run, name.format("sz")) for name in side] for side in names]
    return Levels(np.moveaxis(np.array(prices), 2, 0), np.moveaxis(np.array(sizes), 2, 0))


def _integers(run: pl.DataFrame, name: str) -> Array:
    return run[name].fill_null(0).to_numpy() if name in run.columns else np.zeros(len(run), np.int64)


def _letters(run: pl.DataFrame, name: str) -> Array:
    return np.frombuffer("".join(run[name].fill_null("N").str.pad_end(1, "N").str.head(1)).encode(), np.uint8)


def _prices(texts: pl.Series) -> Array:
    """Return prices in 1e-9, exactly; one without a point is in that unit already, an empty one is undefined."""
    if texts.str.contains(".", literal=True).any():
        text = pl.col(texts.name)
        parts = text.str.strip_prefix("-").str.split_exact(".", 1)
        whole = parts.struct.field("field_0").cast(pl.Int64)
        fraction = parts.struct.field("field_1").fill_null("").str.pad_end(9, "0").str.head(9).cast(pl.Int64)
        units = (whole * _UNITS + fraction) * pl.when(text.str.starts_with("-")).then(-1).otherwise(1)
        texts = texts.to_frame().select(units.alias("price"))["price"]
    prices: Array = texts.cast(pl.Int64).fill_null(UNDEFINED_PRICE).to_numpy()
    return prices


def _times(texts: pl.Series) -> Array:
    """Return times in ns, of ISO 8601 or of digits; an empty one is undefined."""
    if texts.str.contains("T", literal=True).any():
        times = texts.str.strip_suffix("Z").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="ns")
        return times.cast(pl.Int64).cast(pl.UInt64).fill_null(_UNDEFINED_TIME).to_numpy()
    return texts.cast(pl.UInt64).fill_null(_UNDEFINED_TIME).to_numpy()
