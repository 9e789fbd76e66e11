from __future__ import annotations

from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.gateway.announcement import Announcement
from hftlab.gateway.market_feed import SILENCE, MarketFeed, gap
from hftlab.gateway.market_frame import FrameKind, MarketFrame, part_frames, whole_frame
from hftlab.protocol import Gap, MarketData
from hftlab.protocol.encoded_market_data import EncodedMarketData
from hftlab.simulator import RandomWalk

RUN: Final = "run"
SOURCE: Final = RandomWalk(7)
(FULL,) = SOURCE.advance(SOURCE.next_time())
NAMES: Final = [symbol.symbol for symbol in FULL.symbols][:2]


def frame(
    sequence: int, name: str = NAMES[0], *, run: str = RUN, more: int = 0, group: int | None = None
) -> MarketFrame:
    """Frame of one symbol, whose volume is its sequence."""
    (symbol,) = [one for one in FULL.symbols if one.symbol == name]
    message = MarketData(timestamp=1.0, symbols=[msgspec.structs.replace(symbol, volume=float(sequence))])
    (made,) = part_frames(message, run, sequence if group is None else group, [sequence])
    return made._replace(more=more)


def publisher(run: str = RUN, started_at: int = 1, symbols: list[str] | None = None) -> Announcement:
    return Announcement(run, "walk", started_at, NAMES if symbols is None else symbols)


def seen(feed: MarketFeed) -> list[str | int]:
    """What has come of a feed: the volumes of messages, and the reasons of gaps."""
    found: list[str | int] = []
    for item in feed.take():
        if isinstance(item, EncodedMarketData):
            found += [int(symbol.volume) for symbol in item.decoded().symbols]
        else:
            assert isinstance(item, Gap)
            found.append(item.reason)
    return found


def in_step(*names: str) -> MarketFeed:
    """A feed whose symbols have had their snapshots, as of 0."""
    feed = MarketFeed()
    feed.announce(publisher(), 0.0)
    assert feed.wanted(0.0) == {RUN: NAMES}
    for name in NAMES:
        feed.snapshot(name, frame(0, name))
    assert seen(feed) == [0, 0]
    return feed


class TestOrder:
    def test_frames_wait_for_their_snapshot(self) -> None:
        feed = MarketFeed()
        feed.announce(publisher(), 0.0)
        for sequence in (4, 5, 6):
            feed.receive(NAMES[0], frame(sequence))
        assert seen(feed) == []
        feed.snapshot(NAMES[0], frame(5))
        assert seen(feed) == [5, 6]

    def test_a_snapshot_that_is_too_old_is_asked_for_again(self) -> None:
        feed = MarketFeed()
        feed.announce(publisher(), 0.0)
        assert feed.wanted(0.0) == {RUN: NAMES}
        feed.receive(NAMES[0], frame(6))
        feed.snapshot(NAMES[0], frame(4))  # 5 is lost
        assert seen(feed) == []
        assert feed.wanted(0.0) == {RUN: NAMES[:1]}
        feed.receive(NAMES[0], frame(7))
        feed.snapshot(NAMES[0], frame(6))
        assert seen(feed) == [6, 7]

    def test_a_frame_that_cannot_be_read_is_a_gap_and_a_snapshot(self) -> None:
        feed = in_step()
        feed.receive(NAMES[0], frame(1)._replace(payload=b"nonsense"))
        feed.receive(NAMES[0], frame(2))
        assert seen(feed) == ["a message of the publisher cannot be read"]
        with pytest.raises(ValueError, match="malformed"):
            feed.snapshot(NAMES[0], frame(2)._replace(payload=b"nonsense"))
        assert feed.out_of_step() == NAMES[:1]
        feed.snapshot(NAMES[0], frame(2))
        feed.receive(NAMES[0], frame(3))
        assert seen(feed) == [2, 3]

    def test_a_number_that_is_none_of_the_publishers_stays_without_consequence(self) -> None:
        feed = in_step()
        feed.receive(NAMES[0], frame(10**30))
        for sequence in (-5, 1, 2):
            feed.receive(NAMES[0], frame(sequence))
        feed.snapshot(NAMES[0], frame(2))
        assert feed.wanted(1.0) == {RUN: NAMES[:1]}
        feed.receive(NAMES[0], frame(3))
        feed.snapshot(NAMES[0], frame(2))
        assert seen(feed)[1:] == [2, 3]

    def test_a_lost_frame_is_one_gap_and_a_snapshot(self) -> None:
        feed = in_step()
        for sequence in (1, 2, 5, 6):
            feed.receive(NAMES[0], frame(sequence))
        feed.receive(NAMES[1], frame(1, NAMES[1]))
        assert seen(feed) == [1, 2, "2 messages were lost between the publisher and the gateway", 1]
        assert feed.lost == 2
        assert feed.wanted(0.0) == {RUN: NAMES[:1]}
        feed.snapshot(NAMES[0], frame(6))
        feed.receive(NAMES[0], frame(7))
        assert seen(feed) == [6, 7]

    def test_a_beat_tells_of_a_lost_last_frame(self) -> None:
        feed = in_step()
        feed.receive(NAMES[0], frame(1))
        feed.beat(RUN, {NAMES[0]: 1, NAMES[1]: 0}, 1.0)
        assert seen(feed) == [1]
        feed.beat(RUN, {NAMES[0]: 3}, 2.0)
        assert seen(feed) == ["2 messages were lost between the publisher and the gateway"]

    def test_nothing_is_known_of_a_symbol_yet(self) -> None:
        feed = MarketFeed()
        feed.announce(publisher(), 0.0)
        feed.snapshot(NAMES[0], MarketFrame(RUN, 0, FrameKind.NOTHING, 1, 0, 0, b""))
        feed.receive(NAMES[0], frame(1))
        assert seen(feed) == [1]
        assert feed.out_of_step() == NAMES[1:]

    @given(st.data())
    def test_whatever_is_lost_or_doubled_the_state_is_the_newest_and_losses_are_declared(
        self, data: st.DataObject
    ) -> None:
        """Against a list: volumes rise, and wherever one is skipped there is a GAP before the next."""
        feed, last = in_step(), 40
        for sequence in range(1, last + 1):
            fate = data.draw(st.sampled_from(["comes", "comes", "comes", "is lost", "comes twice"]))
            for _ in range({"comes": 1, "is lost": 0, "comes twice": 2}[fate]):
                feed.receive(NAMES[0], frame(sequence))
            if data.draw(st.booleans()) and NAMES[0] in feed.out_of_step():
                feed.snapshot(NAMES[0], frame(data.draw(st.integers(max(0, sequence - 3), sequence))))
        feed.beat(RUN, {NAMES[0]: last}, 1.0)
        if NAMES[0] in feed.out_of_step():
            feed.snapshot(NAMES[0], frame(last))
        before: str | int = 0
        newest = 0
        for item in seen(feed):
            if isinstance(item, int):
                assert item == newest + 1 or (isinstance(before, str) and item >= newest)
                newest = item
            before = item
        assert newest == last


