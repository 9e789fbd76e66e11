"""Files in which a simulated day is written as its venues would send it, besides the session."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, NamedTuple, Self

import numpy as np

from hftlab.errors import ArgumentError, HftlabError
from hftlab.events import COLUMNS, EventBatch
from hftlab.ingest.disk_errors import naming
from hftlab.instruments import BINANCE, LSE, NYSE, UNIT, Instrument
from hftlab.venues import binance, itch, mitch, nyse
from hftlab.venues.itch.capture_writer import PacketEncoder
from hftlab.venues.pcap import PcapWriter

__all__ = ["NATIVE_FORMATS", "NativeFile", "NativeFiles", "native_file", "native_files"]

_ITCH_PRICES: Final = 400_000 * UNIT
"""Upper bound of the last close of a stock in an ITCH file. The format's own bound is $429,496.7295."""


def _fits_itch(instrument: Instrument, close: int) -> bool:
    return instrument.primary and instrument.currency == "USD" and close < _ITCH_PRICES


class _Format(NamedTuple):
    """Format of a venue: which instruments it can hold, at their last close, and what to give where it has none."""

    fits: Callable[[Instrument, int], bool]
    wanted: str
    name: str
    """Name of its file in a folder; {} is the symbol where a file has one symbol, {day} the day where it tells none."""


NATIVE_FORMATS: Final[Mapping[str, _Format]] = {
    "binance": _Format(lambda one, _: one.venue == BINANCE, "symbols such as BTCUSDT", "{}.gz"),
    "itch": _Format(_fits_itch, "US stocks below $400,000", "nasdaq-{day}.itch"),
    "mitch": _Format(lambda one, _: one.venue == LSE, "stocks of London such as VOD", "lse.pcap"),
    "nyse": _Format(lambda one, _: one.venue == NYSE, "stocks of NYSE such as AAPL:NYSE", "nyse.pcap"),
}
"""Formats by name."""


class NativeFile(NamedTuple):
    """File of a format, and the instruments that it holds."""

    format_name: str
    path: Path
    instruments: tuple[Instrument, ...]


def native_files(
    formats: Iterable[str], path: Path | str, closes: Mapping[Instrument, int], day: dt.date
) -> list[NativeFile]:
    """Return the files of some formats for a day of instruments, given with their last closes (1e-9).

    One file is at `path`; where there have to be several, or a folder is there already, they are in the folder `path`.
    Raises ArgumentError for an unknown format, HftlabError for one that can hold none of the instruments.
    """
    folder = Path(path).absolute()
    files = [
        NativeFile(name, folder / NATIVE_FORMATS[name].name.format(group[0].symbol, day=day), group)
        for name in dict.fromkeys(formats)
        for group in _groups(name, closes)
    ]
    return [files[0]._replace(path=folder)] if len(files) == 1 and not folder.is_dir() else files


def native_file(format_name: str, path: Path | str, closes: Mapping[Instrument, int]) -> NativeFile:
    """Return the file at `path` of a format whose files hold many instruments. Raises as `native_files()`."""
    (group,) = _groups(format_name, closes)
    return NativeFile(format_name, Path(path).absolute(), group)


def _groups(format_name: str, closes: Mapping[Instrument, int]) -> list[tuple[Instrument, ...]]:
    """Return the instruments that a format can hold, those of each file together."""
    if format_name not in NATIVE_FORMATS:
        raise ArgumentError(f"{format_name!r} is not a format that is written: give {', '.join(NATIVE_FORMATS)}")
    fits, wanted, file_name = NATIVE_FORMATS[format_name]
    held = tuple(one for one, close in closes.items() if fits(one, close))
    if not held:
        symbols = ", ".join(one.wire_symbol for one in closes)
        raise HftlabError(f"none of {symbols} fits into {format_name}: give {wanted}")
    return [(one,) for one in held] if "{}" in file_name else [held]


class NativeFiles:
    """Files that are written batch by batch, and take their places when they are whole; a context manager.

    Files that are there stay until then. Folders that are missing are made.
    """

    def __init__(self, files: Iterable[NativeFile]) -> None:
        self._files = [_GrowingFile(file) for file in files]
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            for file in self._files:
                opened.callback(file.give_up)
                file.open()
            self._stack = opened.pop_all()
        return self

    def add(self, batch: EventBatch) -> None:
        """Write a batch to the files whose instruments it has. Raises EventError for what a format cannot express."""
        for file in self._files:
            file.add(batch)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._stack:
            if kind is None:
                for file in self._files:
                    file.finish()
                for file in self._files:
                    file.take_place()


class _GrowingFile:
    """File that grows beside the place that it will take."""

    def __init__(self, file: NativeFile) -> None:
        self._path, self._instruments = file.path, file.instruments
        # It ends as the file does, which says whether it is gzip and, of ITCH, a packet capture.
        self._new = self._path.with_name(f".new-{self._path.name}")
        self._encode, self._end, self._is_capture = _encoding(file)
        self._file: PcapWriter | BinaryIO | None = None

    def open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = PcapWriter(self._new) if self._is_capture else _opened(self._new)

    def add(self, batch: EventBatch) -> None:
        if len(own := _only(batch, self._instruments)):
            self._write(self._encode(own))

    def _write(self, parts: Iterable[Any]) -> None:
        assert self._file is not None
        with naming(self._path):
            for part in parts:
                self._file.write(part)

    def finish(self) -> None:
        assert self._file is not None
        self._write(self._end())
        with naming(self._path):
            self._file.close()

    def take_place(self) -> None:
        self._new.replace(self._path)

    def give_up(self) -> None:
        if self._file is not None:
            self._file.close()
        self._new.unlink(missing_ok=True)


class _Encoding(NamedTuple):
    """Encoding of a file: a batch and the end of the day as datagrams of a capture, or as bytes."""

    encode: Callable[[EventBatch], Iterable[Any]]
    end: Callable[[], Iterable[Any]]
    is_capture: bool


def _encoding(file: NativeFile) -> _Encoding:
    match file.format_name:
        case "nyse" | "mitch":
            encoder = nyse.Encoder() if file.format_name == "nyse" else mitch.Encoder()
            return _Encoding(encoder.encode, lambda: [encoder.end()], is_capture=True)
        case "itch":
            messages = itch.Encoder()
            if file.path.name.removesuffix(".gz").endswith(".pcap"):
                packets = PacketEncoder(messages)
                return _Encoding(packets.encode, packets.end, is_capture=True)
            return _Encoding(lambda batch: [messages.encode(batch)], lambda: [messages.end()], is_capture=False)
    lines = binance.Encoder(file.instruments[0])
    return _Encoding(lambda batch: [lines.encode(batch)], list, is_capture=False)


def _opened(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return gzip.open(path, "wb", compresslevel=6)  # type: ignore[return-value]
    return path.open("wb")


def _only(batch: EventBatch, instruments: tuple[Instrument, ...]) -> EventBatch:
    """Return the rows of some instruments."""
    numbers = np.array([instruments.index(one) if one in instruments else -1 for one in batch.instruments], np.int32)
    renumbered = numbers[batch.instrument_id]
    kept = renumbered >= 0
    columns = {name: getattr(batch, name)[kept] for name in COLUMNS} | {"instrument_id": renumbered[kept]}
    return EventBatch(**columns, instruments=instruments)
