"""Rules by which hftbacktest and the fill core fill a resting order differently, one at a time, in a slow program.

Each order is alone in the market here. Source: hftbacktest 2.4, `proc/nopartialfillexchange.rs`, `models/queue.rs` and
`depth/hashmapmarketdepth.rs`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Flag, auto
from itertools import product
from math import floor, inf
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.backtest.fill_models import FillModel
from hftlab.backtest.queue_models import QueueModel, behind_probability
from hftlab.bench.peer_run import Fill, Resting, Sent
from hftlab.events import BID
from hftlab.instruments import UNIT, Instrument
from hftlab.venues.hftbacktest import event_format as form

__all__ = ["Rule", "every_rule", "fills_by_rules"]


class Rule(Flag):
    """Rules of hftbacktest; without one, that of the fill core holds."""

    OURS = 0
    WHOLE = auto()
    """A fill is always of the whole order, whatever was traded or was there."""
    BEST = auto()
    """The other side's levels fill an order when the best of them improves, and not with each that comes to it."""
    BELOW_ZERO = auto()
    """A change of the level may bring the size ahead below 0."""


def every_rule() -> list[Rule]:
    """Return all combinations, those of few rules first."""
    single = [Rule.WHOLE, Rule.BEST, Rule.BELOW_ZERO]
    sums = []
    for chosen in product((False, True), repeat=len(single)):
        rules = Rule.OURS
        for rule, is_on in zip(single, chosen, strict=True):
            rules |= rule if is_on else Rule.OURS
        sums.append(rules)
    return sorted(sums, key=lambda one: one.value.bit_count())


def fills_by_rules(
    events: npt.NDArray[Any], instrument: Instrument, resting: Resting, model: FillModel, rules: Iterable[Rule]
) -> dict[Rule, list[list[Fill]]]:
    """Return the fills of each order by each combination of rules."""
    market = _Market(instrument, model, list(rules), len(resting.orders))
    requests = [(one.at + resting.latency, number, one) for number, one in enumerate(resting.orders)]
    requests += [(one.until + resting.latency, number, None) for number, one in enumerate(resting.orders)]  # type: ignore[misc]
    requests.sort(key=lambda one: one[:2], reverse=True)
    rows = events[events["ev"] & np.uint64(form.EXCH) != 0]
    kinds = (rows["ev"] & form.KIND).astype(np.int64)
    sides = np.where(rows["ev"] & form.BUY != 0, 1, np.where(rows["ev"] & form.SELL != 0, -1, 0))
    ticks = np.rint(rows["px"] / (instrument.tick / UNIT)).astype(np.int64)
    lots = np.rint(rows["qty"] / (instrument.lot / UNIT)).astype(np.int64)
    columns = (rows["exch_ts"], kinds, sides, ticks, lots)
    for time, kind, side, price, size in zip(*(one.tolist() for one in columns), strict=True):
        while requests and requests[-1][0] < time:
            market.ask(*requests.pop())
        market.play(time, kind, side, price, size)
    while requests:
        market.ask(*requests.pop())
    return market.fills


class _Order:
    """Order by one combination of rules. Prices are signed so that the greater is the better of its side."""

    def __init__(self, rules: Rule, order: Sent, front: int, fills: list[Fill]) -> None:
        self.rules, self.lots, self.front, self.traded = rules, order.lots, float(front), 0.0
        self.taken: dict[int, int] = {}
        self.fills = fills

    def fill(self, time: int, lots: float) -> None:
        part = self.lots if Rule.WHOLE in self.rules else min(int(lots), self.lots)
        if part > 0:
            self.lots -= part
            self.fills.append(Fill(time, part))

    def meet(self, time: int, price: int, size: int) -> None:
        """Trade with a level of the other side, of which it may have taken some."""
        part = min(size - self.taken.get(price, 0), self.lots)
        if part > 0:
            self.taken[price] = self.taken.get(price, 0) + part
            self.fill(time, part)


class _Standing(NamedTuple):
    """Order in the market, in all variants."""

    price: int
    variants: list[_Order]


