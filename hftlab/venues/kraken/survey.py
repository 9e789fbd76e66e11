"""Survey of a Kraken capture before it is read: the pairs and the decimals with which their numbers are written.

Kraken writes all decimals of a pair, zeros too, so that the last one is its step. It changes them at times, and the
first snapshot of a new pair may be empty: the steps are those of the whole file.
"""

from __future__ import annotations

from collections import defaultdict
from operator import itemgetter
from pathlib import Path
from typing import Final

from hftlab.errors import CaptureError
from hftlab.instruments import UNIT, Instrument, Venue
from hftlab.venues.capture_file import Progress, check_readable, read_lines
from hftlab.venues.grid import Grid, step_of
from hftlab.venues.kraken.messages import BookMessage, Kind, Level, decode_book, split_line
from hftlab.venues.kraken.price_range import is_in_range
from hftlab.venues.progress_bar import progress_reporter

__all__ = ["KRAKEN", "Survey", "texts_of"]

KRAKEN: Final = Venue("KRAKEN", "USD")


class Survey:
    """Survey of the capture at `path`, up to its first damage, which is for the reader to report.

    `progress` is called with the bytes read, as by the reader, whose own calls begin anew.

    Raises CaptureError unless the file begins like a capture and has a message of a book in it.
    """

    def __init__(self, path: Path, progress: Progress | None = None) -> None:
        check_readable(path)
        self._path = path
        self._grids: defaultdict[str, Grid] = defaultdict(Grid)
        try:
            with progress_reporter(path, progress) as report:
                self._read(report)
        except CaptureError:
            if not self._grids:
                raise
        if not self._grids:
            raise CaptureError(
                f"{path} has no Kraken message of a book: name a capture of the channel `book`", path=path
            )

    def _read(self, progress: Progress) -> None:
        for number, line in filter(itemgetter(1), read_lines(self._path, progress=progress)):
            kind, _, payload = split_line(self._path, number, line)
            if kind is Kind.CHANNEL:
                message = decode_book(self._path, number, payload)
                if isinstance(message, BookMessage):
                    grid = self._grids[message.pair]
                    grid.add(texts_of(message.bids))
                    grid.add(texts_of(message.asks))

    def instrument(self, pair: str) -> Instrument:
        """Return a pair's instrument: tick and lot are the last decimals, or a coarser lot for sizes beyond int64."""
        if pair not in self._grids:
            pairs = ", ".join(self._grids)
            raise CaptureError(f"{self._path} has no pair {pair}: it has {pairs[:200]}", path=self._path)
        grid = self._grids[pair]
        steps = step_of(grid.prices.longest), step_of(grid.sizes.longest)
        return grid.widened(Instrument(pair, KRAKEN, *steps, pair.rpartition("/")[2]), headroom=1)

    def is_written_in(self, instrument: Instrument) -> bool:
        """Tell whether every number of a pair is written with the decimals of the instrument's tick and lot."""
        grid = self._grids[instrument.symbol]
        columns = (grid.prices, instrument.tick), (grid.sizes, instrument.lot)
        return all(step * 10**extent.longest == UNIT and extent.shortest == extent.longest for extent, step in columns)


def texts_of(levels: list[Level]) -> list[tuple[str, str]]:
    """Return the (price, size) of each level whose price an EventBatch can hold."""
    return [(level.price, level.size) for level in levels if is_in_range(level.price)]
