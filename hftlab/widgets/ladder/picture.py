"""The ladder as an SVG, from plain data: for saved notebooks and for reports."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hftlab.palette import Role
from hftlab.widgets.core.interfaces import Level
from hftlab.widgets.core.numbers import Scale, amount, basis_points, clock_time, compact, count, percent
from hftlab.widgets.core.picture import Anchor, Drawing, shortened
from hftlab.widgets.ladder.own_orders import OwnOrder
from hftlab.widgets.ladder.price_steps import Row, buyers_step, rows_of, sellers_step, tick_number
from hftlab.widgets.ladder.volume_profile import Traded

__all__ = ["ladder_svg"]

WIDTH: Final = 520
PAD: Final = 12
HEADER: Final = 34
CAPTIONS: Final = 16
ROW: Final = 19
FOOTER: Final = 26
GAP: Final = 4
TRADED: Final = 74  # the columns of the traded volume
MARK: Final = 50  # beside the price: the last trade
DIGIT: Final = 7.3  # the width of a figure at 12 px
MOST_ROWS: Final = 15  # a side, where none is asked for
ROUND: Final = 10  # every tenth price is a strong one
SHARE: Final = 0.85  # of the bars, which have room; what is twice as long is notched
LONGEST: Final = 24  # letters of a symbol
NOTCH: Final = 4
SLANT: Final = 4


def ladder_svg(
    symbol: str,
    bids: Sequence[Level],
    asks: Sequence[Level],
    *,
    last: float | None = None,
    change_percent: float | None = None,
    volume: float | None = None,
    trade: tuple[float, float, str] | None = None,
    ts_event: int = 0,
    note: str = "",
    scale: Scale | None = None,
    depth: int | None = None,
    group: int = 1,
    traded: Sequence[Traded] = (),
    orders: Sequence[OwnOrder] = (),
) -> str:
    """Draw an order book as an SVG document: a row for each price step of `group` ticks, asks above and bids below.

    `bids` and `asks` are (price, size, orders), best first; `trade` is the last one's (price, size, "BUY" or "SELL");
    `ts_event` in ns; `note` is shown beside the symbol, such as "STALE"; `traded` is the volume by price step, `orders`
    are one's own. Without a `scale` the decimals and the tick are those of the levels given. `depth` is the number of
    rows on each side of the middle; without one all levels are shown, as far as 15 rows go.
    """
    if scale is None:
        scale = Scale()
        scale.learn((level[0] for level in (*bids, *asks)), (level[1] for level in (*bids, *asks)))
    book = _Book.of(bids, asks, scale.tick, group)
    rows = _steps(book, depth)
    drawing = Drawing(WIDTH, HEADER + CAPTIONS + len(rows) * ROW + FOOTER, f"Order book of {symbol}")
    _header(drawing, symbol, note, "" if last is None else amount(last, scale.price_decimals), change_percent)
    painter = _Painter(drawing, book, scale, rows)
    if book.tick:
        painter.captions(bool(traded))
        painter.background()
        painter.volume(traded)
        painter.levels()
        painter.prices()
        painter.last_trade(trade)
        painter.chips(orders)
    _footer(drawing, HEADER + CAPTIONS + len(rows) * ROW + 17, bids, asks, scale, ts_event, volume)
    return drawing.svg()


@dataclass(frozen=True)
class _Book:
    """A book by price steps; the best and the farthest known steps are NaN on an empty side."""

    tick: float
    group: int
    bids: Mapping[int, Row]
    asks: Mapping[int, Row]

    @classmethod
    def of(cls, bids: Sequence[Level], asks: Sequence[Level], tick: float | None, group: int) -> _Book:
        if not tick:
            return cls(0.0, group, {}, {})
        return cls(tick, group, rows_of(bids, tick, group, upwards=False), rows_of(asks, tick, group, upwards=True))

    @property
    def best_bid(self) -> float:
        return max(self.bids, default=math.nan)

    @property
    def best_ask(self) -> float:
        return min(self.asks, default=math.nan)


def _steps(book: _Book, depth: int | None) -> list[int]:
    """The price steps of the rows, the highest first."""
    best = [step for step in (book.best_bid, book.best_ask) if not math.isnan(step)]
    if not best:
        return [0]
    middle = math.floor(sum(best) / len(best) + 0.5)
    if depth is None:
        farthest = max(abs(step - middle) for step in (*book.bids, *book.asks))
        depth = min(MOST_ROWS, max(1, farthest))
    return list(range(middle + depth, middle - depth - 1, -1))


class _Painter:
    """Draws the rows of one book."""

    def __init__(self, drawing: Drawing, book: _Book, scale: Scale, steps: Sequence[int]) -> None:
        self._drawing = drawing
        self._book = book
        self._scale = scale
        self._steps = steps
        longest = max(len(self._price_text(step)) for step in (steps[0], steps[-1]))
        self._half = longest * DIGIT / 2 + 6 + MARK
        self._inner = WIDTH / 2 - self._half - GAP / 2
        self._outer = PAD + TRADED

    def captions(self, has_traded: bool) -> None:
        y = HEADER + 10
        texts = [(self._inner - 5, "bid", True), (WIDTH - self._inner + 5, "ask", False)]
        if has_traded:
            texts += [(self._outer - 5, "sold", True), (WIDTH - self._outer + 5, "bought", False)]
        for x, text, is_left in texts:
            self._drawing.text(x, y, text, "muted", size=10, anchor="end" if is_left else "start")
        self._drawing.text(WIDTH / 2, y, "price", "muted", size=10, anchor="middle")

    def background(self) -> None:
        """Lines at round prices, and a pale area where nothing is known."""
        for step in self._steps:
            if step % ROUND == 0:
                self._drawing.rectangle(PAD, self._y(step) + ROW - 1, WIDTH - 2 * PAD, 1, "line", opacity=0.7)
        top, bottom = HEADER + CAPTIONS, self._y(self._steps[-1]) + ROW
        width = self._inner - self._outer - GAP
        if self._book.asks and max(self._book.asks) < self._steps[0]:
            height = self._y(max(self._book.asks)) - top
            self._drawing.rectangle(WIDTH - self._inner, top, width, height, "line", opacity=0.35)
        if self._book.bids and min(self._book.bids) > self._steps[-1]:
            above = self._y(min(self._book.bids)) + ROW
            self._drawing.rectangle(self._outer + GAP, above, width, bottom - above, "line", opacity=0.35)

    def levels(self) -> None:
        full = _full([row[0] for rows in (self._book.bids, self._book.asks) for row in rows.values()])
        sides: tuple[tuple[Role, Mapping[int, Row], float], ...] = (
            ("bid", self._book.bids, self._book.best_bid),
            ("ask", self._book.asks, self._book.best_ask),
        )
        room = self._inner - self._outer - GAP
        for side, rows, best in sides:
            for step, (size, _) in rows.items():
                if self._steps[-1] <= step <= self._steps[0]:
                    is_best = step == best
                    opacity = 0.42 if is_best else 0.26
                    is_notched = self._bar(step, side == "bid", self._inner, room, size / full, side, opacity)
                    self._number(step, side == "bid", self._inner, size, "ink", is_best or is_notched)

    def volume(self, traded: Sequence[Traded]) -> None:
        full = _full([size for each in traded for size in (each.sold, each.bought) if size])
        for step, sold, bought in traded:
            if not self._steps[-1] <= step <= self._steps[0]:
                continue
            for size, role, is_left in ((sold, "ask", True), (bought, "bid", False)):
                if size:
                    self._bar(step, is_left, self._outer, TRADED, size / full, "ask" if role == "ask" else "bid", 0.15)
                    self._number(step, is_left, self._outer, size, "muted", False, 11)

    def prices(self) -> None:
        for step in self._steps:
            y = self._y(step)
            best: Role | None = "bid" if step == self._book.best_bid else "ask" if step == self._book.best_ask else None
            if best:
                left, width = WIDTH / 2 - self._half, 2 * self._half
                self._drawing.rectangle(left, y + 1, width, ROW - 2, best, opacity=0.24)
                self._drawing.rectangle(left if best == "bid" else left + width - 3, y + 1, 3, ROW - 2, best)
            inside = self._book.best_bid < step < self._book.best_ask
            role: Role = best or ("muted" if inside else "ink")
            is_strong = best is not None or step % ROUND == 0
            text = self._price_text(step)
            self._drawing.text(WIDTH / 2, y + 13.5, text, role, anchor="middle", mono=True, bold=is_strong)

    def last_trade(self, trade: tuple[float, float, str] | None) -> None:
        if trade is None:
            return
        price, size, side = trade
        is_sale = side == "SELL"
        ticks = tick_number(price, self._book.tick)
        step = (sellers_step if is_sale else buyers_step)(ticks, self._book.group)
        if not self._steps[-1] <= step <= self._steps[0]:
            return
        role: Role = "ask" if is_sale else "bid"
        left = WIDTH / 2 - self._half + 5 if is_sale else WIDTH / 2 + self._half - MARK - 1
        self._drawing.rectangle(left, self._y(step) + 3, MARK - 4, ROW - 6, role, radius=4)
        text = ("▼" if is_sale else "▲") + _short(size, self._scale.size_decimals, 5)
        self._drawing.text(
            left + MARK / 2 - 2, self._y(step) + 13, text, "paper", size=10, anchor="middle", bold=True, mono=True
        )

    def chips(self, orders: Sequence[OwnOrder]) -> None:
        """One's own orders, at the far end of the bars."""
        sums: dict[tuple[int, int], float] = {}
        for order in orders:
            ticks = tick_number(order.price, self._book.tick)
            step = (sellers_step if order.sign > 0 else buyers_step)(ticks, self._book.group)
            if self._steps[-1] <= step <= self._steps[0]:
                sums[step, order.sign] = sums.get((step, order.sign), 0.0) + order.remaining
        for (step, sign), size in sums.items():
            text = _short(size, self._scale.size_decimals, 8)
            width = len(text) * 6.7 + 12
            role: Role = "bid" if sign > 0 else "ask"
            left = self._outer + GAP if sign > 0 else WIDTH - self._outer - GAP - width
            self._drawing.rectangle(left, self._y(step) + 2, width, ROW - 4, role, radius=5)
            self._drawing.text(
                left + width / 2, self._y(step) + 13.5, text, "paper", size=11, anchor="middle", bold=True, mono=True
            )

    def _bar(self, step: int, is_left: bool, edge: float, room: float, part: float, role: Role, opacity: float) -> bool:
        """Draw a bar away from the price, on a square-root scale; True if it is longer than its room, and notched."""
        y, height = self._y(step) + 2, ROW - 4
        if part <= 1:
            width = max(1.0, room * math.sqrt(part))
            self._drawing.rectangle(edge - width if is_left else WIDTH - edge, y, width, height, role, opacity=opacity)
            return False
        cut = room - NOTCH - SLANT - 8
        for near, far, slants in ((0, cut, (0, SLANT)), (cut + NOTCH, room - SLANT, (SLANT, SLANT))):
            ends = [near + slants[0], far + slants[1], far, near]
            x = [edge - end if is_left else WIDTH - edge + end for end in ends]
            d = f"M{x[0]:.4g} {y:g}H{x[1]:.4g}L{x[2]:.4g} {y + height:g}H{x[3]:.4g}Z"
            self._drawing.path(d, role, opacity=opacity)
        return True

    def _number(
        self, step: int, is_left: bool, edge: float, value: float, role: Role, is_bold: bool, size: float = 12
    ) -> None:
        text = _short(value, self._scale.size_decimals, 11 if edge == self._inner else 9)
        x = edge - 5 if is_left else WIDTH - edge + 5
        anchor: Anchor = "end" if is_left else "start"
        self._drawing.text(x, self._y(step) + 13.5, text, role, size=size, anchor=anchor, mono=True, bold=is_bold)

    def _y(self, step: int) -> float:
        return HEADER + CAPTIONS + (self._steps[0] - step) * ROW

    def _price_text(self, step: int) -> str:
        return amount(step * self._book.group * self._book.tick, self._scale.price_decimals)


