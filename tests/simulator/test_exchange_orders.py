"""Orders at the simulated exchange: they trade with its traders, and what is not asked for changes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import platform
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hftlab as hl
from hftlab import protocol
from hftlab.book import BookSet
from hftlab.clock import NANOSECONDS, Clock
from hftlab.errors import HftlabError
from hftlab.events import COLUMNS, FILL, TRADE, EventBatch
from hftlab.protocol import MarketData
from hftlab.protocol.enums import OrderType, Side, UpdateType
from hftlab.simulator import Exchange
from hftlab.trading.venue import Cancel, Liquidity, New, OrderTerms, Replace, TradingVenue, VenueUpdate
from tests.simulator.random_requests import Ledger, Sent, mids, open_at, open_by, random_requests

START = 1_767_364_200_000_000_000  # 2026-01-02 14:30 UTC
MILLISECOND = NANOSECONDS // 1000
TENTH = NANOSECONDS // 10
UNIT = 10**9
CENT = UNIT // 100


def exchange(seed: int = 7, symbols: list[str] | None = None, **options: Any) -> Exchange:
    return Exchange(seed, symbols, clock=Clock(START, paused=True), **options)


def order(order_id: str, side: Side, lots: int, price: int | None = None, **terms: Any) -> New:
    """A LIMIT order of AAPL, or a MARKET order where there is no price."""
    kind = terms.pop("type", OrderType.MARKET if price is None else OrderType.LIMIT)
    symbol = terms.pop("symbol", "AAPL")
    return New(order_id, OrderTerms(symbol=symbol, side=side, type=kind, quantity=lots * UNIT, price=price, **terms))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors round the last digits of exp() otherwise")
class TestWithoutOrders:
    """The bytes of exchanges before they took orders."""

    @pytest.mark.parametrize(
        ("seed", "symbols", "interval", "cuts", "options", "expected"),
        [
            (7, None, TENTH, (60,), {}, "58a952305d8dbade699c33b51dab4cb1eb20ebac67134d628ab1c4f7fd191eb8"),
            (3, ["AAPL", "AAPL:NYSE", "VOD", "BTCUSDT"], TENTH, (0.05, 12.34, 0.01, 47.6), {},
             "15f4ae400048f72caaa0427f731a33b053616ccbb4d4e0f0df1ed0abf28258ee"),
            (11, ["TSLA"], 7 * MILLISECOND, (20, 20, 20), {"self_exciting": False},
             "5f25f1198f720aefa3b5aba047e9f9cb47fe11d4df4d66b3859547ed185c537a"),
        ],
    )  # fmt: skip
    def test_messages_and_events_are_the_same(
        self, seed: int, symbols: list[str], interval: int, cuts: tuple[float, ...], options: Any, expected: str
    ) -> None:
        source, digest, batches = exchange(seed, symbols, interval=interval, **options), hashlib.sha256(), []
        for seconds in cuts:
            for segment in source.segments(seconds):
                for at, message in segment.messages:
                    digest.update(at.to_bytes(8, "big") + protocol.encode(message))
                batches.append(segment.events)
        add_columns(digest, EventBatch.concat(batches))
        assert digest.hexdigest() == expected

    def test_events_alone_are_the_same(self) -> None:
        digest = hashlib.sha256()
        add_columns(digest, EventBatch.concat(exchange(5, ["BRK.A", "MSFT"]).events(60)))
        assert digest.hexdigest() == "17014becc85afcb06eff95b63d29743f964e6848af80e014f0b579d130f72431"


def add_columns(digest: Any, events: EventBatch) -> None:
    for name in COLUMNS:
        digest.update(getattr(events, name).tobytes())


def test_it_is_a_trading_venue() -> None:
    assert isinstance(exchange(), TradingVenue)


def test_orders_trade_rest_and_are_cancelled_at_their_own_time() -> None:
    venue = exchange()
    venue.advance(START + NANOSECONDS)
    at = START + NANOSECONDS + 5 * MILLISECOND
    venue.submit("alice", order("a", Side.BUY, 100), at)
    accepted, fill = venue.take_updates()
    assert (accepted.at, accepted.order_id, accepted.kind) == (at, "a", UpdateType.NEW)
    assert (fill.at, fill.kind, fill.quantity, fill.liquidity) == (at, UpdateType.FILL, 100 * UNIT, Liquidity.TAKER)
    venue.submit("alice", order("b", Side.BUY, 100, 170 * UNIT), at)
    assert [one.kind for one in venue.take_updates()] == [UpdateType.NEW]
    assert (170.0, 100.0, 1) in venue.books["AAPL"].bids(1000)
    venue.submit("alice", Cancel("b"), at + 1)
    (cancelled,) = venue.take_updates()
    assert (cancelled.at, cancelled.kind, cancelled.reason) == (at + 1, UpdateType.CANCEL, "requested")


class TestTime:
    def test_a_request_of_the_past_is_matched_now(self) -> None:
        venue = exchange(symbols=["AAPL"])
        venue.advance(START + 10 * TENTH)
        venue.submit("alice", order("a", Side.BUY, 1), START + TENTH)
        assert [one.at for one in venue.take_updates()] == [START + 10 * TENTH] * 2

    def test_messages_stay_at_the_intervals(self) -> None:
        """Requests between them make no message, and what they trade is in the next one."""
        venue = exchange(symbols=["AAPL"])
        venue.advance(START)
        venue.submit("alice", order("a", Side.BUY, 37), START + TENTH // 2)
        price = venue.take_updates()[1].price
        assert venue.advance(START + TENTH - 1) == []
        (message,) = venue.advance(START + TENTH)
        assert message.timestamp == (START + TENTH) / 1e6
        assert price is not None
        assert (price / 1e9, 37.0) in [(trade.price, trade.size) for trade in message.symbols[0].trades or []]

    def test_a_request_far_ahead_leaves_the_messages_where_they_were_due(self) -> None:
        venue, whole = exchange(symbols=["AAPL"]), exchange(symbols=["AAPL"])
        venue.submit("alice", order("a", Side.BUY, 1, 100 * UNIT), START + 20 * TENTH)
        assert venue.next_time() == START
        for tenth in range(20):
            assert venue.advance(START + tenth * TENTH) == whole.advance(START + tenth * TENTH)
            assert venue.next_time() == START + (tenth + 1) * TENTH
        assert venue.now == START + 20 * TENTH

    def test_without_live_orders_only_messages_are_due(self) -> None:
        venue = exchange(symbols=["AAPL"])
        venue.advance(START)
        venue.submit("alice", order("a", Side.BUY, 1, 175 * UNIT), START + 10)
        assert venue.next_time() < START + TENTH
        venue.submit("alice", Cancel("a"), START + 20)
        assert venue.next_time() == START + TENTH

    def test_passive_fills_are_reported_at_their_own_time(self) -> None:
        """A bid one tick below the ask trades between two messages, when next_time() says that something happens."""
        venue = exchange(symbols=["AAPL"])
        venue.advance(START)
        fills: list[VenueUpdate] = []
        wakes, number = 0, 0
        while venue.now < START + 100 * TENTH:
            due = venue.next_time()
            assert due > venue.now or due % TENTH == 0
            venue.advance(due)
            wakes += due % TENTH != 0
            updates = venue.take_updates()
            assert all(one.at == due for one in updates)
            fills += [one for one in updates if one.liquidity is Liquidity.MAKER]
            if due % TENTH == 0:
                ask = venue.books["AAPL"].best()[1]
                assert ask is not None
                venue.submit("alice", Cancel(f"o{number}"), due)
                number += 1
                venue.submit("alice", order(f"o{number}", Side.BUY, 10, round(ask[0] * 100 - 1) * UNIT // 100), due)
                venue.take_updates()
        assert wakes > 100
        assert len(fills) > 3
        assert any(one.at % TENTH for one in fills)

    @pytest.mark.parametrize("terms", [
        {"side": Side.BUY, "price": 150 * UNIT},
        {"side": Side.SELL, "price": 200 * UNIT},
        {"side": Side.BUY, "price": 200 * UNIT, "type": OrderType.STOP_LIMIT, "stop_price": 200 * UNIT},
        {"side": Side.SELL, "price": 150 * UNIT, "type": OrderType.STOP_LIMIT, "stop_price": 150 * UNIT},
    ])  # fmt: skip
    def test_an_order_far_from_the_market_wakes_nobody_until_it_is_moved_there(self, terms: dict[str, Any]) -> None:
        venue = exchange(symbols=["AAPL"])
        venue.advance(START)
        venue.submit("alice", order("a", lots=1, **terms), START + 10)
        assert venue.next_time() == START + TENTH
        bid, ask = venue.books["AAPL"].best()
        assert bid is not None and ask is not None
        is_stop = "stop_price" in terms
        falls = (terms["side"] is Side.BUY) != is_stop
        near = round(100 * (bid[0] - 0.1 if falls else ask[0] + 0.1)) * UNIT // 100
        venue.submit("alice", Replace("a", price=near, stop_price=near if is_stop else None), START + 20)
        assert [one.kind for one in venue.take_updates()] == [UpdateType.NEW, UpdateType.REPLACE]
        assert venue.next_time() < START + TENTH

    def test_a_latency_delays_the_match(self) -> None:
        venue = exchange(symbols=["AAPL"], order_latency=3 * MILLISECOND)
        assert venue.latency == 3 * MILLISECOND
        venue.advance(START)
        venue.submit("alice", order("a", Side.BUY, 1), START + MILLISECOND)
        venue.submit("bob", order("b", Side.SELL, 1), START + 2 * MILLISECOND)
        assert venue.take_updates() == []
        assert venue.next_time() == START + 4 * MILLISECOND
        assert venue.advance(venue.next_time()) == []
        assert {(one.at, one.account) for one in venue.take_updates()} == {(START + 4 * MILLISECOND, "alice")}
        venue.advance(START + TENTH)
        assert {(one.at, one.account) for one in venue.take_updates()} == {(START + 5 * MILLISECOND, "bob")}

    def test_a_latency_below_nothing_is_refused(self) -> None:
        with pytest.raises(ValueError, match="order_latency"):
            exchange(order_latency=-1)

    def test_orders_can_be_sent_beside_events_alone(self) -> None:
        venue = exchange(symbols=["AAPL"])
        venue.submit("alice", order("early", Side.BUY, 1, 100 * UNIT), START)
        batches = list(venue.events(1))
        venue.submit("alice", order("a", Side.BUY, 37), START + NANOSECONDS)
        assert venue.take_updates()[-1].kind is UpdateType.FILL
        batches += venue.events(1)
        events = EventBatch.concat(batches)
        assert np.count_nonzero((events.action == TRADE) & (events.size == 37)) == 1
        assert (np.diff(events.ts_event) >= 0).all()
        with pytest.raises(HftlabError, match="make another"):
            venue.advance(START + 3 * NANOSECONDS)


class Watched(Exchange):
    """Exchange that notes to what times it is asked to advance, and the updates that its broker takes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.asked: list[int] = []
        self.taken: list[VenueUpdate] = []

    def advance(self, until: int) -> list[MarketData]:
        self.asked.append(until)
        return super().advance(until)

    def take_updates(self) -> list[VenueUpdate]:
        updates = super().take_updates()
        self.taken += updates
        return updates


