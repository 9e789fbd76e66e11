"""Order flow: what its arrivals, sizes, cancels and traders are like, each beside the law it was made by."""

from __future__ import annotations

import numpy as np
import pytest

from hftlab.book import BookSet
from hftlab.book.matching import Action, EntryType, InForce, new_entries
from hftlab.book.matching.output import new_output
from hftlab.clock import NANOSECONDS
from hftlab.events import ADD, ASK, BID, CANCEL, COLUMNS, F_LAST, FILL, TRADE, EventBatch
from hftlab.instruments import Instrument, find_instrument
from hftlab.simulator.order_flow import OrderFlow
from hftlab.simulator.profile import Profile, profile_of
from hftlab.simulator.traders import FIRST_ACCOUNT

START = 1_767_364_200_000_000_000


def instrument(symbol: str = "MSFT") -> Instrument:
    found = find_instrument(symbol)
    assert found is not None
    return found


def events(profile: Profile, seconds: int, seed: int = 7, chunk: int = 65_536, **options: bool) -> EventBatch:
    flow = OrderFlow([instrument()], [profile], seed, START, chunk=chunk, **options)
    return EventBatch.concat(flow.run(START + seconds * NANOSECONDS))


MSFT = profile_of(instrument())
UNINFORMED = MSFT._replace(informed=0.0, makers=0.2, volatility=0.0001)
"""Hardly anyone but the zero-intelligence crowd."""


