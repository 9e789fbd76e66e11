"""Survey of one of Databento's files before it is read: its instruments, their symbols and their ticks."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hftlab.errors import CaptureError
from hftlab.events import ADD, CANCEL, F_LAST, MODIFY
from hftlab.instruments import Instrument
from hftlab.venues.capture_file import Progress, check_readable
from hftlab.venues.dbn.record_file import open_records
from hftlab.venues.dbn.records import UNDEFINED_PRICE, Records
from hftlab.venues.dbn.symbology import Symbology
from hftlab.venues.selection import check_selection

__all__ = ["Survey", "detect_instrument"]

Array = npt.NDArray[Any]


def detect_instrument(path: str | PathLike[str], symbol: str) -> Instrument:
    """Return the instrument of a symbol of a file, as `read()` makes it. Raises CaptureError."""
    return next(iter(Survey(Path(path), None).chosen([symbol], None).values()))


class Survey:
    """Survey of the file at `path`, and of the definitions beside it, up to the file's first damage.

    `progress` is called with the bytes read, as by the reader, whose own calls begin anew. Raises CaptureError for a
    file without a record that hftlab reads.
    """

    def __init__(self, path: Path, definitions: Path | None, progress: Progress | None = None) -> None:
        self._path = path
        self.symbology = Symbology()
        self._flagged = self._quotes = False
        if not path.is_file():
            check_readable(path)
        if definitions is not None:
            self._define(definitions)
        unread = 0
        try:
            for records in open_records(self._path, self.symbology, progress):
                if isinstance(records, int):
                    unread += records
                else:
                    self._measure(records)
        except CaptureError:
            if not self.symbology.ids:
                raise
        if not self.symbology.ids:
            raise CaptureError(
                f"{path} has no record of mbo, mbp-1, mbp-10, tbbo, trades or bbo, but {unread:,} others: "
                f"name another file",
                path=path,
            )

    def chosen(self, symbols: Iterable[str] | None, instrument: Instrument | None) -> dict[int, Instrument]:
        """Return the instruments of the symbols, or of all, by id; see read(). Raises CaptureError."""
        names = {number: self.symbology.symbol(number) for number in self.symbology.ids}
        wanted = dict.fromkeys(names.values() if symbols is None else symbols)
        check_selection(
            self._path,
            wanted,
            [name for name in names.values() if name in wanted],
            [name for name in names.values() if name not in wanted],
        )
        try:
            found = {number: self.symbology.instrument(number) for number, name in names.items() if name in wanted}
        except ValueError as error:
            raise CaptureError(f"{self._path}: {error}", path=self._path) from error
        if instrument is None:
            return found
        replaced = [number for number in found if names[number] == instrument.symbol] or list(found)
        if len(replaced) != 1:
            raise CaptureError(
                f"{self._path} has {len(replaced)} instruments, of which none is {instrument.symbol}: "
                f"choose one by its symbol",
                path=self._path,
            )
        (number,) = replaced
        self._check_tick(number, instrument)
        return found | {number: instrument}

    def _check_tick(self, number: int, instrument: Instrument) -> None:
        step = self.symbology.step(number)
        if step % instrument.tick:
            raise CaptureError(
                f"{self._path} has prices of {instrument.symbol} that are not multiples of the tick "
                f"{instrument.tick / 1e9:g}: give a tick that divides {step / 1e9:g}",
                path=self._path,
            )

    def _define(self, path: Path) -> None:
        if not path.is_file():
            check_readable(path)
        for _ in open_records(path, self.symbology, None):
            pass

    @property
    def ends_events(self) -> bool:
        """True if F_LAST marks the ends of events of orders and levels; in a file of trades alone it marks nothing."""
        return self._flagged and self._quotes

    def _measure(self, records: Records) -> None:
        columns = records.columns
        self._flagged |= bool((columns["flags"] & F_LAST != 0).any())
        self._quotes |= bool(np.isin(columns["action"], (ADD, CANCEL, MODIFY)).any())
        ids = columns["instrument_id"]
        if records.symbols is not None:
            for number, symbol in dict(zip(ids.tolist(), records.symbols, strict=True)).items():
                self.symbology.name(number, symbol)
        if records.levels is None:
            priced = np.isin(columns["action"], (ADD, MODIFY)) if records.kind == "mbo" else np.ones(len(ids), np.bool_)
            self.symbology.measure(ids, np.where(priced, columns["price"], 0))
            return
        prices, sizes = records.levels
        count = prices.shape[1] * prices.shape[2]
        there = (sizes > 0) & (prices != UNDEFINED_PRICE)
        self.symbology.measure(np.repeat(ids, count), np.where(there, prices, 0).reshape(-1))
