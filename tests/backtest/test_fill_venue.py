"""The fill venue over a real fill core: requests, latencies, stops, reports and checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.backtest.delay_models import Lognormal
from hftlab.backtest.fill_core import FillCore
from hftlab.backtest.fill_state import FIFO
from hftlab.backtest.fill_venue import FillVenue
from hftlab.backtest.latency_models import Latency
from hftlab.backtest.rematch_core import RematchCore
from hftlab.events import ADD, ASK, BID, CANCEL, F_LAST, FILL, TRADE
from hftlab.instruments import NASDAQ, UNIT, Instrument
from hftlab.protocol.enums import OrderType, SelfTradePrevention, Side, TimeInForce, UpdateType
from hftlab.trading.venue import (
    Cancel,
    Liquidity,
    MarketPhase,
    New,
    OrderTerms,
    Replace,
    RequestKind,
    TradingVenue,
    VenueUpdate,
)
from tests.backtest.listed_rows import ListedRows, Row
from tests.backtest.made_streams import made_orders

TICK: Final = UNIT // 100
STOCK: Final = Instrument("AAPL", NASDAQ, tick=TICK, lot=UNIT, currency="USD")
US: Final = 1_000

BOOK: Final = [Row(1, ADD, BID, 100, 5, 1), Row(2, ADD, ASK, 101, 5, 2), Row(3, ADD, ASK, 102, 5, 3)]


def venue(rows: Sequence[Row] = BOOK, latency: Latency = Latency.none) -> FillVenue:
    """A venue over rows, at time 0."""
    core = FillCore(ListedRows([STOCK], [list(rows)]), FIFO)
    return FillVenue(core, [STOCK], latency, 0)


def execution(at: int, price: int, lots: int, order_id: int) -> list[Row]:
    """A seller meets a recorded bid."""
    kept = {"price": price, "size": lots, "instrument": 0}
    return [
        Row(at, TRADE, ASK, **kept, flags=0),
        Row(at, FILL, BID, **kept, order_id=order_id, flags=0),
        Row(at, CANCEL, BID, **kept, order_id=order_id, flags=F_LAST),
    ]


def terms(side: Side, lots: int, price: int | None = None, **others: Any) -> OrderTerms:
    """Terms in lots and ticks."""
    kind = others.pop("type", OrderType.MARKET if price is None else OrderType.LIMIT)
    for name, unit in (("stop_price", TICK), ("display_quantity", UNIT)):
        if name in others:
            others[name] *= unit
    limit = None if price is None else price * TICK
    return OrderTerms(symbol="AAPL", side=side, type=kind, quantity=lots * UNIT, price=limit, **others)


def buy(lots: int, price: int | None = None, **others: Any) -> OrderTerms:
    return terms(Side.BUY, lots, price, **others)


def sell(lots: int, price: int | None = None, **others: Any) -> OrderTerms:
    return terms(Side.SELL, lots, price, **others)


def short(update: VenueUpdate) -> tuple[Any, ...]:
    """Time, order, kind, and lots and ticks of a fill."""
    fill = (update.quantity or 0) // UNIT, (update.price or 0) // TICK
    return (update.at, update.order_id, update.kind.name, *(fill if update.kind is UpdateType.FILL else ()))


def told(one: FillVenue) -> list[tuple[Any, ...]]:
    return [short(update) for update in one.take_updates()]


def test_is_a_trading_venue() -> None:
    assert isinstance(venue(), TradingVenue)
    assert venue().phase("AAPL") is MarketPhase.CONTINUOUS
    for call in (venue().phase, venue().reference_price):
        with pytest.raises(KeyError):
            call("MSFT")


def test_without_latency_the_outcome_is_there_when_submit_returns() -> None:
    one = venue()
    one.advance(5)
    one.submit("alice", New("1", buy(7, 102)), 5)
    assert told(one) == [(5, "1", "NEW"), (5, "1", "FILL", 5, 101), (5, "1", "FILL", 2, 102)]
    assert one.latency == 0
    assert one.next_time() is None


def test_a_request_sent_later_meets_what_happens_until_then() -> None:
    one = venue()
    one.submit("alice", New("1", buy(7, 102)), 2)
    assert told(one) == [(2, "1", "NEW"), (2, "1", "FILL", 5, 101)]


def test_a_resting_order_fills_when_the_queue_ahead_of_it_has_traded() -> None:
    one = venue([*BOOK, *execution(10, 100, 5, 1), Row(11, ADD, BID, 100, 5, 4), *execution(12, 100, 2, 4)])
    one.advance(5)
    one.submit("alice", New("1", buy(3, 100)), 5)
    assert one.ahead("1") == 5 * UNIT
    assert one.next_time() == 5  # the report that nobody has taken yet
    assert told(one) == [(5, "1", "NEW")]
    assert one.next_time() == 10
    assert one.run(100) == 12
    fill = one.take_updates()[-1]
    assert (fill.at, fill.quantity, fill.reason, fill.ahead) == (12, 2 * UNIT, "queue", 5 * UNIT)
    assert fill.liquidity is Liquidity.MAKER
    assert one.ahead("1") == 0
    assert one.run(100) == 100
    assert one.now == 100


def test_requests_and_reports_take_as_long_as_the_latency_says() -> None:
    latency = Latency(entry={"new": "10us", "cancel": "2us", "replace": "3us"}, response="5us", compute="1us")
    one = venue(latency=latency)
    arrivals: list[tuple[int, int]] = []
    one.on_arrival = lambda _, sent, arrival: arrivals.append((sent, arrival))
    happened: list[tuple[int, int | None]] = []
    one.on_update = lambda update: happened.append((update.at, update.reported))
    assert one.latency > 0
    one.advance(1 * US)
    one.submit("alice", New("1", buy(3, 100)), 1 * US)
    assert one.take_updates() == []
    assert one.next_time() == 12 * US
    assert one.run(100 * US) == 17 * US
    assert told(one) == [(12 * US, "1", "NEW")]
    one.submit("alice", Cancel("1"), 17 * US)
    assert one.run(100 * US) == 25 * US
    assert told(one) == [(20 * US, "1", "CANCEL")]
    assert arrivals == [(1 * US, 12 * US), (17 * US, 20 * US)]
    assert happened == [(12 * US, 17 * US), (20 * US, 25 * US)]


def test_requests_of_one_account_never_overtake_each_other() -> None:
    one = venue(latency=Latency(entry={"new": "10us", "cancel": "1us", "replace": "1us"}))
    one.submit("alice", New("1", buy(3, 100)), 0)
    one.submit("alice", Cancel("1"), 1 * US)
    one.submit("bob", Cancel("1"), 1 * US)
    one.advance(100 * US)
    assert [(one.account, *short(one)) for one in one.take_updates()] == [
        ("bob", 2 * US, "1", "REJECT"),  # another account's way is its own
        ("alice", 10 * US, "1", "NEW"),
        ("alice", 10 * US, "1", "CANCEL"),
    ]


def test_an_order_may_fill_while_its_cancellation_is_underway() -> None:
    one = venue([*BOOK, *execution(15 * US, 100, 5, 1), *execution(16 * US, 100, 3, 9)], Latency(entry="10us"))
    one.submit("alice", New("1", buy(3, 100)), 0)
    one.advance(12 * US)
    one.submit("alice", Cancel("1"), 12 * US)
    one.advance(100 * US)
    assert told(one) == [(10 * US, "1", "NEW"), (16 * US, "1", "FILL", 3, 100), (22 * US, "1", "REJECT")]


def test_run_stops_at_each_report_and_misses_none() -> None:
    one = venue([*BOOK, *execution(10, 100, 5, 1), *execution(20, 100, 1, 9), *execution(20, 100, 1, 9)])
    one.advance(5)
    one.submit("alice", New("1", buy(3, 100)), 5)
    one.take_updates()
    stops = []
    while (due := one.next_time()) is not None and due <= 30:
        stops.append((one.run(due), told(one)))
    assert stops == [
        (10, []),
        (20, [(20, "1", "FILL", 1, 100), (20, "1", "FILL", 1, 100)]),
    ]


def test_a_stop_is_released_by_the_trade_that_reaches_it() -> None:
    trade = Row(10, TRADE, BID, 101, 1)
    one = venue([*BOOK, trade, Row(10, ADD, ASK, 103, 1, 8)])
    one.advance(5)
    one.submit("alice", New("s", buy(6, type=OrderType.STOP, stop_price=101)), 5)
    one.submit("alice", New("l", buy(9, 102, type=OrderType.STOP_LIMIT, stop_price=101)), 5)
    assert told(one) == [(5, "s", "NEW"), (5, "l", "NEW")]
    assert one.ahead("s") is None
    one.run(20)
    updates = one.take_updates()
    assert [short(update) for update in updates] == [
        (10, "s", "NEW"),
        (10, "l", "NEW"),
        (10, "s", "FILL", 5, 101),
        (10, "s", "FILL", 1, 102),
        (10, "l", "FILL", 4, 102),
    ]
    assert updates[0].reason == "triggered"
    one.advance(30)
    one.submit("alice", New("t", sell(1, 102, type=OrderType.STOP_LIMIT, stop_price=101)), 30)  # reached already
    assert [update.reason for update in one.take_updates() if update.kind is UpdateType.NEW] == [None, "triggered"]


def test_a_stop_that_is_refused_at_its_release_is_cancelled() -> None:
    """Its account has had it as open: as at the exchange, nothing can make it REJECTED any more."""
    one = venue([*BOOK, Row(10, TRADE, BID, 101, 1)])
    one.advance(5)
    fill_or_kill = {"type": OrderType.STOP_LIMIT, "stop_price": 101, "time_in_force": TimeInForce.FOK}
    one.submit("alice", New("s", buy(11, 102, **fill_or_kill)), 5)
    assert told(one) == [(5, "s", "NEW")]
    one.run(20)
    updates = one.take_updates()
    assert [short(update) for update in updates] == [(10, "s", "NEW"), (10, "s", "CANCEL")]
    assert [update.reason for update in updates] == ["triggered", "fill or kill: not fillable"]
    assert one.next_time() is None


@pytest.mark.parametrize("until", [10, 15])
def test_rows_behind_a_trade_that_releases_a_stop_are_played_before_a_request(until: int) -> None:
    one = venue([*BOOK, Row(10, TRADE, BID, 101, 1), Row(10, CANCEL, ASK, 101, 5, 2), Row(10, CANCEL, ASK, 102, 5, 3)])
    one.advance(5)
    one.submit("alice", New("s", buy(1, type=OrderType.STOP, stop_price=101)), 5)
    one.submit("alice", New("1", buy(1)), until)
    assert told(one) == [
        (5, "s", "NEW"),
        (10, "s", "NEW"),
        (10, "s", "FILL", 1, 101),
        (until, "1", "NEW"),
        (until, "1", "CANCEL"),
    ]


def test_waiting_stops_are_changed_and_cancelled() -> None:
    one = venue([*BOOK, Row(10, TRADE, BID, 101, 1), Row(20, TRADE, BID, 103, 1)])
    one.advance(5)
    one.submit("alice", New("s", buy(1, type=OrderType.STOP, stop_price=101)), 5)
    one.submit("alice", Replace("s", stop_price=103 * TICK), 5)
    one.submit("alice", New("t", buy(1, type=OrderType.STOP, stop_price=101)), 5)
    one.submit("alice", Cancel("t"), 5)
    replaced = one.take_updates()[1]
    assert (replaced.kind, replaced.stop_price) == (UpdateType.REPLACE, 103 * TICK)
    one.advance(15)
    assert told(one) == []
    one.advance(25)
    assert told(one) == [(20, "s", "NEW"), (20, "s", "FILL", 1, 101)]


def test_an_iceberg_shows_its_parts_one_behind_the_other() -> None:
    one = venue([*BOOK, *execution(10, 99, 2, 9)])
    one.advance(5)
    one.submit("alice", New("i", buy(4, 99, type=OrderType.ICEBERG, display_quantity=1)), 5)
    one.submit("bob", New("b", buy(1, 99)), 5)
    one.take_updates()
    one.advance(10)
    assert told(one) == [(10, "i", "FILL", 1, 99), (10, "b", "FILL", 1, 99)]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (New("1", OrderTerms(symbol="MSFT", side=Side.BUY, type=OrderType.MARKET, quantity=UNIT)), "symbol: 'MSFT'"),
        (New("2", OrderTerms(symbol="AAPL", side=Side.BUY, type=OrderType.MARKET, quantity=1)), "quantity: "),
        (New("1", buy(1)), "order_id: '1' is an order already"),
        (New("2", buy(1, 101, post_only=True)), "post-only: the order would trade at once"),
        (New("2", buy(1001, 99, type=OrderType.ICEBERG, display_quantity=1)), "display_quantity: an iceberg shows"),
        (New("2", buy(1, 99, type=OrderType.ICEBERG)), "display_quantity: an ICEBERG order needs one"),
        (Cancel("7"), "unknown order"),
        (Replace("1", quantity=1), "quantity: "),
        (Replace("7", quantity=UNIT), "unknown order"),
    ],
)
def test_refusals_say_why(request_: Any, reason: str) -> None:
    one = venue()
    one.advance(5)
    one.submit("alice", New("1", buy(1, 99)), 5)
    one.take_updates()
    one.submit("alice", request_, 6)
    (refused,) = one.take_updates()
    assert refused.kind is UpdateType.REJECT
    assert (refused.reason or "").startswith(reason)
    expected = {New: RequestKind.NEW, Cancel: RequestKind.CANCEL, Replace: RequestKind.REPLACE}
    assert refused.request is expected[type(request_)]


def test_another_accounts_order_is_unknown() -> None:
    one = venue()
    one.advance(5)
    one.submit("alice", New("1", buy(1, 99)), 5)
    one.submit("bob", Cancel("1"), 5)
    assert one.take_updates()[-1].reason == "unknown order"


def test_what_a_market_or_ioc_order_cannot_fill_is_cancelled() -> None:
    one = venue()
    one.advance(5)
    one.submit("alice", New("1", buy(6, 101, time_in_force=TimeInForce.IOC)), 5)
    one.submit("alice", New("2", buy(6)), 5)
    updates = one.take_updates()
    assert [short(update) for update in updates] == [
        (5, "1", "NEW"),
        (5, "1", "FILL", 5, 101),
        (5, "1", "CANCEL"),
        (5, "2", "NEW"),
        (5, "2", "FILL", 5, 102),
        (5, "2", "CANCEL"),
    ]
    assert updates[2].reason == "no liquidity for the rest of an IOC order"
    assert updates[5].reason == "no liquidity for the rest of a MARKET order"


def test_a_fill_or_kill_order_that_cannot_fill_is_cancelled() -> None:
    """As at the exchange: it is taken, and then there is nothing to fill it with."""
    one = venue()
    one.advance(5)
    one.submit("alice", New("1", buy(11, 102, time_in_force=TimeInForce.FOK)), 5)
    updates = one.take_updates()
    assert [short(update) for update in updates] == [(5, "1", "NEW"), (5, "1", "CANCEL")]
    assert updates[1].reason == "fill or kill: not fillable"


@pytest.mark.parametrize(
    ("prevention", "expected"),
    [
        (SelfTradePrevention.CANCEL_NEWEST, [("2", "CANCEL", None)]),
        (SelfTradePrevention.CANCEL_OLDEST, [("1", "CANCEL", None)]),
        (SelfTradePrevention.CANCEL_BOTH, [("1", "CANCEL", None), ("2", "CANCEL", None)]),
        (SelfTradePrevention.DECREMENT, [("2", "CANCEL", None), ("1", "REPLACE", 2)]),
    ],
)
def test_orders_of_one_account_do_not_trade_with_each_other(
    prevention: SelfTradePrevention, expected: list[tuple[str, str, int | None]]
) -> None:
    one = venue([])
    one.submit("alice", New("1", buy(5, 100)), 0)
    one.submit("alice", New("2", sell(3, 100, self_trade_prevention=prevention)), 0)
    updates = one.take_updates()[2:]
    found = [(update.order_id, update.kind.name, update.quantity and update.quantity // UNIT) for update in updates]
    assert found == expected
    assert all(update.reason == "self-trade prevention" for update in updates)
    one.submit("alice", Cancel("1"), 1)
    assert len(told(one)) == 1


def test_the_reference_price_is_the_last_trade_or_the_middle() -> None:
    one = venue([*BOOK, Row(10, TRADE, BID, 101, 1)])
    assert one.reference_price("AAPL") is None
    one.advance(5)
    assert one.reference_price("AAPL") == 100 * TICK + TICK // 2
    one.advance(10)
    assert one.reference_price("AAPL") == 101 * TICK


@pytest.mark.parametrize("core", [FillCore, RematchCore])
def test_a_stop_does_not_trade_with_what_the_print_that_released_it_has_taken(core: Any) -> None:
    rows = [Row(1, ADD, BID, 100, 5, 1), Row(2, ADD, BID, 99, 9, 4), *execution(15, 100, 5, 1)]
    market = ListedRows([STOCK], [rows])
    one = FillVenue(FillCore(market, FIFO) if core is FillCore else core(market), [STOCK], Latency.none, 0)
    one.submit("alice", New("r", buy(2, 100)), 4)
    one.submit("bob", New("s", sell(3, type=OrderType.STOP, stop_price=100)), 5)
    assert one.run(10) == 5
    one.take_updates()
    assert one.run(100) == 15
    assert sorted(told(one)) == [
        (15, "r", "FILL", 2, 100),
        (15, "s", "FILL", 1, 99),
        (15, "s", "FILL", 2, 100),
        (15, "s", "NEW"),
    ]


def test_a_stop_is_released_by_the_first_of_several_prints_of_an_event() -> None:
    prints = [Row(15, TRADE, ASK, 98, 1, flags=0), Row(15, TRADE, BID, 103, 1, flags=0), Row(15, ADD, BID, 97, 9, 9)]
    one = venue([*BOOK, *prints])
    one.submit("alice", New("s", sell(1, type=OrderType.STOP, stop_price=98)), 5)
    one.submit("alice", New("b", buy(1, type=OrderType.STOP, stop_price=103)), 5)
    one.take_updates()
    one.advance(100)
    assert sorted(told(one)) == [
        (15, "b", "FILL", 1, 101),
        (15, "b", "NEW"),
        (15, "s", "FILL", 1, 100),
        (15, "s", "NEW"),
    ]


def test_goes_back_to_a_checkpoint_any_number_of_times() -> None:
    latency = Latency(entry=Lognormal("10us", 0.5), response=Lognormal("3us", 0.5), seed=3)
    rows = [*BOOK, *execution(30 * US, 100, 5, 1), Row(40 * US, TRADE, BID, 101, 1), *execution(50 * US, 100, 4, 9)]
    one = venue(rows, latency)
    one.submit("alice", New("1", buy(3, 100)), 0)
    one.submit("alice", New("s", buy(1, type=OrderType.STOP, stop_price=101)), 0)
    one.run(20 * US)
    one.submit("alice", Replace("1", quantity=2 * UNIT), 25 * US)
    checkpoint = one.checkpoint()
    seen = []
    for _ in range(3):
        told_there = []
        one.submit("bob", New("2", sell(2, 100)), 28 * US)
        while one.run(200 * US) < 200 * US:
            told_there += one.take_updates()
        seen.append(told_there + one.take_updates())
        one.restore(checkpoint)
    assert len(seen[0]) > 5
    assert seen[0] == seen[1] == seen[2]
    assert one.now < 30 * US


def requests_of(seed: int, count: int, end: int) -> list[tuple[int, str, Any]]:
    """Requests of two accounts: when each is sent, by whom, and what."""
    random = Random(seed)
    made: list[tuple[int, str, Any]] = []
    owners: list[str] = []
    for at in sorted(random.randint(0, end) for _ in range(count)):
        number = str(random.randint(1, len(owners))) if owners else "1"
        kind = random.random()
        account = owners[int(number) - 1] if owners else "alice"
        if kind < 0.7 or not owners:
            account = random.choice(["alice", "bob"])
            owners.append(account)
            made.append((at, account, New(str(len(owners)), _random_terms(random))))
        elif kind < 0.85:
            made.append((at, account, Cancel(number)))
        else:
            quantity, price = (
                random.choice([None, 3 * UNIT, 9 * UNIT]),
                random.choice([None, TICK * random.randint(4, 12)]),
            )
            made.append((at, account, Replace(number, quantity=quantity, price=price)))
    return made


def _random_terms(random: Random) -> OrderTerms:
    kind = random.choice([OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET, OrderType.STOP, OrderType.STOP_LIMIT])
    side, lots, price = random.choice([Side.BUY, Side.SELL]), random.choice([1, 3, 8]), random.randint(4, 12)
    others: dict[str, Any] = {"self_trade_prevention": random.choice(list(SelfTradePrevention))}
    if kind in (OrderType.STOP, OrderType.STOP_LIMIT):
        others["stop_price"] = random.randint(4, 12)
    has_limit = kind in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    return terms(side, lots, price if has_limit else None, type=kind, **others)


LATENCIES: Final = [
    Latency.none,
    Latency(entry=7, response=3),
    Latency(entry=Lognormal(4, 1.0), response=Lognormal(2, 1.0), compute=Lognormal(1, 1.0), seed=5),
]


@given(st.integers(0, 2**32), st.integers(1, 50), st.sampled_from(LATENCIES))
@settings(max_examples=60)
def test_however_time_goes_on_the_same_happens(seed: int, steps: int, latency: Latency) -> None:
    events = made_orders(seed, steps)
    rows = [row._replace(price=row.price + 8) for event in events for row in event]
    end = rows[-1].time + 5 if rows else 5
    requests = requests_of(seed, 25, end)

    def advances(one: FillVenue, until: int) -> None:
        one.advance(until)

    def runs(one: FillVenue, until: int) -> None:
        while one.run(until) < until:
            due = one.take_updates()
            assert due
            assert all(update.reported == one.now for update in due)

    def steps_on(one: FillVenue, until: int) -> None:
        while (at := one.next_time()) is not None and at <= until:
            one.advance(at)
            one.take_updates()

    seen = []
    for go_on in (advances, runs, steps_on):
        one = venue(rows, latency)
        happened: list[VenueUpdate] = []
        one.on_update = happened.append
        for at, account, request in requests:
            go_on(one, at)
            one.submit(account, request, at)
        go_on(one, end + 1000)
        seen.append(happened)
        for account in ("alice", "bob"):
            reported = [update.reported or 0 for update in happened if update.account == account]
            assert reported == sorted(reported)
            assert all((update.reported or 0) >= update.at for update in happened)
        assert [update.at for update in happened] == sorted(update.at for update in happened)
    assert seen[0] == seen[1] == seen[2]
