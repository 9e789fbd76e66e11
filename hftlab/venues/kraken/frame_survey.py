"""Survey of a capture of API v2 before it is read: the pairs and the decimals with which their numbers are written."""

from __future__ import annotations

from operator import itemgetter

from hftlab.venues.capture_file import Progress, read_lines
from hftlab.venues.kraken.frame_lines import bad_frame, split_frame_line
from hftlab.venues.kraken.frames import BAD_FRAME, Frame, LevelText, number_text, texts_of
from hftlab.venues.kraken.price_range import is_in_range
from hftlab.venues.kraken.survey import Survey

__all__ = ["FrameSurvey"]


class FrameSurvey(Survey):
    """Survey of the books and trades of a capture, as Survey is of one of API v1."""

    def _read(self, progress: Progress) -> None:
        for number, line in filter(itemgetter(1), read_lines(self._path, progress=progress)):
            frame = split_frame_line(self._path, number, line).frame
            if not isinstance(frame, Frame):
                continue
            try:
                for symbol, levels in _numbers(frame):
                    self._grids[symbol].add(level for level in levels if is_in_range(level[0]))
            except BAD_FRAME as error:
                raise bad_frame(self._path, number, error) from error


def _numbers(frame: Frame) -> list[tuple[str, list[LevelText]]]:
    """Return price and quantity texts by their pair."""
    if frame.channel == "book":
        return [(book.symbol, [*texts_of(book.bids), *texts_of(book.asks)]) for book in frame.books()]
    if frame.channel == "trade":
        return [(one.symbol, [(number_text(one.price), number_text(one.size))]) for one in frame.trades()]
    return []
