"""The view of time and sales: a row a trade, newest on top."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Any, ClassVar, Final

from hftlab.errors import ArgumentError
from hftlab.widgets.core.interfaces import StreamingClient
from hftlab.widgets.core.market_tape import SymbolTape, Tail, tape_of
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.view import Reply, View, checked_number
from hftlab.widgets.time_and_sales.frame import RECENT, large_size, pack_prints, pack_time_and_sales
from hftlab.widgets.time_and_sales.picture import ROWS, time_and_sales_svg

__all__ = ["TimeAndSalesView"]

FEWEST: Final = 30
"""Trades in a frame at least, so that a page without a kernel shows a list."""
MOST: Final = 500
"""Trades in a frame or an answer at most."""
OVERLAP: Final = 1.0
"""Seconds of trades that a frame repeats: a page that misses frames for less than that has to ask for none."""


class TimeAndSalesView(View):
    """The trades of `symbol`, those of `min_size` and above.

    Frames hold the newest trades with their numbers. A page that misses some asks for them by {"first", "last",
    "epoch"}, and is answered with the trades' bytes.
    """

    page: ClassVar[Path] = Path(__file__).with_name("time_and_sales.js")

    def __init__(
        self,
        client: StreamingClient,
        symbol: str,
        min_size: float = 0,
        rate: float = 10,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(client, rate, symbol=symbol, min_size=min_size)
        self.checked("min_size", checked_number("min_size", min_size))
        self._timer = timer
        self._tape = tape_of(client)
        self._scales: dict[str, Scale] = {}
        self._counts: deque[tuple[float, int]] = deque()
        self._large = (-1, -1, nan)

    def checked(self, name: str, value: Any) -> Any:
        """Return a new value of a setting. Raises ValueError."""
        value = super().checked(name, value)
        if name == "min_size" and not value >= 0:
            raise ArgumentError(f"min_size must be 0 or more, got {value!r}")
        return value

    def set(self, changes: Mapping[str, Any]) -> None:
        """Change settings. Raises ValueError."""
        before = self.settings["symbol"]
        super().set(changes)
        if self.settings["symbol"] != before:
            self._counts.clear()

    def snapshot(self) -> bytes:
        """Pack the newest trades; see pack_time_and_sales."""
        tape = self._of_symbol()
        tail = tape.tail(self._wanted(tape))
        scale = self._scale(tail)
        return pack_time_and_sales(
            tail,
            scale,
            has_every_trade=tape.has_every_trade,
            now=tape.quotes[-1].ts_event if tape.quotes else 0,
            large=self._large_size(tape, tail),
        )

    def receive(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> Reply | None:  # noqa: ARG002
        """Answer with the trades that a page has missed: `first` is the number of the last one in the answer."""
        if "first" not in content:
            return None
        first, last, epoch = int(content["first"]), int(content["last"]), int(content["epoch"])
        tape = self._of_symbol()
        tail = tape.tail(max(0, tape.printed - first + 1))
        newest = tail.printed - last
        found = tail.trades[newest:] if tail.epoch == epoch and newest >= 0 else []
        found = found[: min(MOST, last - first + 1)]
        return {"epoch": tail.epoch, "first": last - len(found) + 1, "last": last}, [pack_prints(found)]

    def kept(self) -> bytes:
        """The newest trades, for a page without a kernel; see pack_prints."""
        return pack_prints(self._of_symbol().newest_trades(MOST))

    def picture(self) -> Picture:
        """Draw the newest trades as a static picture."""
        symbol, least = self.settings["symbol"], self.settings["min_size"]
        tape = self._of_symbol()
        tail = tape.tail(RECENT)
        shown = [trade for trade in tail.trades if trade.size >= least][:ROWS]
        svg = time_and_sales_svg(
            symbol, shown, self._scale(tail), large=large_size(tail.trades), has_every_trade=tape.has_every_trade
        )
        return Picture(svg, f"{symbol}'s trades")

    def _of_symbol(self) -> SymbolTape:
        return self._tape.symbol(self.settings["symbol"])

    def _wanted(self, tape: SymbolTape) -> int:
        """Number of trades that a frame repeats."""
        now, printed = self._timer(), tape.printed
        self._counts.append((now, printed))
        while len(self._counts) > 1 and self._counts[1][0] <= now - OVERLAP:
            self._counts.popleft()
        return max(FEWEST, min(MOST, printed - self._counts[0][1]))

    def _large_size(self, tape: SymbolTape, tail: Tail) -> float:
        if self._large[:2] != (tail.epoch, tail.printed):
            self._large = (tail.epoch, tail.printed, large_size(tape.newest_trades(RECENT)))
        return self._large[2]

    def _scale(self, tail: Tail) -> Scale:
        scale = self._scales.setdefault(self.settings["symbol"], Scale())
        scale.learn((trade.price for trade in tail.trades), (trade.size for trade in tail.trades))
        return scale
