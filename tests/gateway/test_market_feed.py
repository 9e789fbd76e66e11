from __future__ import annotations

from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.gateway.announcement import Announcement, decode_beat
from hftlab.gateway.market_feed import SILENCE, MarketFeed, gap
from hftlab.gateway.market_frame import FrameKind, MarketFrame, part_frames, whole_frame
from hftlab.gateway.market_outbox import MarketOutbox
from hftlab.gateway.subjects import Subjects
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
        assert seen(feed) == ["messages were lost between the publisher and the gateway", 2, 3]
        feed.beat(RUN, {NAMES[0]: 10**400}, 1.0)
        feed.snapshot(NAMES[0], frame(3))
        assert feed.lost == 0

    def test_a_lost_frame_is_one_gap_and_a_snapshot(self) -> None:
        feed = in_step()
        for sequence in (1, 2, 5, 6):
            feed.receive(NAMES[0], frame(sequence))
        feed.receive(NAMES[1], frame(1, NAMES[1]))
        assert seen(feed) == [1, 2, "messages were lost between the publisher and the gateway", 1]
        assert feed.wanted(0.0) == {RUN: NAMES[:1]}
        feed.snapshot(NAMES[0], frame(6))
        assert feed.lost == 2
        feed.receive(NAMES[0], frame(7))
        assert seen(feed) == [6, 7]

    def test_a_beat_tells_of_a_lost_last_frame(self) -> None:
        feed = in_step()
        feed.receive(NAMES[0], frame(1))
        feed.beat(RUN, {NAMES[0]: 1, NAMES[1]: 0}, 1.0)
        assert seen(feed) == [1]
        feed.beat(RUN, {NAMES[0]: 3}, 2.0)
        assert seen(feed) == ["messages were lost between the publisher and the gateway"]
        feed.snapshot(NAMES[0], frame(3))
        assert feed.lost == 2

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

    def test_one_that_is_silent_loses_to_any_other(self) -> None:
        """Its clock was ahead of that of the one which takes its place."""
        feed = in_step()
        feed.tick(SILENCE * 1.1)
        feed.take()
        feed.announce(publisher("next", 0), SILENCE * 1.2)
        assert feed.wanted(SILENCE * 1.2) == {"next": NAMES}
        for name in NAMES:
            feed.snapshot(name, frame(0, name, run="next"))
        feed.receive(NAMES[0], frame(1, run="next"))
        assert seen(feed) == [0, 0, 1]
        assert not feed.silent
        assert not feed.owns(RUN)

    def test_one_that_falls_silent_passes_its_symbols_to_the_latest_that_has_them(self) -> None:
        """The others were started again before anybody noticed, with clocks that are behind."""
        feed = in_step()
        for run, started_at in (("a", -2), ("b", -1), ("dead", 0)):
            feed.announce(publisher(run, started_at), 0.1 if run == "dead" else 1.0)
        feed.receive(NAMES[0], frame(1, run="b"))
        assert seen(feed) == []
        assert feed.strays == 1
        assert not feed.tick(SILENCE * 1.2)  # its symbols are the same
        assert seen(feed) == ["its publisher was started again"]
        assert feed.wanted(SILENCE * 1.2) == {"b": NAMES}
        assert not feed.silent

    def test_what_a_publisher_has_no_more_behind_its_restart_is_a_gap_and_offered_no_more(self) -> None:
        feed = in_step()
        feed.announce(publisher("next", 2, NAMES[:1]), 1.0)
        assert seen(feed) == ["its publisher was started again"]
        assert feed.symbols == NAMES  # the old one may live, and send more of the other
        assert feed.tick(SILENCE * 1.1)
        assert seen(feed) == ["its publisher was started again without it"]
        assert feed.symbols == NAMES[:1]
        assert not feed.silent
        feed.announce(publisher("third", 3, NAMES), 9.0)
        feed.snapshot(NAMES[1], frame(0, NAMES[1], run="third"))
        assert feed.symbols == NAMES
        assert seen(feed) == [0]

    def test_it_is_said_also_where_the_old_one_had_long_been_silent(self) -> None:
        feed = in_step()
        feed.tick(SILENCE * 1.1)
        feed.announce(publisher("next", 0, NAMES[:1]), 9.0)
        silent = f"its publisher has not been heard for {SILENCE:g} s"
        assert seen(feed) == [silent, "its publisher was started again without it"]
        assert feed.symbols == NAMES[:1]

    def test_other_symbols_are_another_publishers_unless_it_takes_the_orders(self) -> None:
        for session in (None, "s"):
            feed = MarketFeed()
            feed.announce(msgspec.structs.replace(publisher(symbols=NAMES[:1]), session="r"), 0.0)
            feed.snapshot(NAMES[0], frame(0))
            feed.announce(msgspec.structs.replace(publisher("next", 2, NAMES[1:]), session=session), 1.0)
            feed.tick(SILENCE * 1.1)
            assert feed.symbols == (NAMES if session is None else NAMES[1:])
            assert [one.run for one in feed.silent] == ([RUN] if session is None else [])

    @given(st.permutations([("a", 1), ("b", 2), ("c", 2), ("d", 3)]), st.data())
    def test_in_whatever_order_living_ones_are_announced_the_latest_has_each_symbol(
        self, order: list[tuple[str, int]], data: st.DataObject
    ) -> None:
        some = st.lists(st.sampled_from(NAMES), unique=True)
        made = [publisher(run, started_at, data.draw(some)) for run, started_at in order]
        feed = MarketFeed()
        for one in made:
            feed.announce(one, 0.0)
        for name in NAMES:
            having = [(one.started_at, one.run) for one in made if name in one.symbols]
            owner = [run for run, names in feed.wanted(0.0).items() if name in names] if having else []
            feed.interrupt(feed.symbols, "once more")
            assert owner == ([max(having)[1]] if having else [])


def test_signs_of_life_tell_of_any_number_of_symbols() -> None:
    """Each in a message that NATS takes."""
    names = [f"S{number}" for number in range(12_000)]
    outbox = MarketOutbox(Subjects("main"), RUN, names)
    for told in (0, 12_000):
        outbox._queue.clear()
        if told:
            outbox.put(gap(names, "halted"))
            outbox._queue.clear()
        outbox.put_beat(None)
        beats = [decode_beat(payload) for _, payload, _ in outbox._queue]
        assert len(beats) == (3 if told else 1)
        assert sum(len(beat.sequences) for beat in beats) == told
        assert max(len(payload) for _, payload, _ in outbox._queue) < 500_000
