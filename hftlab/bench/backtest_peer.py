"""Market maker of the `backtest` benchmark in hftbacktest, as its own examples write one."""

from __future__ import annotations

import importlib.metadata
import time
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from hftlab.bench.peer_package import peer_package
from hftlab.instruments import UNIT, Instrument

__all__ = ["Peer"]

_BAND: Final = 0.01
"""Share of the first price that an array-based book covers above and below it."""


class Peer:
    """hftbacktest with the events of one instrument; `version` is its own."""

    def __init__(self, events: npt.NDArray[Any], instrument: Instrument, *, every: int, latency: int) -> None:
        self._package = peer_package()
        self.version = importlib.metadata.version("hftbacktest")
        self._events, self._instrument, self._every, self._latency = events, instrument, every, latency
        prices = events["px"][events["px"] > 0]
        self._middle = float(np.median(prices))
        self._run = _maker(self._package)

    def run(self, *, is_array: bool, distance: int, lots: int) -> tuple[float, int]:
        """Run the market maker; returns the processor time in s and the requests that it has sent.

        The book is an array of the prices within a per cent of the middle (others are passed over), or a map of all.
        """
        package, one = self._package, self._instrument
        asset = (
            package.BacktestAsset()
            .data(self._events)
            .linear_asset(1.0)
            .constant_order_latency(self._latency, self._latency)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(0.0, 0.0)
            .tick_size(one.tick / UNIT)
            .lot_size(one.lot / UNIT)
        )
        if is_array:
            asset = asset.roi_lb(self._middle * (1 - _BAND)).roi_ub(self._middle * (1 + _BAND))
        build = package.ROIVectorMarketDepthBacktest if is_array else package.HashMapMarketDepthBacktest
        counts = np.zeros(1, np.int64)
        start = time.process_time()
        backtest = build([asset])
        self._run(backtest, self._every, distance, lots * one.lot / UNIT, counts)
        taken = time.process_time() - start
        backtest.close()
        return taken, int(counts[0])


def _maker(package: Any) -> Any:
    """Compile the market maker: two quotes about the middle, moved every so long, if they are open, else sent anew."""
    post_only, limit = package.GTX, package.LIMIT

    @njit  # type: ignore[untyped-decorator]
    def run(backtest: Any, every: int, distance: int, size: float, counts: npt.NDArray[np.int64]) -> None:
        bid_number, ask_number, number, step = 1, 2, 3, 0
        while backtest.elapse(every) == 0:
            backtest.clear_inactive_orders(0)
            depth = backtest.depth(0)
            step += 1
            middle = (depth.best_bid_tick + depth.best_ask_tick) // 2
            bid, ask = middle - distance - step % 2, middle + distance + step % 2
            tick = depth.tick_size
            orders = backtest.orders(0)
            open_bid, open_ask = orders.get(bid_number), orders.get(ask_number)
            if open_bid is None:
                bid_number, number = number, number + 1
                backtest.submit_buy_order(0, bid_number, bid * tick, size, post_only, limit, False)
                counts[0] += 1
            elif open_bid.cancellable:
                backtest.modify(0, bid_number, bid * tick, size, False)
                counts[0] += 1
            if open_ask is None:
                ask_number, number = number, number + 1
                backtest.submit_sell_order(0, ask_number, ask * tick, size, post_only, limit, False)
                counts[0] += 1
            elif open_ask.cancellable:
                backtest.modify(0, ask_number, ask * tick, size, False)
                counts[0] += 1

    return run