def _full(sizes: Sequence[float]) -> float:
    """The size that fills the room: most bars fit, and outliers do not make the others invisible."""
    if not sizes:
        return 1.0
    ordered = sorted(sizes)
    return min(ordered[-1], 2 * ordered[int((len(ordered) - 1) * SHARE)]) or 1.0


def _short(value: float, decimals: int, most: int) -> str:
    """Format a size in at most some characters, if need be with its power of ten."""
    text = amount(value, decimals)
    return text if len(text) <= most else compact(value).replace(" ", "")


def _header(drawing: Drawing, symbol: str, note: str, last: str, change_percent: float | None) -> None:
    symbol = shortened(symbol, LONGEST)
    drawing.text(PAD, 22, symbol, size=14, bold=True)
    if note:
        drawing.text(PAD + 9.5 * len(symbol) + 12, 22, note, "warn", size=11, bold=True)
    change = "" if change_percent is None else percent(change_percent)
    drawing.text(WIDTH - PAD, 22, change, _direction(change_percent or 0), anchor="end", mono=True)
    drawing.text(WIDTH - PAD - DIGIT * (len(change) + 1.5), 22, last, size=14, anchor="end", bold=True, mono=True)


def _footer(
    drawing: Drawing,
    y: float,
    bids: Sequence[Level],
    asks: Sequence[Level],
    scale: Scale,
    ts_event: int,
    volume: float | None,
) -> None:
    if ts_event:
        drawing.text(PAD, y, f"{clock_time(ts_event)} UTC", "muted", size=11)
    drawing.text(WIDTH / 2, y, spread_text(bids, asks, scale), "muted", size=11, anchor="middle")
    if volume:
        text = f"vol {_short(volume, min(2, scale.size_decimals), 11)}"
        drawing.text(WIDTH - PAD, y, text, "muted", size=11, anchor="end")


def spread_text(bids: Sequence[Level], asks: Sequence[Level], scale: Scale) -> str:
    """Format the spread: `spread 0.05 · 5 ticks · 0.81 bps`."""
    if not bids or not asks:
        return "one-sided" if bids or asks else "no book yet"
    bid, ask = bids[0][0], asks[0][0]
    parts = [f"spread {amount(ask - bid, scale.price_decimals)}"]
    if scale.tick:
        ticks = round((ask - bid) / scale.tick)
        parts.append(f"{count(ticks)} tick{'' if ticks == 1 else 's'}")
    if ask + bid > 0:
        parts.append(basis_points(2 * (ask - bid) / (ask + bid)))
    return " · ".join(parts)


def _direction(value: float) -> Role:
    return "bid" if value > 0 else "ask" if value < 0 else "muted"
