"""Where a source stands, without a stream that moves it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hftlab.clock import Clock
from hftlab.errors import MessageParseError, ServerError
from hftlab.protocol import MarketData, ReplayAction, ReplayControl, ReplayState
from hftlab.protocol.publishing.playback import Playback
from hftlab.source import Timed
from tests.protocol.conftest import market_data, symbol
from tests.test_clock import Timer

US = 1000


class Recorded:
    """Ten messages, one each ten microseconds from 1 ms on; every other one is alice's."""

    name, symbols, recorded = "ten", ("AAPL",), True

    def __init__(self, clock: Clock) -> None:
        self.clock, self._next = clock, 0

    def _at(self, number: int) -> int:
        return 1_000_000 + number * 10 * US

    @property
    def span(self) -> tuple[int, int]:
        return self._at(0), self._at(9)

    def next_time(self) -> int | None:
        return self._at(self._next) if self._next < 10 else None

    def advance(self, until: int) -> list[MarketData | Timed[MarketData]]:
        found: list[MarketData | Timed[MarketData]] = []
        while self._next < 10 and self._at(self._next) <= until:
            found += [one.message if one.account is None else one for one in self.take(1)]
        return found

    def seek(self, position: int) -> Sequence[MarketData]:
        self._next = sum(self._at(number) <= position for number in range(10))
        return []

    def take(self, count: int) -> list[Timed[MarketData]]:
        numbers = range(self._next, min(self._next + count, 10))
        self._next = numbers.stop
        return [
            Timed(self._at(number), market_data(symbol(price=number + 1.0)), "alice" if number % 2 else None)
            for number in numbers
        ]


class Live(Recorded):
    recorded = False


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def playback(timer: Timer) -> Playback:
    return Playback(Recorded(Clock(0, timer=timer)))


def test_it_waits_before_its_first_message_until_it_begins(playback: Playback) -> None:
    assert (playback.state, playback.next_time(), playback.position) == (ReplayState.WAITING, None, 999_000)
    playback.begin()
    assert (playback.state, playback.next_time(), playback.clock.now()) == (ReplayState.PLAYING, 1_000_000, 999_000)


def test_accounts_come_through(playback: Playback) -> None:
    playback.begin()
    assert playback.advance(999_999) == []
    due = [playback.advance(1_000_000 + number * 10 * US) for number in range(2)]
    assert [(one.at, one.account) for some in due for one in some] == [(1_000_000, None), (1_010_000, "alice")]
    assert [one.account for one in playback.take(3)] == [None, "alice", None]


def test_it_stands_no_further_than_what_it_has_yielded(playback: Playback, timer: Timer) -> None:
    """Whatever the clock says: a server that has much to do is behind it."""
    playback.begin()
    playback.advance(1_000_000)
    timer.ns += 5 * US
    assert playback.position == 1_004_000
    timer.ns += 100 * US
    assert playback.position == 1_000_000
    playback.pause()
    assert (playback.state, playback.position, playback.clock.now()) == (ReplayState.PAUSED, 1_000_000, 1_000_000)


def test_it_can_be_moved_between_its_ends(playback: Playback) -> None:
    playback.begin()
    playback.pause()
    assert [playback.reachable(one) for one in (0, 1_020_005, 10**9)] == [999_000, 1_020_005, 1_090_000]
    playback.move(1_020_005)
    assert playback.position == 1_020_005
    assert [one.at for one in playback.take(20)] == [1_000_000 + number * 10 * US for number in range(10)]
    assert playback.position == 1_090_000
    status = playback.status(reset=True)
    assert (status.start, status.end, status.position, status.reset) == (1.0, 1.09, 1.09, True)


def test_what_cannot_be_controlled_says_why(playback: Playback) -> None:
    pause = ReplayControl(timestamp=1.0, action=ReplayAction.PAUSE)
    for live in (Playback(None), Playback(Live(Clock(0)))):
        with pytest.raises(ServerError, match="serve a recording"):
            live.check(pause)
    playback.check(pause)
    with pytest.raises(MessageParseError, match="position"):
        playback.check(ReplayControl(timestamp=1.0, action=ReplayAction.SEEK))
    failed = playback.fail(ValueError("a bad line"))
    assert "'ten' has failed (ValueError: a bad line)" in str(failed)
    assert playback.next_time() is None
    with pytest.raises(ServerError, match="start the server again"):
        playback.check(pause)