class TestMessagesOfSeveralSymbols:
    def test_they_are_one_message_again(self) -> None:
        feed = in_step()
        feed.receive(NAMES[0], frame(1, group=9, more=1))
        assert feed.items == []
        feed.receive(NAMES[1], frame(1, NAMES[1], group=9))
        (item,) = feed.take()
        assert isinstance(item, EncodedMarketData)
        assert list(item.parts) == NAMES

    def test_one_without_its_last_symbol_goes_on_with_the_next(self) -> None:
        feed = in_step()
        feed.receive(NAMES[0], frame(1, group=9, more=1))
        feed.receive(NAMES[0], frame(2, group=10, more=1))
        feed.flush()
        assert seen(feed) == [1, 2]

    def test_one_that_is_still_coming_is_waited_for(self) -> None:
        feed = in_step()
        feed.receive(NAMES[0], frame(1, group=9, more=2))
        feed.flush_stalled()
        feed.receive(NAMES[1], frame(1, NAMES[1], group=9, more=1))
        feed.flush_stalled()
        assert feed.items == []
        feed.flush_stalled()
        assert seen(feed) == [1, 1]
        assert len(feed.items) == 0

    def test_a_gap_of_several_symbols_is_one_again(self) -> None:
        feed = in_step()
        for more, name in enumerate(reversed(NAMES)):
            assert feed.items == []
            lost = whole_frame(gap([name], "the venue has halted"), RUN, 9, 1, len(NAMES) - 1 - more)
            feed.receive(name, lost)
        (item,) = feed.take()
        assert isinstance(item, Gap)
        assert (item.symbols, item.reason) == (NAMES[::-1], "the venue has halted")
        feed.interrupt(NAMES, "its publisher is gone")
        assert seen(feed) == []  # which is known already


class TestPublishers:
    def test_a_silent_one_is_a_gap_until_its_snapshot(self) -> None:
        feed = in_step()
        feed.tick(SILENCE / 2)
        assert seen(feed) == []
        feed.tick(SILENCE * 1.1)
        assert seen(feed) == [f"its publisher has not been heard for {SILENCE:g} s"]
        assert feed.is_silent
        assert feed.wanted(SILENCE * 1.1) == {}  # it would not answer
        feed.beat(RUN, {}, SILENCE * 1.2)
        assert not feed.is_silent
        assert feed.wanted(SILENCE * 1.2) == {RUN: NAMES}

    def test_a_later_run_takes_over(self) -> None:
        feed = in_step()
        assert feed.announce(publisher("later", 2, NAMES[:1]), 1.0)
        assert seen(feed) == ["its publisher was started again"]
        assert feed.wanted(1.0) == {"later": NAMES[:1]}
        feed.snapshot(NAMES[0], frame(0, run="later"))
        feed.receive(NAMES[0], frame(1, run="later"))
        feed.receive(NAMES[0], frame(1))  # the old one is not dead
        feed.receive(NAMES[1], frame(1, NAMES[1]))  # and still has the other symbol
        assert seen(feed) == [0, 1, 1]
        assert feed.strays == 1

    def test_an_earlier_run_does_not(self) -> None:
        feed = in_step()
        feed.announce(publisher("earlier", 0), 1.0)
        assert seen(feed) == []
        assert feed.out_of_step() == []
