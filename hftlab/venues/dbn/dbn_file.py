"""DBN files, plain or packed with zstd, decoded by the package databento-dbn: any version of the format.

Only the records that a Reader understands come out, as columns over the file's own memory layout; mappings and
definitions of instruments go to the symbology as they come.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hftlab.errors import CaptureError
from hftlab.venues.capture_file import Progress
from hftlab.venues.dbn.records import RTYPES, Levels, Records, cleaned
from hftlab.venues.dbn.symbology import Symbology
from hftlab.venues.zstd_file import unpacked

__all__ = ["read_dbn"]

_MAGIC: Final = b"DBN"
_HEAD: Final = 8
_DEFINITION, _MAPPING = 0x13, 0x16
_BLOCK: Final = 1 << 22
_RUN: Final = 1 << 12
Array = npt.NDArray[Any]


def read_dbn(path: Path, symbology: Symbology, progress: Progress | None = None) -> Iterator[Records | int]:
    """Yield the records of a file in runs of one kind, or how many of another kind stand between.

    Raises CaptureError where databento-dbn is missing, and for a file that is not whole, after what comes before.
    """
    dbn = _library(path)
    out = io.BytesIO()
    transcoder = dbn.Transcoder(out, dbn.Encoding.DBN, dbn.Compression.NONE)
    rest, began = b"", False
    try:
        for block in unpacked(path, _BLOCK, progress):
            transcoder.write(block)
            transcoder.flush()
            rest += out.getvalue()
            out.seek(0)
            out.truncate()
            if not began:
                size = _HEAD + int.from_bytes(rest[4:_HEAD], "little")
                if len(rest) < _HEAD or len(rest) < size:
                    continue
                _take_metadata(dbn.Metadata.decode(rest[:size]), symbology)
                rest, began = rest[size:], True
            used = yield from _runs(rest, dbn, symbology)
            rest = rest[used:]
    except (dbn.DBNError, ValueError, OSError, pa.ArrowException) as error:
        raise CaptureError(f"{path} is not a whole DBN file ({error}): fetch it again", path=path) from error
    if rest or not began or transcoder.buffer():
        raise CaptureError(f"{path} ends within a record of DBN: fetch it again", path=path)


def _library(path: Path) -> ModuleType:
    try:
        import databento_dbn
    except ImportError as error:
        raise CaptureError(
            f"{path} is read by the package databento-dbn, which is not installed: run `pip install 'hftlab[dbn]'`",
            path=path,
        ) from error
    library: ModuleType = databento_dbn
    return library


def _take_metadata(metadata: Any, symbology: Symbology) -> None:
    symbology.dataset = metadata.dataset
    for symbol, intervals in metadata.mappings.items():
        for interval in intervals:
            if interval["symbol"].isdigit():
                symbology.name(int(interval["symbol"]), symbol)


def _runs(data: bytes, dbn: ModuleType, symbology: Symbology) -> Generator[Records | int, None, int]:
    """Yield records of whole runs; returns the number of bytes used."""
    at = 0
    raw = np.frombuffer(data, np.uint8)
    while at < len(data) and (length := 4 * int(raw[at])) and at + length <= len(data):
        rtype = int(raw[at + 1])
        count = _run_length(raw[at:], length, rtype)
        run = data[at : at + count * length]
        at += count * length
        if rtype in RTYPES:
            yield _records(run, rtype, length, dbn)
        elif rtype == _MAPPING:
            for row in _rows(run, length, dbn.SymbolMappingMsg):
                symbology.name(int(row["instrument_id"]), _text(row["stype_in_symbol"]))
        elif rtype == _DEFINITION:
            for row in _rows(run, length, dbn.InstrumentDefMsg):
                symbology.define(
                    int(row["instrument_id"]),
                    _text(row["raw_symbol"]),
                    int(row["min_price_increment"]),
                    _text(row["currency"]),
                )
        else:
            yield count
    if at < len(data) and not raw[at]:
        raise ValueError("a record has no length")
    return at


def _run_length(raw: Array, length: int, rtype: int) -> int:
    """Return how many records of one length and type follow each other."""
    found = 0
    while True:
        some = raw[found * length : (found + _RUN) * length]
        rows = some[: len(some) // length * length].reshape(-1, length)
        same = (rows[:, 0] == length // 4) & (rows[:, 1] == rtype)
        if not same.all():
            return found + int(np.argmin(same))
        found += len(rows)
        if len(rows) < _RUN:
            return found


def _rows(run: bytes, length: int, struct: Any) -> Array:
    """Return records as rows of the library's own layout; a time of sending may follow it."""
    layout = np.dtype(struct._dtypes)
    if length > layout.itemsize:
        layout = np.dtype([*struct._dtypes, ("behind", f"V{length - layout.itemsize}")])
    return np.frombuffer(run, layout)


def _records(run: bytes, rtype: int, length: int, dbn: ModuleType) -> Records:
    kind = RTYPES[rtype]
    structs = {0xA0: dbn.MBOMsg, 0x00: dbn.TradeMsg, 0x01: dbn.MBP1Msg, 0x0A: dbn.MBP10Msg}
    rows = _rows(run, length, structs.get(rtype, dbn.BBOMsg))
    nothing = np.zeros(len(rows), np.uint8)
    columns = {
        name: rows[name] for name in ("ts_event", "ts_recv", "sequence", "instrument_id", "price", "size", "flags")
    }
    columns["order_id"] = rows["order_id"] if kind == "mbo" else nothing
    columns["action"] = nothing if kind == "bbo" else rows["action"].view(np.uint8)
    columns["side"] = rows["side"].view(np.uint8)
    depth = sum(name.startswith("bid_px_") for name in rows.dtype.names or ())
    levels = Levels(_levels(rows, "px", depth), _levels(rows, "sz", depth)) if depth else None
    return Records(kind, cleaned({name: np.ascontiguousarray(values) for name, values in columns.items()}), levels)


def _levels(rows: Array, what: str, depth: int) -> Array:
    sides = [[rows[f"{side}_{what}_{level:02}"].astype(np.int64) for level in range(depth)] for side in ("bid", "ask")]
    return np.moveaxis(np.array(sides), 2, 0)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace").rstrip("\0")
