"""The view of a heat map of a recorded session: all of it at once, in finer tiles where one looks."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

from hftlab.clock import from_milliseconds
from hftlab.nearest import nearest
from hftlab.session import Session
from hftlab.widgets.core.commands import Commands
from hftlab.widgets.core.interfaces import Client
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.view import Reply, View
from hftlab.widgets.heatmap.column import Column
from hftlab.widgets.heatmap.frame import Terms, new_epoch, pack_columns
from hftlab.widgets.heatmap.picture import heatmap_svg
from hftlab.widgets.heatmap.recorded_book import RecordedBook, Window
from hftlab.widgets.heatmap.view import HeatMapView, checked_time

__all__ = ["RecordedHeatMapView"]

KEPT: Final = 24
"""Tiles that are kept."""


class _Shown(NamedTuple):
    """A symbol's book, and the columns of all of the recording."""

    book: RecordedBook
    columns: list[Column]
    terms: Terms
    frame: bytes


class RecordedHeatMapView(View):
    """One symbol's book in a session. The settings are `symbol` and `time`, as those of HeatMapView.

    A frame has all of the recording in a few hundred columns. The page asks for finer ones where it looks; they are
    computed on a thread of their own, and what is not looked at any more by then is left out.
    """

    page: ClassVar[Path] = HeatMapView.page

    def __init__(self, client: Client, session: Session, symbol: str, rate: float = 10) -> None:
        super().__init__(client, rate, symbol=symbol, time=None)
        self._session = session
        self._shown: dict[str, _Shown] = {}
        self._begun = {symbol}
        self._tiles: OrderedDict[tuple[str, Window], bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._commands = Commands(self._done)
        self._read(symbol)

    @property
    def ages(self) -> bool:
        """A recording does not change."""
        return False

    def checked(self, name: str, value: Any) -> Any:
        """Return a new value of a setting. Raises ValueError."""
        return checked_time(value) if name == "time" else super().checked(name, value)

    def notice(self) -> str:
        """Say that the session does not have the symbol, with the nearest name."""
        symbol, symbols = self.settings["symbol"], self._session.manifest.symbols
        if symbol in symbols:
            return ""
        near = nearest(symbol, symbols)
        return f"the session has no {symbol}" + (f": did you mean {near}?" if near else "")

    def snapshot(self) -> bytes:
        """Pack all of the recording; see pack_columns. The frame is empty until another symbol's has been computed."""
        symbol = self.settings["symbol"]
        if (shown := self._shown.get(symbol)) is not None:
            return shown.frame
        if symbol not in self._begun:
            self._begun.add(symbol)
            self._commands.put(lambda: self._read(symbol))
        return b""

    def receive(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> Reply | None:  # noqa: ARG002
        """Answer {"tile": {from, to, columns, low, high, rows}} with this part of the recording, or that it comes.

        Times are in ms, prices in ticks. A page that has to wait is told when it may ask again.
        """
        asked, symbol = content["tile"], self.settings["symbol"]
        shown = self._shown.get(symbol)
        if shown is None:
            return None
        start, end = (from_milliseconds(asked[name]) for name in ("from", "to"))
        low, high = math.floor(asked["low"]), math.ceil(asked["high"])
        window = shown.book.window(start, end, int(asked["columns"]), low, high, int(asked["rows"]))
        with self._lock:
            tile = self._tiles.get((symbol, window))
            if tile is not None:
                self._tiles.move_to_end((symbol, window))
                return {"tile": True}, [tile]
        self._commands.put(lambda: self._compute(symbol, shown, window), only_newest="tile")
        return {"tile": False}, []

    def picture(self) -> Picture:
        """Draw all of the recording as a static picture."""
        symbol = self.settings["symbol"]
        shown = self._shown.get(symbol)
        columns, terms = ([], _NOTHING) if shown is None else (shown.columns, shown.terms)
        return Picture(heatmap_svg(symbol, columns, terms), f"{symbol}'s heat map")

    def close(self) -> None:
        """Leave out what is not computed yet."""
        self._commands.clear()

    def _read(self, symbol: str) -> None:
        book = RecordedBook(self._session, symbol)
        columns, terms = book.tile(book.whole, new_epoch())
        self._shown[symbol] = _Shown(book, columns, terms, pack_columns(terms, 0, columns))

    def _compute(self, symbol: str, shown: _Shown, window: Window) -> None:
        tile = b""  # also where it cannot be computed: the page would ask for ever
        try:
            columns, terms = shown.book.tile(window, shown.terms.epoch)
            tile = pack_columns(terms, 0, columns)
        finally:
            with self._lock:
                self._tiles[symbol, window] = tile
                while len(self._tiles) > KEPT:
                    self._tiles.popitem(last=False)

    def _done(self) -> None:
        self.changed()
        self.tell({"ready": True})


_NOTHING: Final = Terms(0, 0, 0, 0, 0, math.nan, 0, 0)