async def test_a_server_asks_for_each_time_once() -> None:
    """Also while an order near the market makes it look at each step of the flow."""
    venue = Watched(7, ["AAPL"], clock=Clock(START, 20.0), order_latency=MILLISECOND)
    async with hl.Server(venue, port=0) as server, hl.Client(server.url) as client:
        await client.subscribe(["AAPL"], data_types=["QUOTES"], frequency=0)
        messages = aiter(client)
        await anext(messages)
        below = (venue.reference_price("AAPL") or 0) // CENT * CENT - 40 * CENT
        venue.submit("alice", order("a", Side.BUY, 1, below), venue.now)
        async with asyncio.timeout(30):
            while len(venue.asked) < 300:
                await anext(messages)
    assert [one.kind for one in venue.taken][:1] == [UpdateType.NEW]
    assert (np.diff(venue.asked) > 0).all()
    assert sum(at % TENTH > 0 for at in venue.asked) > 100


def run(venue: Exchange, sent: list[Sent], cuts: list[int], end: int) -> tuple[list[Any], list[VenueUpdate]]:
    """Send the requests and advance to the cuts, in the order of time."""
    messages: list[Any] = []
    steps: list[tuple[int, Any, Any]] = [(at, account, request) for at, account, request in sent]
    steps += [(at, None, None) for at in cuts]
    for at, account, request in sorted(steps, key=lambda step: step[0]):
        if request is None:
            messages += venue.advance(at)
        else:
            venue.submit(account, request, at)
    messages += venue.advance(end)
    return messages, venue.take_updates()