class _Market:
    """Price levels as hftbacktest holds them, and the orders, each in all variants and alone."""

    def __init__(self, instrument: Instrument, model: FillModel, rules: list[Rule], count: int) -> None:
        assert model.queue_model is not None, "of levels"
        self._model, self._n = int(model.queue_model), model.n or 1.0
        self._lot = instrument.lot / UNIT
        self._rules = rules
        self.fills: dict[Rule, list[list[Fill]]] = {rule: [[] for _ in range(count)] for rule in rules}
        # Of bids first, by the signed price.
        self._levels: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._best = [-inf, -inf]
        self._standing: tuple[dict[int, _Standing], dict[int, _Standing]] = ({}, {})

    def ask(self, at: int, number: int, order: Sent | None) -> None:
        """Enter an order, or cancel it for None."""
        if order is None:
            for standing in self._standing:
                standing.pop(number, None)
            return
        side = 0 if order.side == BID else 1
        price = order.ticks if side == 0 else -order.ticks
        front = self._levels[side].get(price, 0)
        made = [_Order(rule, order, front, self.fills[rule][number]) for rule in self._rules]
        self._standing[side][number] = _Standing(price, made)
        if self._best[1 - side] != -inf and price + self._best[1 - side] >= 0:
            for variant in made:
                if Rule.WHOLE in variant.rules:
                    variant.fill(at, order.lots)
                    continue
                for level in sorted(self._levels[1 - side], reverse=True):
                    if level + price >= 0:
                        variant.meet(at, level, self._levels[1 - side][level])

    def play(self, time: int, kind: int, side: int, ticks: int, size: int) -> None:
        """Let an event happen; `side` is 1 of buyers and bids, -1 of sellers and asks."""
        if kind in (form.DEPTH, form.DEPTH_SNAPSHOT):
            self._level(time, 0 if side == 1 else 1, ticks * side, size)
        elif kind == form.TRADE and side:
            # A buyer trades with asks.
            self._trade(time, 1 if side == 1 else 0, ticks * -side, size)
        elif kind == form.DEPTH_CLEAR:
            assert side == 0, "of one side"
            for levels in self._levels:
                levels.clear()
            self._best = [-inf, -inf]
            for one in (*self._standing[0].values(), *self._standing[1].values()):
                for variant in one.variants:
                    variant.taken.clear()

    def _level(self, time: int, side: int, price: int, size: int) -> None:
        levels, other, best = self._levels[side], 1 - side, self._best[side]
        before = levels.pop(price, 0)
        if size:
            levels[price] = size
            if price > best:
                self._best[side] = price
                if price + self._best[other] >= 0:
                    # What it crosses is not counted among the best any more, as hftbacktest does.
                    self._best[other] = max((one for one in self._levels[other] if one + price < 0), default=-inf)
        elif price == best:
            self._best[side] = max((one for one in levels if one < price), default=-inf)
        for one in self._standing[side].values():
            if one.price == price:
                for variant in one.variants:
                    self._change(variant, before, size)
        is_better = self._best[side] > best
        for one in self._standing[other].values():
            if one.price + price >= 0:
                for variant in one.variants:
                    variant.taken[price] = min(variant.taken.get(price, 0), size)
                    if size and (is_better or Rule.BEST not in variant.rules):
                        variant.meet(time, price, size)

    def _change(self, one: _Order, before: int, after: int) -> None:
        cancelled, one.traded = before - after - one.traded, 0.0
        front = one.front if Rule.BELOW_ZERO in one.rules else max(one.front, 0.0)
        risk_averse = self._model == QueueModel.RISK_AVERSE
        if cancelled > 0 and not risk_averse:
            back = before - front
            if Rule.BELOW_ZERO not in one.rules:
                back = max(back, 0.0)
            behind = behind_probability(self._model, self._n, front * self._lot, back * self._lot)
            front = front - (1 - behind) * cancelled + min(back - behind * cancelled, 0.0)
        front = min(front, after)
        one.front = front if Rule.BELOW_ZERO in one.rules else max(front, 0.0)

    def _trade(self, time: int, side: int, price: int, size: int) -> None:
        for one in self._standing[side].values():
            for variant in one.variants if one.price >= price else ():
                if one.price > price:
                    variant.fill(time, size)
                    continue
                variant.front -= size
                variant.traded += size
                beyond = floor(0.5 - variant.front)  # half a lot is one, for both
                if beyond > 0 and variant.lots:
                    variant.front = variant.front if Rule.WHOLE in variant.rules else 0.0
                    variant.fill(time, min(beyond, size))
