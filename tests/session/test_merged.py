"""Several recordings as one source, against a sort of all their messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.client import Client
from hftlab.protocol import BookDelta, Gap, MarketData, Message
from hftlab.server import Server
from hftlab.session import merged
from hftlab.source import Seekable, Timed
from tests.faults.conftest import until
from tests.listed_source import SeekableListedSource, market_messages, state_of
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import numbered, write_session
from tests.session.test_tables import ORDER

Items = list[tuple[int, Message]]


def source(name: str, items: Items, symbols: tuple[str, ...]) -> SeekableListedSource:
    listed = SeekableListedSource(items)
    listed.name, listed.symbols = name, symbols  # type: ignore[misc]
    return listed


def named(message: Message, suffix: str) -> Message:
    """The message with a suffix to all its symbols, made by way of plain data."""
    data = msgspec.to_builtins(message)
    for one in data.get("symbols") or ([data] if "symbol" in data else []):
        one["symbol"] += suffix
    return msgspec.convert(data, type(message))


NAMES = ("AAPL", "MSFT", "TSLA", "ONLY_BOOKS")
streams = st.lists(
    st.lists(st.tuples(st.integers(0, 20), market_messages()), max_size=8).map(
        lambda items: sorted(items, key=lambda item: item[0])
    ),
    min_size=1,
    max_size=3,
)


def reference(drawn: list[Items]) -> list[tuple[int, Message]]:
    """All messages by their times, and of one time by their recordings."""
    rows = [
        (at, place, number, named(message, f":{place}") if len(drawn) > 1 else message)
        for place, items in enumerate(drawn)
        for number, (at, message) in enumerate(items)
    ]
    return [(at, message) for at, _, _, message in sorted(rows, key=lambda row: row[:3])]


def whole(drawn: list[Items]) -> Any:
    sources = [source(str(place), items, NAMES) for place, items in enumerate(drawn)]
    return merged(sources, suffixes=[f":{place}" for place in range(len(sources))])


class TestOrder:
    @given(streams, st.lists(st.integers(0, 21), max_size=4))
    def test_advance_gives_everything_by_time(self, drawn: list[Items], stops: list[int]) -> None:
        source = whole(drawn)
        assert isinstance(source, Seekable)
        found: list[Timed[Message]] = []
        for stop in [*sorted(stops), 99]:
            found += source.advance(stop)
            assert source.next_time() is None or source.next_time() > stop
        assert [(item.at, item.message) for item in found] == reference(drawn)

    @given(streams, st.integers(-1, 21), st.integers(0, 9))
    def test_seek_and_take_go_on_from_there(self, drawn: list[Items], position: int, count: int) -> None:
        source = whole(drawn)
        source.take(3)
        state = source.seek(position)
        everything = reference(drawn)
        before = [message for at, message in everything if at <= position]
        assert state_of(state) == state_of(before)
        following = [(at, message) for at, message in everything if at > position]
        assert [(item.at, item.message) for item in source.take(count)] == following[:count]

    @given(streams)
    def test_the_span_is_that_of_all(self, drawn: list[Items]) -> None:
        times = [at for items in drawn for at, _ in items]
        assert whole(drawn).span == ((min(times), max(times)) if times else None)


class TestNames:
    def test_only_what_collides_is_renamed(self, tmp_path: Path) -> None:
        for name, symbols in (("monday", ("A", "B")), ("tuesday", ("B", "C"))):
            write_session(tmp_path / name, [(at, market_data(*map(symbol, symbols))) for at in (1, 2)])
        source = merged([tmp_path / "monday", str(tmp_path / "tuesday")])
        assert source.symbols == ["A", "B:monday", "B:tuesday", "C"]
        assert source.name == "monday + tuesday"
        names = [[one.symbol for one in item.message.symbols] for item in source.take(2)]
        assert names == [["A", "B:monday"], ["B:tuesday", "C"]]

    def test_private_messages_keep_their_account(self, tmp_path: Path) -> None:
        items: list[Any] = [(1, Timed(1, ORDER, "alice")), (2, numbered(1))]
        sources = [source(name, items, ("AAPL", ORDER.symbol)) for name in ("a", "b")]
        taken = merged(sources).take(2)
        assert [(item.account, item.message.symbol) for item in taken] == [
            ("alice", f"{ORDER.symbol}:a"),
            ("alice", f"{ORDER.symbol}:b"),
        ]

    def test_a_gap_has_the_new_names(self) -> None:
        gaps: list[Any] = [
            (at, Gap(timestamp=1.0, from_sequence=0, to_sequence=0, reason="gap", symbols=symbols))
            for at, symbols in ((1, None), (2, ["MSFT"]))
        ]
        source_of_gaps = merged([source("a", gaps, ("AAPL", "MSFT")), source("b", [(3, numbered(1))], ("MSFT",))])
        assert [item.message.symbols for item in source_of_gaps.take(2)] == [["AAPL", "MSFT:a"], ["MSFT:a"]]

    def test_two_recordings_of_one_name_are_numbered(self) -> None:
        assert merged([source("a", [], ("X",)), source("a", [], ("X",))]).symbols == ["X:a.1", "X:a.2"]

    def test_names_that_would_be_the_same_are_refused(self) -> None:
        pair = [source("a", [], ("X", "X:b")), source("b", [], ("X",))]
        with pytest.raises(ValueError, match="X:b would be the name of several symbols"):
            merged(pair)
        with pytest.raises(ValueError, match="one for each of the 2"):
            merged(pair, suffixes=[":c"])
        with pytest.raises(ValueError, match="nothing to merge"):
            merged([])
        with pytest.raises(TypeError, match="cannot be merged"):
            merged([7])  # type: ignore[list-item]


async def test_a_server_streams_all_of_them(tmp_path: Path) -> None:
    start = 1_767_364_200_000_000_000
    for name, shift in (("a", 0), ("b", 1)):
        write_session(
            tmp_path / name, [(start + (2 * at + shift) * 1_000_000, numbered(2 * at + shift)) for at in range(20)]
        )
    source = merged([tmp_path / "a", tmp_path / "b"], speed=float("inf"))
    async with Server(source, port=0) as server, Client(server.url) as client:
        received: list[Message] = []
        client.on("message", received.append)
        await client.subscribe(source.symbols, frequency=0)
        await until(lambda: client.replay_ended)
    prices = [one.symbols[0].price for one in received if isinstance(one, MarketData)]
    assert prices == [1.0 + number for number in range(40)]
    assert not [one for one in received if isinstance(one, BookDelta)]
