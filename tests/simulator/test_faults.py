"""Faults: what comes through is the truth but for what `done` says, and the same seed does the same damage."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hftlab as hl
from hftlab.clock import Clock
from hftlab.protocol import MarketData, Message
from hftlab.simulator import Faults, RandomWalk
from hftlab.source import Seekable, Source, Timed
from tests.listed_source import ListedSource, SeekableListedSource, market_messages, state_of
from tests.strategies import order_updates

START = 1_700_000_000_000_000_000
TENTH = 100_000_000
MINUTE = 600 * TENTH


def walk() -> RandomWalk:
    return RandomWalk(7, clock=Clock(START, paused=True))


def clean(count: int = 601) -> list[MarketData]:
    return walk().advance(START + (count - 1) * TENTH)


def numbers(messages: list[Message]) -> list[int]:
    """The walk numbers its messages from 1; the faults count from 0."""
    return [message.sequence - 1 for message in messages if message.sequence is not None]


def of_kind(faults: Faults, kind: str) -> list[int]:
    return [fault.number for fault in faults.done if fault.kind == kind]


class Ending:
    """A source of the walk's first messages that ends."""

    name, recorded, symbols = "ending", True, ("AAPL",)

    def __init__(self, count: int) -> None:
        self.clock = Clock(START, paused=True)
        self._left = [(START + at * TENTH, message) for at, message in enumerate(clean(count))]

    def next_time(self) -> int | None:
        return self._left[0][0] if self._left else None

    def advance(self, until: int) -> list[Message]:
        due = [message for at, message in self._left if at <= until]
        self._left = [entry for entry in self._left if entry[0] > until]
        return due


def drained(source: Source[Message]) -> list[Message]:
    messages: list[Message] = []
    while (at := source.next_time()) is not None:
        messages += source.advance(at)
    return messages


class TestNothing:
    def test_without_faults_everything_comes_through(self) -> None:
        faults = Faults(walk(), seed=1)
        assert faults.advance(START + MINUTE) == clean() == list(faults.truth)
        assert not faults.done
        assert not faults.counts

    def test_it_is_a_source_like_the_one_behind_it(self) -> None:
        source = walk()
        faults = Faults(source, seed=1)
        assert isinstance(faults, Source)
        assert (faults.symbols, faults.recorded) == (source.symbols, source.recorded)
        assert faults.clock is source.clock
        assert faults.next_time() == START
        assert "random walk" in faults.name


