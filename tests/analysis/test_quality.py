from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hftlab import analysis
from hftlab.session import Session
from hftlab.session.tables import TABLES
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import Received, write_session


def slow_sequence_gaps(received: list[Received]) -> dict[int | None, tuple[int, int, int, int]]:
    """Look up every number between the first and the last."""
    seen: defaultdict[int | None, set[int]] = defaultdict(set)
    for _, message in received:
        if message.sequence is not None and not message.snapshot:
            seen[message.channel].add(message.sequence)
    return {
        channel: (len(there), min(there), max(there), sum(n not in there for n in range(min(there), max(there) + 1)))
        for channel, there in seen.items()
    }


def sequence_gaps(session: Session) -> dict[int | None, tuple[int, int, int, int]]:
    frame = analysis.sequence_gaps(session.market_data).collect()
    assert frame.columns == ["channel", "messages", "first", "last", "missing"]
    return {row[0]: row[1:] for row in frame.iter_rows()}


def test_gaps_against_a_search_for_every_number(session: Session, received: list[Received]) -> None:
    """A message of several symbols has several rows and one sequence."""
    found = sequence_gaps(session)
    assert found == slow_sequence_gaps(received)
    assert all(missing > 0 for *_, missing in found.values())


@given(st.lists(st.tuples(st.sampled_from([None, 1, 2]), st.integers(1, 30) | st.none(), st.booleans()), max_size=20))
def test_gaps_of_any_sequences(tmp_path_factory: object, drawn: list[tuple[int | None, int | None, bool]]) -> None:
    """Sequences are repeated, out of order, absent, or without a channel."""
    received: list[Received] = [
        (1, market_data(symbol(), symbol("B"), channel=channel, sequence=sequence, snapshot=snapshot))
        for channel, sequence, snapshot in drawn
    ]
    folder: Path = tmp_path_factory.mktemp("sequence_gaps") / "session"  # type: ignore[attr-defined]
    assert sequence_gaps(write_session(folder, received)) == slow_sequence_gaps(received)


def test_an_unbroken_stream_has_no_gaps(tmp_path: Path) -> None:
    received: list[Received] = [(at, market_data(symbol(), channel=4, sequence=at)) for at in range(3, 10)]
    assert sequence_gaps(write_session(tmp_path / "session", received)) == {4: (7, 3, 9, 0)}


def test_every_analysis_takes_the_table_of_an_empty_session(tmp_path: Path) -> None:
    """The result is empty and has the columns."""
    empty = write_session(tmp_path / "session", [])
    assert empty.market_data.collect_schema() == TABLES[0].schema
    for analyse in (analysis.sequence_gaps, analysis.quotes, analysis.latency, analysis.trades):
        frame = analyse(empty.market_data).collect()
        assert frame.is_empty()
        assert frame.width > 3


def slow_late(received: list[Received]) -> dict[str, tuple[int, int, int]]:
    """Compare each row with all rows of its symbol that came before."""
    seen: defaultdict[str, list[float]] = defaultdict(list)
    late: defaultdict[str, list[float]] = defaultdict(list)
    for _, message in received:
        for one in [] if message.snapshot else message.symbols:
            behind = max([before - one.timestamp for before in seen[one.symbol]], default=0)
            if behind > 0:
                late[one.symbol].append(behind)
            seen[one.symbol].append(one.timestamp)
    return {
        name: (len(times), len(late[name]), round(max(late[name], default=0) * 1e6)) for name, times in seen.items()
    }


@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 9), st.booleans()), max_size=15))
def test_late_messages_against_all_that_came_before(
    tmp_path_factory: object, drawn: list[tuple[str, int, bool]]
) -> None:
    received: list[Received] = [
        (1, market_data(symbol(name, timestamp=float(at)), snapshot=is_snapshot)) for name, at, is_snapshot in drawn
    ]
    folder: Path = tmp_path_factory.mktemp("late") / "session"  # type: ignore[attr-defined]
    frame = analysis.late_messages(write_session(folder, received).market_data).collect()
    assert frame.columns == ["symbol", "rows", "late", "behind"]
    assert {row[0]: row[1:] for row in frame.iter_rows()} == slow_late(received)
