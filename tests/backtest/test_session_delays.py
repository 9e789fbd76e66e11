from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from hftlab.backtest.delay_fit import FitKind
from hftlab.backtest.delay_models import Autocorrelated, Constant, DelayModel, Lognormal
from hftlab.backtest.latency_models import Latency
from hftlab.backtest.recorded_delays import Recorded
from hftlab.clock import Clock, from_milliseconds, to_milliseconds
from hftlab.errors import ArgumentError, SessionError
from hftlab.protocol import MarketData, Message, OrderStatus, OrderUpdate, UpdateType
from hftlab.recorder import Recording, describe, tap
from hftlab.server import Server
from hftlab.session import Session, SessionWriter, open_session
from hftlab.simulator import Exchange, Faults, RandomWalk
from hftlab.source import Timed
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import settled
from tests.server.traders import trader
from tests.session.sessions import write_session
from tests.session.test_tables import ORDER

START = 1_767_364_200 * 10**9
EVERY = 10**8
MS = 10**6


def quotes(delays: Iterable[int], *, snapshot: bool = False) -> list[tuple[int, Message]]:
    """Messages of events that come evenly, each received so long after its event."""
    return [
        (
            START + number * EVERY + delay,
            market_data(symbol(timestamp=to_milliseconds(START + number * EVERY)), snapshot=snapshot),
        )
        for number, delay in enumerate(delays)
    ]


def update(at: int, number: int, status: OrderStatus, kind: UpdateType, **changes: Any) -> OrderUpdate:
    return msgspec.structs.replace(
        ORDER, timestamp=to_milliseconds(at), order_id=f"o{number}", status=status, update_type=kind, **changes
    )


def orders(way: int, count: int = 30, *, is_waiting: bool = True, back: int = 2 * MS) -> list[tuple[int, Message]]:
    """Orders that the venue answers `way` after they were sent on; each update takes `back` to the recorder."""
    told = []
    for number in range(count):
        sent = START + number * EVERY
        if is_waiting:
            told.append((sent, update(sent, number, OrderStatus.PENDING_NEW, UpdateType.NEW)))
        told.append((sent + way, update(sent + way, number, OrderStatus.NEW, UpdateType.NEW)))
        told.append((sent + way + 5 * MS, update(sent + way + 5 * MS, number, OrderStatus.FILLED, UpdateType.FILL)))
    return [(at + back, message) for at, message in told]


class TestFeed:
    @pytest.mark.parametrize("kind", ["lognormal", "autocorrelated"])
    def test_known_parameters_come_back(self, tmp_path: Path, kind: FitKind) -> None:
        known: DelayModel = Lognormal("2ms", 0.5)
        if kind == "autocorrelated":
            known = Autocorrelated("2ms", 0.5, time_constant="300ms")
        delays = known.start(7, 0).draws(np.arange(3000) * EVERY + START)
        latency = Latency.fit(write_session(tmp_path, quotes(delays.tolist())), kind=kind, entry=0, response=0)
        found: Any = latency.feed
        assert type(found) is type(known)
        assert found.median == pytest.approx(2 * MS, rel=0.15)
        assert found.median + (found.median - found.minimum) * found.sigma == pytest.approx(3 * MS, rel=0.1)
        if kind == "autocorrelated":
            assert found.time_constant == pytest.approx(300 * MS, rel=0.25)
        assert latency.report is not None
        part = latency.report.parts["feed"]
        assert (part.count, part.median) == (3000, int(np.median(delays)))
        assert part.p99 == round(np.quantile(delays, 0.99))
        assert part.correlation == pytest.approx(0.7 if kind == "autocorrelated" else 0.0, abs=0.1)

    def test_a_recorded_latency_is_the_course(self, tmp_path: Path) -> None:
        session = write_session(tmp_path, quotes([3000, 7000, 5000]))
        feed = Latency.fit(session, kind="recorded", entry=0, response=0).feed
        assert isinstance(feed, Recorded)
        assert feed.at.tolist() == session.market_data.collect()["ts_recv"].to_list()
        assert feed.latency.tolist() == [3000, 7000, 5000]

    def test_a_constant_one_is_the_median(self, tmp_path: Path) -> None:
        session = write_session(tmp_path, quotes([3000, 7000, 5000]))
        assert Latency.fit(session, kind="constant", entry="1ms", response=0) == Latency(feed=5000, entry="1ms")

    def test_clocks_that_disagree_are_put_right(self, tmp_path: Path) -> None:
        session = write_session(tmp_path, quotes([-4000, 7000, 0, 2000]))
        latency = Latency.fit(session, kind="recorded", entry=0, response=0)
        assert isinstance(latency.feed, Recorded)
        assert latency.feed.latency.tolist() == [0, 11_000, 4000, 6000]
        assert latency.report is not None
        assert latency.report.parts["feed"].clock_shift == 4000
        assert "4us" in str(latency)

    def test_a_message_is_as_late_as_its_newest_symbol_and_a_snapshot_does_not_count(self, tmp_path: Path) -> None:
        times = [to_milliseconds(START + at) for at in (1000, 5000)]
        both = market_data(*(symbol(name, timestamp=at) for name, at in zip(("A", "B"), times, strict=True)))
        received = [*quotes([0], snapshot=True), (START + 6000, both)]
        latency = Latency.fit(write_session(tmp_path, received), kind="recorded", entry=0, response=0)
        assert isinstance(latency.feed, Recorded)
        assert latency.feed.latency.tolist() == [1000]

    def test_is_left_out_on_the_session_itself(self, tmp_path: Path) -> None:
        """Its messages have it already."""
        received = [*quotes([3000, 7000]), *orders(4 * MS)]
        session = write_session(tmp_path / "one", sorted(received, key=lambda one: one[0]))
        other = write_session(tmp_path / "other", quotes([3000]))
        latency = Latency.fit(session, kind="constant", seed=3)
        assert latency.applied_to(other) is latency
        applied = latency.applied_to(session)
        assert applied == Latency(entry=latency.entry, response=latency.response, seed=3)
        moved = open_session(session.folder.rename(tmp_path / "moved"))
        assert latency.applied_to(moved) == applied
        given = Latency.fit(other, kind="constant", feed="1ms", entry=0, response=0)
        assert given.applied_to(other) is given
        assert Latency(feed="1ms").applied_to(other) == Latency(feed="1ms")