class TestArrivals:
    def counts(self, self_exciting: bool) -> np.ndarray:
        """Market orders in each five seconds."""
        made = events(UNINFORMED, 3000, self_exciting=self_exciting)
        orders = np.unique(made.order_id[made.action == TRADE], return_index=True)[1]
        times = made.ts_event[made.action == TRADE][orders]
        return np.bincount((times - START) // (5 * NANOSECONDS), minlength=600)

    def test_self_exciting_ones_come_in_bursts_at_the_same_mean(self) -> None:
        excited, calm = self.counts(True), self.counts(False)
        assert excited.mean() == pytest.approx(calm.mean(), rel=0.15)
        assert excited.var() / excited.mean() > 1.5 * calm.var() / calm.mean()

    def test_rates_are_the_profiles(self) -> None:
        """Limit orders of both sides; a rate follows the volatility, so an hour's mean is near the profile's."""
        made = events(UNINFORMED, 3600, self_exciting=False)
        limits = np.count_nonzero((made.action == ADD) & (made.ts_event > START))
        assert limits / 3600 == pytest.approx(2 * UNINFORMED.limits, rel=0.25)

    def test_each_event_is_later_than_the_one_before(self) -> None:
        made = events(MSFT, 60)
        assert (np.diff(made.ts_event) >= 0).all()
        assert (np.diff(made.sequence) >= 0).all()
        assert made.ts_event[-1] <= START + 60 * NANOSECONDS


class TestOrders:
    def test_sizes_are_round_lots_with_a_heavy_tail_and_some_odd_ones(self) -> None:
        made = events(UNINFORMED, 1800)
        sizes = made.size[made.action == ADD]
        assert 0.05 < np.mean(sizes % 40 != 0) < 0.2
        lots = sizes[sizes % 40 == 0] // 40
        assert np.median(lots) <= 2
        assert lots.max() >= 20

    def test_limit_orders_are_placed_by_a_power_law_of_the_distance(self) -> None:
        """From the other side's best: half as far as twice, about 2 ** 0.7 times as many are farther."""
        made = events(UNINFORMED, 3600)
        tops = BookSet().trace(made, 1)
        last = (made.flags & F_LAST) > 0
        assert len(tops.rows) == np.count_nonzero(last)
        before = np.concatenate([[0], np.cumsum(last)[:-1]]) - 1  # the top before each row
        rows = np.flatnonzero((made.action == ADD) & (made.side == BID) & (made.ts_event > START) & (before >= 0))
        distance = tops.ask_ticks[before[rows], 0] / 100 - made.price[rows] / 10_000_000
        far, farther = np.mean(distance >= 8), np.mean(distance >= 16)
        assert far / farther == pytest.approx(2**0.7, rel=0.15)

    def test_cancels_are_rarer_far_from_the_best_price(self) -> None:
        """Orders that are cancelled at the best bid are younger than those that are cancelled far below it."""
        made = events(UNINFORMED, 3600)
        tops = BookSet().trace(made, 1)
        last = (made.flags & F_LAST) > 0
        before = np.cumsum(last) - last - 1  # the top before each row
        added = made.action == ADD
        born = dict(zip(made.order_id[added].tolist(), made.ts_event[added].tolist(), strict=True))
        traded = np.isin(made.sequence, made.sequence[made.action == TRADE])
        rows = np.flatnonzero((made.action == CANCEL) & (made.side == BID) & ~traded)
        distance = tops.bid_ticks[before[rows], 0] / 100 - made.price[rows] / 10_000_000
        ages = (made.ts_event[rows] - [born[order] for order in made.order_id[rows].tolist()]) / 1e9
        assert np.mean(ages[distance >= 20]) > 2 * np.mean(ages[distance <= 2])


class TestTraders:
    def test_signs_of_uninformed_trades_have_memory(self) -> None:
        made = events(UNINFORMED, 3600)
        orders = np.unique(made.order_id[made.action == TRADE], return_index=True)[1]
        signs = np.where(made.side[made.action == TRADE][np.sort(orders)] == BID, 1, -1)
        noise = 1.96 / np.sqrt(len(signs))
        for lag in (1, 5, 20):
            assert np.corrcoef(signs[lag:], signs[:-lag])[0, 1] > 2 * noise

    def test_informed_traders_take_what_is_on_the_wrong_side_of_the_price(self) -> None:
        """Ten seconds after a trade the price has gone the aggressor's way; without them not as much."""
        moves = []
        for rate in (8.0, 0.0):
            made = events(MSFT._replace(informed=rate), 3600)
            tops = BookSet().trace(made, 1)
            mids = (tops.bid_ticks[:, 0] + tops.ask_ticks[:, 0]) / 2
            trades = np.flatnonzero(made.action == TRADE)
            at = np.searchsorted(tops.rows, trades)
            later = np.searchsorted(made.ts_event[tops.rows], made.ts_event[trades] + 10 * NANOSECONDS)
            inside = later < len(mids)
            signs = np.where(made.side[trades] == BID, 1, -1)[inside]
            moves.append(np.mean(signs * (mids[later[inside]] - mids[np.maximum(at[inside] - 1, 0)])))
        assert moves[0] > moves[1] + 10  # a tenth of a cent

    def test_market_makers_follow_the_fundamental_price(self) -> None:
        """With ten times the volatility the quotes have moved further, and the book is still not crossed."""
        ranges = []
        for volatility in (0.01, 0.1):
            tops = BookSet().trace(events(MSFT._replace(volatility=volatility), 600), 1)
            both = (tops.bid_lots[:, 0] > 0) & (tops.ask_lots[:, 0] > 0)
            assert (tops.bid_ticks[both, 0] < tops.ask_ticks[both, 0]).all()
            ranges.append(np.ptp(tops.bid_ticks[both, 0]))
        assert ranges[1] > 3 * ranges[0]


class TestAccounts:
    """Orders from outside, and the rows that come back."""

    def flow(self, small: bool = False) -> OrderFlow:
        flow = OrderFlow([instrument()], [MSFT], 7, START)
        if small:
            flow.engine.output = new_output(events=16, fills=1, updates=2)
        return flow

    def traded(self, flow: OrderFlow) -> tuple[list[object], list[object], EventBatch]:
        """Quote at the best prices each second, stop above, and take a little; the rows are taken at the end."""
        batches = []
        for second in range(1, 40):
            at = START + second * NANOSECONDS
            flow.make(at)
            bid, ask = flow.engine["MSFT"].best()
            assert bid is not None and ask is not None
            ticks = instrument().ticks
            rows = new_entries(5, time=at, owner=FIRST_ACCOUNT, side=BID, size=100, in_force=InForce.GTC)
            rows["price"] = [ticks(bid[0]), ticks(ask[0]), ticks(bid[0]), 0, 0]
            rows["side"][1:3] = ASK
            rows["owner"][2:] = FIRST_ACCOUNT + 1
            rows["type"][3:] = [EntryType.MARKET, EntryType.STOP]
            rows["stop"][4] = ticks(ask[0]) + 100
            flow.make(at, rows)
            if second % 10 == 0:
                batches += flow.run(at)
        fills, updates = flow.take_rows()
        return list(fills), list(updates), EventBatch.concat(batches)

    def test_rows_of_accounts_are_kept_whatever_the_size_of_the_arrays(self) -> None:
        large, small = self.traded(self.flow()), self.traded(self.flow(small=True))
        assert large[0] == small[0]
        assert large[1] == small[1]
        assert all(np.array_equal(getattr(large[2], name), getattr(small[2], name)) for name in COLUMNS)
        assert len(large[0]) > 40
        assert len(large[1]) > 5 * 39

    def test_only_rows_of_accounts_are_kept(self) -> None:
        flow = self.flow()
        fills, updates, made = self.traded(flow)
        assert np.count_nonzero(made.action == TRADE) > len(fills) / 2
        for fill in fills:
            assert isinstance(fill, tuple)
            assert max(fill[7], fill[10]) >= FIRST_ACCOUNT
        assert {update[4] for update in updates if isinstance(update, tuple)} == {FIRST_ACCOUNT, FIRST_ACCOUNT + 1}
        assert flow.take_rows() == ([], [])

    def test_rows_about_the_instrument_are_kept(self) -> None:
        flow = self.flow()
        flow.make(START + NANOSECONDS, new_entries(1, time=START + NANOSECONDS, action=Action.HALT))
        flow.make(START + 2 * NANOSECONDS)
        fills, (phase,) = flow.take_rows()
        assert (fills, phase[0], phase[3]) == ([], START + NANOSECONDS, 0)

    def test_traders_wait_while_nobody_can_trade(self) -> None:
        flow = self.flow()
        flow.make(START + NANOSECONDS, new_entries(1, time=START + NANOSECONDS, action=Action.HALT))
        before = len(list(flow.run(START + NANOSECONDS)))
        assert before
        assert list(flow.run(START + 30 * NANOSECONDS)) == []
        resumed = START + 30 * NANOSECONDS
        flow.make(resumed, new_entries(1, time=resumed, action=Action.RESUME))
        assert len(EventBatch.concat(flow.run(resumed + 10 * NANOSECONDS))) > 50

    def test_next_times_are_those_of_the_traders(self) -> None:
        """Nothing happens before, and when a trader acts the time moves on."""
        flow = self.flow()
        list(flow.run(START + NANOSECONDS))
        for _ in range(200):
            due = int(flow.next_times[0])
            assert list(flow.run(due - 1)) == []
            for batch in flow.run(due):
                assert (batch.ts_event == due).all()
            assert flow.next_times[0] > due


class TestCutting:
    def test_small_arrays_grow_and_give_the_same_events(self) -> None:
        """Rooms of the output and of the engine change nothing."""
        whole, cut = events(MSFT, 60), events(MSFT, 60, chunk=64)
        assert all(np.array_equal(getattr(whole, name), getattr(cut, name)) for name in COLUMNS)

    def test_a_batch_ends_with_an_event(self) -> None:
        flow = OrderFlow([instrument()], [MSFT], 7, START, chunk=256)
        batches = list(flow.run(START + 20 * NANOSECONDS))
        assert len(batches) > 5
        assert all(batch.flags[-1] & F_LAST for batch in batches)

    def test_a_trade_its_fill_and_its_cancel_are_one_event(self) -> None:
        made = events(MSFT, 300)
        trades = np.flatnonzero(made.action == TRADE)
        assert len(trades) > 100
        assert (made.action[trades + 1] == FILL).all()
        assert (made.action[trades + 2] == CANCEL).all()
        for name in ("sequence", "size", "price"):
            values = getattr(made, name)
            assert np.array_equal(values[trades], values[trades + 1])
            assert np.array_equal(values[trades], values[trades + 2])
        assert (made.side[trades] != made.side[trades + 1]).all()
        assert np.isin(made.side[trades], [BID, ASK]).all()