class TestKinds:
    def test_dropped_messages_are_missing_and_listed(self) -> None:
        faults = Faults(walk(), seed=1, drop=0.2)
        sent = numbers(faults.advance(START + MINUTE))
        dropped = of_kind(faults, "drop")
        assert 80 < len(dropped) < 160
        assert sorted(sent + dropped) == list(range(601))
        assert faults.counts["drop"] == len(dropped)

    def test_duplicates_follow_their_original(self) -> None:
        faults = Faults(walk(), seed=1, duplicate=0.1)
        sent = numbers(faults.advance(START + MINUTE))
        doubled = set(of_kind(faults, "duplicate"))
        assert doubled
        assert sent == [number for number in range(601) for _ in range(2 if number in doubled else 1)]

    def test_a_reordered_message_comes_after_its_follower(self) -> None:
        faults = Faults(walk(), seed=1, reorder=0.1)
        sent = numbers(faults.advance(START + MINUTE))
        late = of_kind(faults, "reorder")
        assert late
        assert all(sent.index(number) == number + 1 for number in late if number < 600)
        assert sorted(sent) == list(range(601 - (600 in late)))

    def test_the_last_message_of_a_source_cannot_wait_for_a_follower(self) -> None:
        assert numbers(drained(Faults(Ending(5), seed=1, reorder=1.0))) == [1, 0, 3, 2, 4]

    def test_delays_are_bounded_and_nothing_overtakes(self) -> None:
        faults = Faults(Ending(200), seed=1, delay=3 * TENTH)
        times, sent = [], []
        while (at := faults.next_time()) is not None:
            for number in numbers(faults.advance(at)):
                times.append(at - START - number * TENTH)
                sent.append(number)
        assert sent == list(range(200))
        assert 0 <= min(times) < max(times) <= 3 * TENTH
        assert {fault.number: fault.detail for fault in faults.done} == {
            number: f"{late} ns" for number, late in enumerate(times) if late
        }

    def test_a_corrupted_message_differs_in_the_named_symbol_only(self) -> None:
        faults = Faults(walk(), seed=1, corrupt=0.3)
        sent = faults.advance(START + MINUTE)
        damaged = {fault.number: fault.detail.split(":")[0] for fault in faults.done}
        assert len(damaged) > 100
        for number, (wrong, true) in enumerate(zip(sent, faults.truth, strict=True)):
            assert isinstance(wrong, MarketData)
            assert isinstance(true, MarketData)
            differing = [one.symbol for one, other in zip(wrong.symbols, true.symbols, strict=True) if one != other]
            assert differing == ([damaged[number]] if number in damaged else [])

    def test_a_skewed_clock_moves_the_stamps_and_not_the_messages(self) -> None:
        faults = Faults(walk(), seed=1, clock_skew=-5_000_000)
        sent = faults.advance(START + 10 * TENTH)
        for wrong, true in zip(sent, clean(11), strict=True):
            assert isinstance(wrong, MarketData)
            assert wrong.timestamp == true.timestamp - 5
            assert [symbol.timestamp for symbol in wrong.symbols] == [true.timestamp - 5] * 8

    def test_a_halt_is_silence_for_its_time(self) -> None:
        faults = Faults(walk(), seed=1, halt=0.02, halt_time=10 * TENTH)
        sent = numbers(faults.advance(START + MINUTE))
        halts = of_kind(faults, "halt")
        assert halts
        silent = {number for start in halts for number in range(start, start + 10)}
        assert sent == [number for number in range(601) if number not in silent]
        assert set(of_kind(faults, "halted")) | set(halts) == silent & set(range(601))


EVERYTHING = {"drop": 0.1, "duplicate": 0.1, "reorder": 0.1, "delay": TENTH, "corrupt": 0.1, "halt": 0.01}


class TestSeed:
    @given(st.lists(st.integers(1, 90), min_size=1, max_size=20), st.integers(0, 2**32))
    def test_it_does_not_matter_in_what_steps_time_advances(self, steps: list[int], seed: int) -> None:
        whole, cut = (Faults(Ending(100), seed=seed, **EVERYTHING) for _ in range(2))
        at, sent = START, []
        for step in steps:
            at += step * TENTH // 10
            sent += cut.advance(at)
        assert sent + cut.advance(2 * START) == whole.advance(2 * START)
        assert list(cut.done) == list(whole.done)

    def test_another_seed_does_other_damage(self) -> None:
        first, second = (Faults(walk(), seed=seed, drop=0.5) for seed in (1, 2))
        assert first.advance(START + MINUTE) != second.advance(START + MINUTE)

    def test_one_fault_more_does_not_move_the_others(self) -> None:
        alone, both = Faults(walk(), seed=1, drop=0.1), Faults(walk(), seed=1, drop=0.1, corrupt=0.5)
        alone.advance(START + MINUTE)
        both.advance(START + MINUTE)
        assert of_kind(alone, "drop") == of_kind(both, "drop")


PUBLIC = st.tuples(st.integers(0, 40), market_messages())
PRIVATE = st.tuples(st.integers(0, 40), st.builds(Timed, st.just(0), order_updates(), st.sampled_from(["alice", None])))
LISTS = st.lists(PUBLIC | PRIVATE, max_size=25).map(
    lambda drawn: [
        (at, item._replace(at=at) if isinstance(item, Timed) else item)
        for at, item in sorted(drawn, key=lambda pair: pair[0])
    ]
)
SOME = {"drop": 0.2, "duplicate": 0.2, "reorder": 0.2, "delay": 7, "corrupt": 0.3, "halt": 0.05, "halt_time": 6}


