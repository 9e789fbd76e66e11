"""The view of a watch list: a row a symbol."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar, Final

from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.widgets.core.interfaces import StreamingClient
from hftlab.widgets.core.market_tape import tape_of
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.view import View
from hftlab.widgets.watchlist.frame import WatchRow, pack_watchlist, read_row
from hftlab.widgets.watchlist.picture import watchlist_svg
from hftlab.widgets.watchlist.sparkline import Sparkline, heights

__all__ = ["COLUMNS", "WatchListView"]

COLUMNS: Final = ("symbol", "price", "change", "spread", "imbalance")
LEARNT: Final = 5
"""Levels a side from which the tick of a symbol is learnt."""
BYTES_PER_SECOND: Final = 50_000
"""Bytes of frames in a second, at most: a list of many symbols is read less often."""


class WatchListView(View):
    """A row for each of `symbols`; those subscribed to, where that setting is None.

    `symbol` is the selected row, which linked views show; `sort` is a column of COLUMNS, with a minus in front for the
    largest first, empty for the order given.
    """

    page: ClassVar[Path] = Path(__file__).with_name("watchlist.js")

    def __init__(
        self,
        client: StreamingClient,
        symbols: Iterable[str] | None = None,
        rate: float = 10,
        *,
        symbol: str = "",
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        wanted = None if symbols is None else _checked_symbols(symbols)
        super().__init__(client, rate, symbol=symbol, symbols=wanted, sort="")
        self._timer = timer
        self._tape = tape_of(client)
        self._scales: dict[str, Scale] = {}
        self._sparklines: dict[str, Sparkline] = {}
        self._packed = b""
        self._due = float("-inf")

    def checked(self, name: str, value: Any) -> Any:
        """Return a new value of a setting. Raises ValueError."""
        if name == "symbols":
            return None if value is None else _checked_symbols(value)
        value = super().checked(name, value)
        if name == "sort" and value.removeprefix("-") not in ("", *COLUMNS):
            raise ArgumentError(
                f"sort must be one of {', '.join(COLUMNS)}, with - in front for the largest first: {value!r}"
            )
        return value

    def notice(self) -> str:
        """Say that there is nothing to show."""
        return "" if self.symbols else 'nothing is subscribed to: client.subscribe(["AAPL"])'

    @property
    def symbols(self) -> list[str]:
        """The symbols shown, in the order given."""
        chosen = self.settings["symbols"]
        return list(self.client.symbols) if chosen is None else list(chosen)

    def set(self, changes: Mapping[str, Any]) -> None:
        """Change settings. Raises ValueError."""
        self._due = float("-inf")
        super().set(changes)

    def snapshot(self) -> bytes:
        """Pack the current rows; see pack_watchlist."""
        now = self._timer()
        if now >= self._due:
            rows = self._read()
            self._packed = pack_watchlist(rows, [self._scale(row.symbol) for row in rows])
            self._due = now + len(self._packed) / BYTES_PER_SECOND
        return self._packed

    def picture(self) -> Picture:
        """Draw the current rows as a static picture."""
        rows = self._read()
        return Picture(
            watchlist_svg(self._sorted(rows), self._scales, selected=self.settings["symbol"]), "a watch list"
        )

    def _read(self) -> list[WatchRow]:
        symbols, subscribed = self.symbols, frozenset(self.client.symbols)
        tapes = [self._tape.symbol(symbol) for symbol in symbols]
        now = max((tape.quotes[-1].ts_event for tape in tapes if tape.quotes), default=0)
        rows = []
        for symbol, tape in zip(symbols, tapes, strict=True):
            row = read_row(self.client, symbol, subscribed)
            # Not from the last price: trades at the middle have half ticks.
            prices = [price for price in (row.bid, row.ask) if isfinite(price)]
            self._scale(symbol).learn([*prices, *self._levels(symbol)], (row.bid_size, row.ask_size))
            course = self._sparklines.setdefault(symbol, Sparkline()).read(tape, now)
            rows.append(replace(row, spark=heights(course)))
        return rows

    def _levels(self, symbol: str) -> list[float]:
        """Prices of a book, from which the tick is known sooner than from the best ones alone."""
        book = self.client.book(symbol)
        return [] if book is None else [price for price, _, _ in (*book.bids(LEARNT), *book.asks(LEARNT))]

    def _scale(self, symbol: str) -> Scale:
        return self._scales.setdefault(symbol, Scale())

    def _sorted(self, rows: list[WatchRow]) -> list[WatchRow]:
        sort = self.settings["sort"]
        name = sort.removeprefix("-")
        if not name:
            return rows
        if name == "symbol":
            return sorted(rows, key=lambda row: row.symbol, reverse=sort != name)
        keyed = [(self._key(row, name), row) for row in rows]
        known = sorted((pair for pair in keyed if isfinite(pair[0])), key=lambda pair: pair[0], reverse=sort != name)
        return [row for _, row in known] + [row for key, row in keyed if not isfinite(key)]

    def _key(self, row: WatchRow, name: str) -> float:
        if name == "spread":
            return row.spread / (self._scale(row.symbol).tick or 1)
        return {"price": row.price, "imbalance": row.imbalance}.get(name, row.change_percent)


def _checked_symbols(symbols: Iterable[str]) -> list[str]:
    if isinstance(symbols, str):
        raise ArgumentError(f'symbols must be a list of names, such as ["{symbols}"], got {symbols!r}')
    if not isinstance(symbols, Iterable):
        raise ArgumentTypeError(f'symbols must be a list of names, such as ["AAPL"], got {symbols!r}')
    given = list(symbols)
    if wrong := [each for each in given if not isinstance(each, str) or not each]:
        raise ArgumentError(f"symbols must be names, got {wrong[0]!r}")
    return list(dict.fromkeys(given))
