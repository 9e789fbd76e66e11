from __future__ import annotations

import gc
import logging
import random
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol.messages import ReplayStatus
from hftlab.widgets.heatmap.sampler import LATE, BookSampler, sampler_of
from tests.widgets.heatmap.columns import MS, MovingMarket
from tests.widgets.market import NOON

STEP = 100 * MS


@pytest.fixture
def market() -> MovingMarket:
    market = MovingMarket()
    market.change(0.0)
    return market


def slots(sampler: BookSampler) -> list[int]:
    return [(column.time - NOON) // STEP for column in sampler.columns(0, sampler.next)]


def levels(sampler: BookSampler, number: int) -> list[tuple[int, float, int]]:
    (column,) = sampler.columns(number, number + 1)
    return [(int(a), float(b), int(c)) for a, b, c in zip(column.ticks, column.sizes, column.orders, strict=True)]


def test_a_column_each_step_of_the_markets_time_has_the_book_of_its_sample(market):
    """Against a list of what the book was at each sample, which the test keeps."""
    sampler = BookSampler(market, "X")
    seen = []
    for tick in range(50):
        market.change(tick / 10 + 0.01)
        sampler.sample(tick / 10 + 0.02)
        seen.append(market.levels(sampler.origin))
    assert slots(sampler) == list(range(50))
    assert [levels(sampler, number) for number in range(50)] == seen
    assert all(column.step == STEP for column in sampler.columns(0, 50))
    assert sampler.until == NOON + 50 * STEP


def test_best_prices_are_in_ticks_from_the_origin(market):
    sampler = BookSampler(market, "X")
    sampler.sample(0.0)
    (column,) = sampler.columns(0, 1)
    book = market.books["X"]
    assert (sampler.origin + column.bid) * sampler.scale.tick == pytest.approx(book.buys[0][0])
    assert (sampler.origin + column.ask) * sampler.scale.tick == pytest.approx(book.sells[0][0])


def test_every_trade_is_in_one_column(market):
    sampler = BookSampler(market, "X")
    sent = []
    for tick in range(1, 40):
        market.change(tick / 25, trades=tick % 3)
        sent += market.quotes["X"].trades
        sampler.sample(tick / 25)
    sampler.sample(2.0)
    kept = [size for column in sampler.columns(0, sampler.next) for size in column.trade_sizes.tolist()]
    assert kept == [trade.size if trade.side == "BUY" else -trade.size for trade in sent]


def test_a_late_sample_repeats_the_column_before(market):
    sampler = BookSampler(market, "X")
    sampler.sample(0.0)
    before = levels(sampler, 0)
    market.change(0.5, trades=2)
    sampler.sample(0.5)
    assert slots(sampler) == [0, 1, 2, 3, 4, 5]
    assert [levels(sampler, number) for number in range(1, 5)] == [before] * 4
    assert [len(column.trade_ticks) for column in sampler.columns(0, 6)] == [0, 0, 0, 0, 0, 2]


def test_a_quiet_market_ends_with_what_it_had_until_it_moves_again(market):
    """Nobody has said that the book has changed: the column lasts, and the time stands."""
    sampler = BookSampler(market, "X")
    for tick in range(60):
        sampler.sample(tick / 10)
    assert sampler.next <= LATE + 1
    until = sampler.until
    assert until == NOON + 11 * STEP
    market.change(6.0)
    sampler.sample(6.0)
    assert slots(sampler)[-1] == 60
    assert all(column.known for column in sampler.columns(0, sampler.next))


def test_while_python_was_busy_the_book_is_not_known(market):
    sampler = BookSampler(market, "X")
    sampler.sample(0.0)
    market.change(5.0)
    sampler.sample(5.0)
    assert [(slot, column.known) for slot, column in zip(slots(sampler), sampler.columns(0, 9), strict=False)] == [
        (0, True),
        (1, False),
        (50, True),
    ]


@pytest.mark.parametrize("trouble", ["disconnected", "stale", "gone"])
def test_trouble_is_one_column_that_is_not_known_until_it_is_over(market, trouble):
    sampler = BookSampler(market, "X")
    sampler.sample(0.0)
    market.change(0.1)
    if trouble == "disconnected":
        market.connection_status = "RECONNECTING"
    elif trouble == "stale":
        market.books["X"].stale = True
    else:
        market.books.clear()
        market.quotes.clear()
    for tick in range(1, 9):
        sampler.sample(tick / 10)
    market.connection_status = "CONNECTED"
    market.change(0.9)
    sampler.sample(0.9)
    known = [column.known for column in sampler.columns(0, sampler.next)]
    assert known == [True, False, True]
    assert slots(sampler)[-1] == 9


def test_quotes_alone_are_a_level_a_side(market):
    market.books.clear()
    sampler = BookSampler(market, "X")
    sampler.sample(0.0)
    (column,) = sampler.columns(0, 1)
    assert list(column.ticks) == [column.bid, column.ask]
    assert list(column.orders) == [0, 0]


def test_a_replay_that_goes_back_begins_anew(market):
    sampler = BookSampler(market, "X")
    for tick in range(30):
        market.change(100 + tick / 10)
        sampler.sample(tick / 10)
    epoch = sampler.epoch
    market.change(50.0)
    sampler.sample(3.0)
    assert sampler.epoch != epoch
    assert (sampler.next, slots(sampler)) == (1, [500])


def test_a_replay_that_jumps_back_a_little_begins_anew(market):
    sampler = BookSampler(market, "X")
    for tick in range(30):
        market.change(tick / 10)
        sampler.sample(tick / 10)
    status = ReplayStatus(timestamp=0, state="PLAYING", position=0, speed=1.0, reset=True)
    for callback in market.callbacks:
        callback(status)
    market.change(2.5)
    sampler.sample(3.0)
    assert slots(sampler) == [25]


@pytest.mark.parametrize(("speed", "known"), [(1.0, [True, True, False, True]), (None, [True, True, True])])
def test_what_a_replay_has_skipped_is_not_known(market, speed, known):
    """A replay as fast as possible skips nothing, however far it comes."""
    market.replay.status = ReplayStatus(timestamp=0, state="PLAYING", position=0, speed=speed)
    sampler = BookSampler(market, "X")
    for tick, seconds in enumerate([0.0, 0.1, 60.0]):
        market.change(seconds)
        sampler.sample(tick / 10)
    assert [column.known for column in sampler.columns(0, sampler.next)] == known


@pytest.mark.parametrize("state", ["PAUSED", "ENDED"])
def test_a_paused_replay_has_no_columns(market, state):
    sampler = BookSampler(market, "X")
    sampler.sample(0.0)
    market.replay.status = ReplayStatus(timestamp=0, state=state, position=0, speed=1.0)
    for tick in range(1, 30):
        sampler.sample(tick / 10)
    assert sampler.next == 1


def test_a_fast_replay_has_longer_steps(market):
    market.replay.status = ReplayStatus(timestamp=0, state="PLAYING", position=0, speed=10.0)
    sampler = BookSampler(market, "X")
    for tick in range(20):
        market.change(tick * 1.0)
        sampler.sample(tick / 10)
    assert {column.step for column in sampler.columns(0, 20)} == {10 * STEP}
    assert slots(sampler) == [10 * tick for tick in range(20)]


def test_a_finer_tick_turns_what_is_kept(market):
    sampler = BookSampler(market, "X")
    sampler.sample(0.0)
    before = [(sampler.origin + tick) * sampler.scale.tick for tick, _, _ in levels(sampler, 0)]
    epoch = sampler.epoch
    market.mid *= 10
    market.change(0.1, tick=0.001)
    sampler.sample(0.1)
    assert sampler.epoch != epoch
    assert sampler.scale.tick == pytest.approx(0.001)
    assert [(sampler.origin + tick) * sampler.scale.tick for tick, _, _ in levels(sampler, 0)] == pytest.approx(before)


def test_it_keeps_the_newest(market):
    sampler = BookSampler(market, "X", capacity=16)
    for tick in range(40):
        market.change(tick / 10)
        sampler.sample(tick / 10)
    assert (sampler.first, sampler.next) == (24, 40)
    assert slots(sampler) == list(range(24, 40))
    assert sampler.columns(0, 25) == sampler.columns(24, 25)


def test_levels_that_are_far_away_are_left_out(market):
    market.books["X"].buys.append((0.01, 5.0, 1))
    market.books["X"].sells.append((1e9, 5.0, 1))
    sampler = BookSampler(market, "X")
    sampler.sample(0.0)
    (column,) = sampler.columns(0, 1)
    assert len(column.ticks) == 11


def test_an_error_is_logged_once_and_it_goes_on(market, caplog):
    sampler = BookSampler(market, "X")
    market.broken = RuntimeError("no")
    with caplog.at_level(logging.ERROR):
        assert [sampler.tick(0.0, busy=False), sampler.tick(0.1, busy=False)] == pytest.approx([0.1, 0.2])
    assert len(caplog.records) == 1
    market.broken = None
    sampler.tick(0.2, busy=False)
    assert sampler.next == 1


def test_one_sampler_a_symbol_for_all_that_keep_it(market, still_loop):
    sampler = sampler_of(market, "X", still_loop)
    assert sampler_of(market, "X", still_loop) is sampler
    gone = weakref.ref(sampler)
    del sampler
    gc.collect()
    assert gone() is None
    assert sampler_of(market, "X", still_loop).next == 0


@given(st.integers(0, 10**6), st.lists(st.sampled_from([0.05, 0.1, 0.13, 0.31, 0.9, 2.5]), max_size=40))
def test_columns_are_in_order_and_each_lasts_to_the_next(seed, pauses):
    """Whatever the rhythm of messages and samples: times rise, on the grid of their step, up to `until`."""
    chance, market = random.Random(seed), MovingMarket(seed)
    market.change(0.0)
    sampler = BookSampler(market, "X")
    now = 0.0
    for pause in pauses:
        now += pause
        if chance.random() < 0.7:
            market.change(max(market.seconds, now - chance.uniform(0, 0.05)))
        sampler.sample(now)
    columns = sampler.columns(0, sampler.next)
    times = [column.time for column in columns]
    assert times == sorted(set(times))
    assert all(column.time % column.step == 0 for column in columns if column.known)
    assert not times or times[-1] < sampler.until
