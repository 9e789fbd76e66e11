"""The compiled engine against the slow one, row for row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.book.matching import MatchingEngine
from hftlab.book.matching.engine_state import new_state
from hftlab.book.matching.entries import ENTRY, Action, EntryType, Prevention, Reason, Status, new_entries
from hftlab.book.matching.kernel import drain, submit_many
from hftlab.book.matching.output import new_output
from hftlab.events import ASK, BID
from tests.book.matching.streams import (
    SHARES,
    STREAMS,
    Step,
    compiled_run,
    entries_of,
    event_rows,
    fill_rows,
    lowered,
    random_stream,
    reference_run,
    update_rows,
)


def agree(stream: Sequence[Step], *, halts: bool, signed: bool = False) -> None:
    entries = lowered(entries_of(stream)) if signed else entries_of(stream)
    expected = reference_run(entries, halts=halts, signed=signed)
    engine, result = compiled_run(entries, halts=halts, signed=signed)
    assert update_rows(result) == expected.updates
    assert fill_rows(result) == expected.fills
    assert event_rows(result) == expected.events
    for share, book in zip(SHARES, expected.books, strict=True):
        for side, is_bid in (("B", True), ("A", False)):
            assert [(one.id, one.owner, one.price, one.size) for one in engine[share].queue(side)] == [
                (order.id, order.owner, order.price, order.shown) for order in book.queue(is_bid) if order.is_public
            ]
        waiting = {one.id: (one.stop, one.price, one.size) for one in engine[share].waiting()}
        assert waiting == {
            order.id: (
                None if order.is_whole else order.stop,
                None if order.type == EntryType.STOP else order.price,
                order.open,
            )
            for order in book.stops + book.wholes
        }
    assert len(engine) == sum(len(book.orders) + len(book.stops) + len(book.wholes) for book in expected.books)
    assert engine.next_id == expected.next_id


@pytest.mark.parametrize("halts", [True, False])
@given(stream=STREAMS)
def test_every_event_fill_and_update_is_the_references(stream: list[Step], halts: bool) -> None:
    agree(stream, halts=halts)


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(8, 20))])
def test_so_it_is_in_longer_streams(seed: int) -> None:
    agree(random_stream(seed, 400), halts=seed % 2 == 0)


@given(stream=STREAMS)
def test_and_at_prices_around_zero(stream: list[Step]) -> None:
    agree(stream, halts=True, signed=True)


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", [40, 41, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(42, 46))])
def test_and_in_longer_streams_around_zero(seed: int) -> None:
    agree(random_stream(seed, 400), halts=seed % 2 == 0, signed=True)


def cramped_engine() -> MatchingEngine:
    """An engine whose arrays are all too small."""
    engine = MatchingEngine(SHARES)
    engine.state = new_state([share.tick for share in SHARES], halts=True, capacity=1)
    engine.output = new_output(1, 1, 1)
    return engine


class TestRoom:
    @pytest.mark.no_cover
    @pytest.mark.parametrize("seed", [20, 21, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(22, 26))])
    def test_a_cramped_engine_does_the_same(self, seed: int) -> None:
        entries = entries_of(random_stream(seed, 400))
        expected = reference_run(entries)
        engine = cramped_engine()
        parts = [engine.submit(entries[at : at + 7]) for at in range(0, len(entries), 7)]
        assert [row for part in parts for row in update_rows(part)] == expected.updates
        assert [row for part in parts for row in fill_rows(part)] == expected.fills
        assert [row for part in parts for row in event_rows(part)] == expected.events

    def test_nothing_is_done_where_there_is_no_room(self) -> None:
        engine, entries = cramped_engine(), entries_of([Step(price=100, size=5), Step(price=101, size=5)])
        before = engine.state.totals.copy()
        assert submit_many(engine.state, engine.output, entries, 0) == 0
        assert engine.output.used.tolist() == [0, 0, 0]
        assert engine.state.totals[["live", "next_id", "sequence"]] == before[["live", "next_id", "sequence"]]
        engine.grow()
        assert submit_many(engine.state, engine.output, entries, 0) > 0

    def test_stops_without_room_wait_for_drain(self) -> None:
        engine = MatchingEngine(SHARES)
        stops = [Step(type=EntryType.STOP, side=BID, stop=100, size=1) for _ in range(50)]
        asks = [Step(side=ASK, price=100, size=100)]
        engine.submit(entries_of([*stops, *asks]))
        engine.output = new_output(16, 16, 16)
        assert submit_many(engine.state, engine.output, entries_of([Step(price=100, size=1)]), 0) == 1
        assert not drain(engine.state, engine.output)
        assert 0 < len(engine.take().fills) < 51
        while not drain(engine.state, engine.output):
            engine.grow()
        assert len(engine) == 1
        assert engine["ONE"].asks() == [(1.0, 49.0, 1)]

    def test_an_order_that_cancels_older_ones_needs_room_for_all_of_them(self) -> None:
        engine = MatchingEngine(SHARES)
        engine.submit(entries_of([Step(side=ASK, price=100, size=9, owner=1)] * 50))
        engine.output = new_output(40, 40, 40)
        entries = entries_of([Step(price=100, size=1, owner=1, prevention=Prevention.CANCEL_OLDEST)])
        assert submit_many(engine.state, engine.output, entries, 0) == 0
        assert len(engine) == 50
        engine.grow()
        assert submit_many(engine.state, engine.output, entries, 0) == 1
        assert all(used <= len(rows) for used, rows in zip(engine.output.used, engine.output[:3], strict=True))
        assert len(engine) == 1

    def test_a_side_may_have_thousands_of_levels(self) -> None:
        random = np.random.default_rng(3)
        prices, engine = random.permutation(np.arange(1, 5001)), MatchingEngine(SHARES)
        engine.submit(new_entries(5000, side=BID, price=prices, size=1 + prices % 9, owner=1))
        assert [one.price for one in engine["ONE"].queue("B")] == list(range(5000, 0, -1))
        gone = random.permutation(np.arange(1, 5001))[:4000]
        engine.submit(new_entries(4000, action=Action.CANCEL, id=gone))
        left = sorted(set(range(1, 5001)) - set(gone.tolist()), key=lambda number: -prices[number - 1])
        assert [one.id for one in engine["ONE"].queue("B")] == left
        assert [order_id in engine for order_id in (left[0], int(gone[0]))] == [True, False]

    def test_rows_and_levels_are_used_again(self) -> None:
        engine = MatchingEngine(SHARES)
        for round_ in range(40):
            ids = np.arange(1 + 500 * round_, 501 + 500 * round_)
            engine.submit(new_entries(500, side=BID, price=1 + ids % 300, size=1))
            engine.submit(new_entries(500, action=Action.CANCEL, id=ids))
        assert len(engine) == 0
        assert len(engine.state.orders) == len(engine.state.levels) == 1024


def test_compiled_once_for_all_kinds_of_submission() -> None:
    engine = MatchingEngine(SHARES[:1])
    engine.place("ONE", "B", 1, 100)
    entries = new_entries(4, side=ASK, price=np.arange(4), size=1)
    engine.submit(entries[::2])
    entries.flags.writeable = False
    engine.submit(entries)
    assert len(submit_many.signatures) == 1  # type: ignore[attr-defined]


class TestRefusals:
    """What the reference does not know: limits of the integers."""

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"price": 2**63 - 1}, Reason.BAD_PRICE),
            ({"price": (2**63 - 1) // SHARES[0].tick + 1}, Reason.BAD_PRICE),
            ({"size": 2**40 + 1}, Reason.BAD_SIZE),
            ({"type": EntryType.ICEBERG, "size": 1001, "display": 1}, Reason.BAD_DISPLAY),
            ({"type": EntryType.STOP, "stop": 2**62}, Reason.BAD_PRICE),
            ({"instrument": 2**40}, Reason.UNKNOWN_INSTRUMENT),
            ({"action": 2**40}, Reason.BAD_ACTION),
        ],
    )
    def test_an_order_beyond_the_limits(self, fields: dict[str, int], reason: Reason) -> None:
        engine = MatchingEngine(SHARES)
        result = engine.submit(new_entries(1, **({"side": BID, "price": 100, "size": 1} | fields)))
        assert [(row["status"], row["reason"]) for row in result.updates] == [(Status.REJECTED, reason)]
        assert len(engine) == len(result.events) == 0

    @given(data=st.data())
    def test_no_numbers_break_it(self, data: st.DataObject) -> None:
        wild = st.one_of(st.integers(-3, 10), st.integers(-(2**63), 2**63 - 1))
        rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(ENTRY.names or (), wild)), max_size=20))
        entries = np.zeros(len(rows), ENTRY)
        for entry, values in zip(entries, rows, strict=True):
            for name, value in values.items():
                entry[name] = value
        engine = MatchingEngine(SHARES)
        result = engine.submit(entries)
        assert len(result.updates) >= len(entries) - len(result.fills)