def played(source: Source[Message]) -> list[Timed[Message]]:
    """All that is left, each with the time at which it is due."""
    items: list[Timed[Message]] = []
    while (at := source.next_time()) is not None:
        items += [one if isinstance(one, Timed) else Timed(at, one) for one in source.advance(at)]
    return items


class TestSeek:
    def test_is_there_exactly_where_the_source_has_it(self) -> None:
        assert isinstance(Faults(SeekableListedSource([])), Seekable)
        assert not isinstance(Faults(ListedSource([])), Seekable)
        assert not isinstance(Faults(walk()), Seekable)
        assert isinstance(Faults(Faults(SeekableListedSource([]))), Seekable)

    @given(LISTS, st.integers(0, 99), st.lists(st.integers(-2, 50), min_size=1, max_size=4))
    def test_state_and_rest_are_those_of_the_whole_damaged_stream(
        self, items: list[tuple[int, Message]], seed: int, positions: list[int]
    ) -> None:
        """However often and wherever the stream was sought to before, and wherever it was left in between."""
        whole = played(Faults(SeekableListedSource(items), seed=seed, **SOME))
        faults = Faults(SeekableListedSource(items), seed=seed, **SOME)
        assert isinstance(faults, Seekable)
        for position in positions:
            state = state_of(faults.seek(position))
            assert state == state_of(one.message for one in whole if one.at <= position)
            rest = [one for one in whole if one.at > position]
            assert faults.take(2) == rest[:2]
            assert played(faults) == rest[2:]

    @given(LISTS, st.integers(0, 99), st.lists(st.integers(0, 4), max_size=10))
    def test_taking_is_advancing(self, items: list[tuple[int, Message]], seed: int, counts: list[int]) -> None:
        faults = Faults(SeekableListedSource(items), seed=seed, **SOME)
        whole = played(Faults(SeekableListedSource(items), seed=seed, **SOME))
        assert isinstance(faults, Seekable)
        taken: list[Timed[Message]] = []
        for count in counts:
            some = faults.take(count)
            assert len(some) == min(count, len(whole) - len(taken))
            taken += some
        assert taken + played(faults) == whole

    @given(LISTS, st.integers(0, 99), st.integers(0, 41))
    def test_a_source_that_was_sought_in_before_has_the_same_damage(
        self, items: list[tuple[int, Message]], seed: int, position: int
    ) -> None:
        source = SeekableListedSource(items)
        source.seek(position)
        at = source.next_time()
        if at is not None:
            whole = played(Faults(SeekableListedSource(items), seed=seed, **SOME))
            assert played(Faults(source, seed=seed, **SOME)) == [one for one in whole if one.at >= at]

    def test_without_a_seed_the_damage_stays_the_same_too(self) -> None:
        faults = Faults(SeekableListedSource([(at, message) for at, message in enumerate(clean(60))]), drop=0.5)
        assert isinstance(faults, Seekable)
        first = played(faults)
        faults.seek(-1)
        assert played(faults) == first

    def test_what_was_done_is_that_up_to_the_position(self) -> None:
        faults = Faults(SeekableListedSource(list(enumerate(clean(60)))), seed=1, drop=0.5)
        assert isinstance(faults, Seekable)
        played(faults)
        faults.seek(29)
        assert list(faults.truth) == clean(30)
        assert faults.counts["drop"] == len(faults.done)
        assert all(fault.number < 30 for fault in faults.done)
        assert faults.span == (0, 59)