class TestOrders:
    def test_the_venues_answer_and_the_way_back_twice(self, tmp_path: Path) -> None:
        latency = Latency.fit(write_session(tmp_path, orders(4 * MS)), kind="constant", feed=0)
        assert latency == Latency(entry="6ms", response="2ms")
        assert latency.report is not None
        assert {name: part.count for name, part in latency.report.parts.items()} == {"entry": 30, "response": 90}
        assert "the way there as long as the way back" in str(latency)

    def test_a_venue_that_answers_at_once(self, tmp_path: Path) -> None:
        session = write_session(tmp_path, orders(0, is_waiting=False))
        assert Latency.fit(session, kind="constant", feed=0) == Latency(entry="2ms", response="2ms")

    def test_what_is_not_an_answer_to_an_entry_does_not_count(self, tmp_path: Path) -> None:
        """Orders refused at once, whose beginning is not recorded, or without an answer; and snapshots."""
        at, new = START - EVERY, UpdateType.NEW
        odd = [
            update(at, 101, OrderStatus.REJECTED, UpdateType.REJECT),
            update(at, 102, OrderStatus.FILLED, UpdateType.FILL),
            update(at, 103, OrderStatus.PENDING_NEW, new),
            update(at - EVERY, 0, OrderStatus.PENDING_NEW, new, snapshot=True),
        ]
        session = write_session(tmp_path, [*((at + 2 * MS, one) for one in odd), *orders(4 * MS, 3)])
        latency = Latency.fit(session, kind="recorded", feed=0)
        assert isinstance(latency.entry, Recorded)
        assert latency.entry.latency.tolist() == [6 * MS] * 3
        assert latency.entry.at.tolist() == [START, START + EVERY, START + 2 * EVERY]
        assert isinstance(latency.response, Recorded)
        assert len(latency.response.at) == 9 + 3

    def test_a_cancellation_that_is_sent_after_the_order_is_not_the_venues_answer(self, tmp_path: Path) -> None:
        told = orders(4 * MS, 1)
        cancelled = update(START + MS, 0, OrderStatus.PENDING_CANCEL, UpdateType.CANCEL)
        told.insert(1, (START + 3 * MS, cancelled))
        assert Latency.fit(write_session(tmp_path, told), kind="constant", feed=0).entry == Constant("6ms")

    def test_accounts_have_orders_of_their_own(self, tmp_path: Path) -> None:
        """Two brokers may give the same order ids."""
        writer = SessionWriter(tmp_path, source={"name": "test"})
        told = [(at, way, message) for way in (4 * MS, 8 * MS) for at, message in orders(way, 1)]
        for at, way, message in sorted(told, key=lambda one: one[:2]):
            writer.append(message, at, account=f"account of {way}")
        writer.close()
        latency = Latency.fit(open_session(tmp_path), kind="recorded", feed=0)
        assert isinstance(latency.entry, Recorded)
        assert latency.entry.latency.tolist() == [6 * MS, 10 * MS]

    def test_clocks_that_disagree_are_put_right(self, tmp_path: Path) -> None:
        session = write_session(tmp_path, orders(4 * MS, back=-3 * MS))
        latency = Latency.fit(session, kind="constant", feed=0)
        assert latency == Latency(entry="4ms", response=0)
        assert latency.report is not None
        assert {part.clock_shift for part in latency.report.parts.values()} == {3 * MS}


