"""Order flow through the matching engine: seeded and endless."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.book.matching import MatchingEngine, new_entries
from hftlab.book.matching.output import EVENTS, FILLS, UPDATES, new_output
from hftlab.events import EventBatch
from hftlab.instruments import Instrument
from hftlab.kernels.compiling import entry_point
from hftlab.kernels.random_numbers import seeded
from hftlab.simulator.flow_kernel import COOLING, run_flow
from hftlab.simulator.flow_state import LISTING, MAKERS, STEP, Flow, new_flow
from hftlab.simulator.fundamental import new_assets
from hftlab.simulator.profile import Profile, round_lot

__all__ = ["OrderFlow"]

CHUNK: Final = 65_536
_NO_ENTRIES: Final = new_entries(0)
_FIRST_ORDERS: Final = 14.0
"""Seconds of limit orders that rest in the book at the start: about as many as there are later."""
_OFFSPRING: Final = 0.6
"""Further market orders that each market order triggers, if arrivals are self-exciting."""


class OrderFlow:
    """Order flow of several kinds of traders (see hftlab.simulator.traders), and the venue that matches it.

    One listing per instrument; those of one symbol and currency share their fundamental price. Books are empty until
    `start` (ns) and full of orders at that moment. With `self_exciting` uninformed arrivals follow market orders (a
    Hawkes process of the same mean); without they are Poisson's. Orders of accounts join with `make()`. The same seed
    and orders give the same events, however the time is cut.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        profiles: Sequence[Profile],
        seed: int,
        start: int,
        *,
        self_exciting: bool = True,
        chunk: int = CHUNK,
    ) -> None:
        self.engine = MatchingEngine(instruments)
        self.engine.output = new_output(events=chunk)
        self._flow = _new_flow(instruments, profiles, seed, start, self_exciting)
        engine, flow = self.engine, self._flow
        self._run_flow = entry_point(run_flow, engine.state, engine.output, flow, start, _NO_ENTRIES)
        self._kept: deque[EventBatch] = deque()
        self.next_times: Final[npt.NDArray[np.int64]] = self._flow.listings["next"]
        """Time (ns) at which each listing's traders act next: nothing happens there before, unless orders come."""

    def run(self, until: int) -> Iterator[EventBatch]:
        """Yield the events up to and including `until` (ns), in batches of whole events and at most about `chunk` rows.

        Stopping early loses nothing: the next call continues from there.
        """
        engine, is_done = self.engine, False
        while not is_done:
            is_done = not self._run_flow(engine.state, engine.output, self._flow, until, _NO_ENTRIES)
            if not is_done:
                self._make_room()
            while self._kept:
                yield self._kept.popleft()
        if engine.output.used[EVENTS]:
            yield engine.take_events()

    def make(self, until: int, entries: npt.NDArray[Any] = _NO_ENTRIES) -> None:
        """Make the events up to and including `until`, and submit rows of ENTRY then; `run()` yields them later.

        Owners of such rows are accounts, from FIRST_ACCOUNT on, or 0 for the venue's commands.
        """
        engine = self.engine
        while self._run_flow(engine.state, engine.output, self._flow, until, entries):
            self._make_room()

    def take_rows(self) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
        """Return the fills and the updates of accounts and instruments since the last call, with the fields of
        FILL_ROW and UPDATE_ROW.
        """
        output, used = self.engine.output, self.engine.output.used
        fills, updates = used[FILLS], used[UPDATES]
        if not fills and not updates:
            return [], []
        used[FILLS] = used[UPDATES] = 0
        return output.fills[:fills].tolist(), output.updates[:updates].tolist()

    def _make_room(self) -> None:
        batch = self.engine.take_events()
        # After the rows are taken, so that only what is too small for one step grows.
        self.engine.grow()
        if len(batch):
            self._kept.append(batch)


def _new_flow(
    instruments: Sequence[Instrument], profiles: Sequence[Profile], seed: int, start: int, self_exciting: bool
) -> Flow:
    symbols = list(dict.fromkeys((one.symbol, one.currency) for one in instruments))
    assets = [symbols.index((one.symbol, one.currency)) for one in instruments]
    listings = np.zeros(len(instruments), LISTING)
    for row, instrument, profile, asset in zip(listings, instruments, profiles, assets, strict=True):
        _describe(row, instrument, profile, start, self_exciting)
        row["asset"] = asset
    volatilities = [profiles[assets.index(asset)].volatility for asset in range(len(symbols))]
    rules = [_grid_of(instrument) for instrument in instruments]
    names = [*(one.wire_symbol for one in instruments), *(f"asset {symbol}" for symbol, _ in symbols)]
    # Each name has a stream of its own, so that a listing is the same whichever others are there.
    streams = np.concatenate([seeded(seed, 1, zlib.crc32(name.encode())) for name in names])
    return new_flow(listings, new_assets(volatilities), rules, start, streams)


def _describe(row: Any, instrument: Instrument, profile: Profile, start: int, self_exciting: bool) -> None:
    price = instrument.ticks(profile.price)
    step = instrument.tick_at(price * instrument.tick) // instrument.tick
    calm = 1 - _OFFSPRING if self_exciting else 1.0
    row["lot"], row["lag"] = round_lot(instrument, profile.price), profile.lag // STEP
    row["base"], row["next"], row["heat_time"], row["error_time"] = price, start, start, start
    # Depth is counted in steps of the price where they are coarse, and in parts of the price where they are fine.
    row["unit"] = max(step, 0.4e-4 * price * max(1.0, profile.spread))
    row["spread"] = max(0.55 * step, 0.5e-4 * profile.spread * price)
    row["limits"], row["market"] = calm * profile.limits, calm * profile.market
    row["informed"], row["makers"], row["noise"] = profile.informed, profile.makers, 1e-4 * profile.noise
    row["jump"] = _OFFSPRING * COOLING / row["market"] if self_exciting else 0.0
    row["to_place"] = MAKERS + int(_FIRST_ORDERS * profile.limits)


def _grid_of(instrument: Instrument) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return price ranges and the step in each, in the instrument's ticks."""
    rule = instrument.rule
    if rule is None:
        return np.zeros(1, np.int64), np.ones(1, np.int64)
    return np.array(rule.bounds, np.int64) // instrument.tick, np.array(rule.ticks, np.int64) // instrument.tick