class TestClass:
    def test_the_signature_names_every_argument(self) -> None:
        parameters = inspect.signature(hl.simulator.Faults).parameters
        assert list(parameters) == [
            "source",
            "seed",
            "drop",
            "duplicate",
            "reorder",
            "delay",
            "corrupt",
            "clock_skew",
            "halt",
            "halt_time",
            "keep",
        ]
        assert all(one.annotation is not inspect.Parameter.empty for one in parameters.values())
        assert parameters["delay"].annotation == "int"

    def test_its_help_is_the_same_with_either_source(self) -> None:
        assert (inspect.getdoc(Faults) or "").startswith("Source that passes another one on, damaged")

    @pytest.mark.parametrize("kind", [ListedSource, SeekableListedSource])
    @pytest.mark.parametrize(
        "copied", [copy.deepcopy, lambda faults: pickle.loads(pickle.dumps(faults))], ids=["deepcopy", "pickle"]
    )
    def test_a_copy_goes_on_by_itself_with_the_same_damage(
        self, kind: type[ListedSource], copied: Callable[[Faults], Faults]
    ) -> None:
        faults = Faults(kind(list(enumerate(clean(60)))), seed=1, **SOME)
        faults.advance(20)
        other = copied(faults)
        assert isinstance(other, Seekable) == isinstance(faults, Seekable) == (kind is SeekableListedSource)
        assert played(other) == played(faults)
        assert (other.done, other.truth, other.counts) == (faults.done, faults.truth, faults.counts)

    @pytest.mark.parametrize("kind", [ListedSource, SeekableListedSource])
    def test_a_shallow_copy_shares_the_source(self, kind: type[ListedSource]) -> None:
        faults = Faults(kind(list(enumerate(clean(3)))))
        other = copy.copy(faults)
        assert type(other) is type(faults)
        assert (other.clock, other.truth) == (faults.clock, faults.truth)
        assert played(other) == played(Faults(kind(list(enumerate(clean(3))))))


class TestEnvelopes:
    def test_account_and_payload_go_with_the_message(self) -> None:
        items = [(at, Timed(at, message, "alice", b"{%d}" % at)) for at, message in enumerate(clean(40))]
        for one in played(Faults(ListedSource(items), seed=1, drop=0.3, duplicate=0.3, reorder=0.3, delay=5)):
            true = next(item for _, item in items if item.message is one.message)
            assert (one.account, one.payload) == (true.account, true.payload)

    def test_a_message_that_was_changed_loses_its_payload(self) -> None:
        items = [(at, Timed(at, message, None, b"{}")) for at, message in enumerate(clean(40))]
        faults = Faults(ListedSource(items), seed=1, corrupt=0.5)
        sent = played(faults)
        changed = set(of_kind(faults, "corrupt"))
        assert 5 < len(changed) < 35
        assert [one.payload for one in sent] == [None if number in changed else b"{}" for number in range(40)]

    def test_the_skew_changes_market_data_only(self) -> None:
        skewed = played(Faults(ListedSource([(0, Timed(0, clean(1)[0], None, b"{}"))]), clock_skew=1_000_000))
        assert skewed[0].payload is None


class TestTruth:
    def test_the_latest_state_is_the_undamaged_one(self) -> None:
        faults = Faults(walk(), seed=1, drop=0.5, corrupt=0.5)
        faults.advance(START + MINUTE)
        assert list(faults.latest.values()) == clean()[-1].symbols

    def test_what_is_kept_is_bounded(self) -> None:
        faults = Faults(walk(), seed=1, drop=0.9, keep=10)
        faults.advance(START + MINUTE)
        assert list(faults.truth) == clean()[-10:]
        assert len(faults.done) == 10
        assert faults.counts["drop"] > 400


@pytest.mark.parametrize("wrong", [{"drop": -0.1}, {"corrupt": 1.1}, {"delay": -1}, {"halt": float("nan")}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Faults(walk(), **wrong)  # type: ignore[arg-type]


async def test_a_server_streams_the_damage() -> None:
    """Over a real socket: the client sees each symbol's prices but the dropped ones, in order."""
    faults = Faults(Ending(50), seed=3, drop=0.3)
    faults.clock = Clock(START, float("inf"))
    received: list[float] = []
    async with hl.Server(faults, port=0) as server, hl.Client(server.url) as client:
        await client.subscribe(["AAPL"], frequency=0)
        async with asyncio.timeout(30):
            async for message in client:
                if message.type == "REPLAY_STATUS" and received:
                    break
                if isinstance(message, MarketData):
                    received.append(message.symbols[0].price)
    dropped = of_kind(faults, "drop")
    assert dropped
    assert received == [message.symbols[0].price for number, message in enumerate(clean(50)) if number not in dropped]