class TestErrors:
    @pytest.mark.parametrize(
        ("received", "arguments", "says"),
        [
            (quotes([5, 6]), {"kind": "constant"}, "has no own orders that a venue has answered: give entry=, such as"),
            (quotes([5, 6]), {"kind": "constant", "entry": 0}, "has no own orders .*: give response=, such as"),
            (
                orders(5),
                {},
                "has no messages of market data, and an autocorrelated latency is fitted to 20 at least: give feed=",
            ),
            (quotes([5] * 19), {}, "has 19 messages of market data, and an? autocorrelated latency is fitted to 20"),
            (quotes([0] * 30), {}, "shows no feed latency: all of it was received at the very times of its events"),
            (quotes([10**14] * 30), {}, "shows a feed latency of 100000s: its times of reception are of another clock"),
        ],
    )
    def test_a_session_that_lacks_what_is_needed(
        self, tmp_path: Path, received: list[tuple[int, Message]], arguments: dict[str, Any], says: str
    ) -> None:
        session = write_session(tmp_path, received)
        with pytest.raises(SessionError, match=says) as caught:
            Latency.fit(session, **arguments)
        assert caught.value.path == session.folder

    def test_a_kind_that_does_not_exist(self, tmp_path: Path) -> None:
        with pytest.raises(ArgumentError, match="kind is 'normal'"):
            Latency.fit(write_session(tmp_path, quotes([5])), kind="normal")  # type: ignore[arg-type]

    def test_what_is_given_is_not_fitted(self, tmp_path: Path) -> None:
        entry = {"new": "1ms", "cancel": "2ms", "replace": "3ms"}
        latency = Latency.fit(write_session(tmp_path, quotes([5])), feed="1us", entry=entry, response=7, compute="9us")
        assert latency == Latency(feed="1us", entry=entry, response=7, compute="9us")
        assert latency.report is not None
        assert latency.report.parts == {}


class TestServer:
    """Sessions that were recorded from a server."""

    DELAY = 30 * MS

    def delayed(self, clock: Clock) -> Faults:
        return Faults(RandomWalk(7, clock=clock), seed=3, delay=self.DELAY)

    def delays(self, count: int) -> list[int]:
        """How long the first messages are held back, by the source alone."""
        source, found = self.delayed(Clock(START, paused=True)), list[int]()
        while len(found) < count:
            at = source.next_time()
            assert at is not None
            for message in source.advance(at):
                assert isinstance(message, MarketData)
                found.append(at - max(from_milliseconds(one.timestamp) for one in message.symbols))
        return found[:count]

    async def recorded(self, folder: Path, count: int) -> Session:
        clock = Clock(START, speed=100, paused=True)
        async with Server(self.delayed(clock), port=0) as server:
            recording = Recording(folder, source=describe(server))
            end = tap(server, recording)
            seen: list[Timed[Any]] = []
            server.taps.append(seen.append)
            clock.resume()
            await settled(lambda: len(seen) > count)
            end()
            server.taps.clear()
        return recording.close()

    async def test_the_delays_of_a_damaged_source_are_found(self, tmp_path: Path) -> None:
        session = await self.recorded(tmp_path / "session", 300)
        latency = Latency.fit(session, kind="recorded", entry=0, response=0)
        assert isinstance(latency.feed, Recorded)
        found = latency.feed.latency.tolist()
        assert len(found) >= 300
        assert found == self.delays(len(found))
        drawn = Latency.fit(session, kind="autocorrelated", entry=0, response=0)
        assert drawn.report is not None
        part = drawn.report.parts["feed"]
        # Uniform from 0 to the longest delay, each by itself.
        assert part.median == pytest.approx(self.DELAY / 2, rel=0.25)
        assert part.p99 == pytest.approx(self.DELAY, rel=0.05)
        assert abs(part.correlation) < 0.2

    async def test_own_orders_of_the_simulated_exchange(self, tmp_path: Path) -> None:
        venue = Exchange(seed=7, symbols=["AAPL"], order_latency=5 * MS)
        async with Server(venue, port=0) as server, trader(server) as alice:
            recording = Recording(tmp_path / "session", source=describe(server))
            end = tap(server, recording)
            for number in range(3):
                await alice.order(f"q{number}")
                await alice.ended(f"q{number}")
            end()
        latency = Latency.fit(recording.close(), kind="constant", feed=0)
        assert isinstance(latency.entry, Constant)
        assert isinstance(latency.response, Constant)
        # Recorded where it is sent: there is no way back, but for the microseconds to which the wire's times are cut.
        assert latency.response.time < 1000
        assert 5 * MS <= latency.entry.time < 5 * MS + 2000