class TestRandomRequests:
    @settings(max_examples=15)
    @given(
        seed=st.integers(0, 2**32),
        latency=st.sampled_from([0, 0, 2 * MILLISECOND, 150 * MILLISECOND]),
        cuts=st.lists(st.integers(0, 4 * NANOSECONDS), max_size=40),
    )
    def test_it_does_not_matter_how_time_advances_in_between(self, seed: int, latency: int, cuts: list[int]) -> None:
        venues = [exchange(symbols=["AAPL", "TSLA"], order_latency=latency) for _ in range(3)]
        prices = {"AAPL": 175_700_000_000, "TSLA": 800_000_000_000}
        sent = random_requests(seed, 120, START, prices)
        end = max(sent[-1][0] + 4 * latency, START + 4 * NANOSECONDS) // TENTH * TENTH + TENTH
        whole = run(venues[0], sent, [], end)
        assert len(whole[1]) > 50
        assert run(venues[1], sent, [START + cut for cut in cuts], end) == whole
        step, messages, updates, waiting = START, [], [], list(sent)
        while step <= end:
            while waiting and waiting[0][0] < step:
                at, account, request = waiting.pop(0)
                venues[2].submit(account, request, at)
            messages += venues[2].advance(step)
            updates += venues[2].take_updates()
            step = min(one for one in (venues[2].next_time(), waiting[0][0] + 1 if waiting else end + 1))
        assert (messages, updates) == whole

    @pytest.mark.parametrize("count", [2000, pytest.param(100_000, marks=pytest.mark.soak)])
    @pytest.mark.parametrize("seed", [1, 2])
    def test_updates_are_those_of_the_books_and_of_the_public_events(self, seed: int, count: int) -> None:
        """What accounts are told adds up, is what the engine has open, and is what everybody sees as trades."""
        venue, ledger, books = exchange(symbols=["AAPL", "TSLA"]), Ledger(), BookSet()
        batches = list(venue.events(1))
        own: dict[int, str] = {}
        accounts: list[str] = []
        told: defaultdict[tuple[str, bool], int] = defaultdict(int)
        seen: defaultdict[tuple[str, bool], int] = defaultdict(int)
        done = 0
        while done < count:
            sent = random_requests(seed + done, 200, venue.now, mids(venue), gap=2e7)
            sent = [(at, account, renamed(request, done)) for at, account, request in sent]
            for at, account, request in sent:
                accounts += [] if account in accounts else [account]
                ledger.send(account, request)
                venue.submit(account, request, at)
                updates = venue.take_updates()
                ledger.apply(updates)
                for update in updates:
                    if update.kind is UpdateType.NEW and update.reason is None:
                        own[venue.books.next_id - 1] = update.order_id
                    if update.kind is UpdateType.FILL:
                        told[update.order_id, update.liquidity is Liquidity.TAKER] += update.quantity or 0
            done += len(sent)
            batches += venue.events(0)
            for batch in batches:
                books.apply(batch)
                for action, is_taker in ((TRADE, True), (FILL, False)):
                    rows = batch.action == action
                    for number, size in zip(batch.order_id[rows].tolist(), batch.size[rows].tolist(), strict=True):
                        if number in own:
                            seen[own[number], is_taker] += size * UNIT
            batches = []
            for symbol in venue.symbols:
                assert books[symbol].bids(1000) == venue.books[symbol].bids(1000)
                assert books[symbol].asks(1000) == venue.books[symbol].asks(1000)
            assert open_by(ledger, accounts) == open_at(venue)
        assert seen == told
        for kind in (UpdateType.NEW, UpdateType.FILL, UpdateType.CANCEL, UpdateType.REPLACE, UpdateType.REJECT):
            assert ledger.counts[kind] > count / 50, kind
        # What has ended is forgotten.
        assert len(venue._entry._live) == sum(one.state == "live" for one in ledger.orders.values())


def renamed(request: Any, number: int) -> Any:
    order_id = f"{number}-{request.order_id}"
    if isinstance(request, New):
        return New(order_id, request.terms)
    if isinstance(request, Cancel):
        return Cancel(order_id)
    return Replace(order_id, request.quantity, request.price, request.stop_price)
