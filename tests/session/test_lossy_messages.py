"""A replay has the losses of its recording again."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from hftlab.protocol import Gap, MarketData
from hftlab.session import Session, SessionWriter, open_session
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import numbered, replayed

START = 1_767_364_200_000_000_000
MS = 1_000_000


def holed(folder: Path) -> Session:
    """Both symbols every 10 ms for a second, cut from 200 to 400 ms; MSFT misses what is from 600 to 700 ms."""
    writer = SessionWriter(folder, source={})
    at = lambda ms: START + ms * MS  # noqa: E731
    writer.control("start", at(0), symbols=["AAPL", "MSFT"])
    for ms in range(0, 1001, 10):
        if ms == 400:
            writer.control("disconnect", at(390), ts_from=at(200))
            writer.control("resync", at(400), symbols=["AAPL", "MSFT"])
        if ms == 700:
            writer.control("gap", at(700), symbols=["MSFT"], ts_from=at(600), ts_to=at(700))
        names = ["AAPL"] if 600 < ms < 700 else ["AAPL", "MSFT"]
        if not 200 < ms < 400:
            writer.append(market_data(*(symbol(name, float(ms + 1)) for name in names)), at(ms))
    writer.control("end", at(1000))
    writer.close()
    return open_session(folder)


def test_it_yields_a_gap_where_a_hole_begins(tmp_path: Path) -> None:
    session = holed(tmp_path / "session")
    stream = replayed(session)
    gaps = [(at - START, message.symbols, message.reason) for at, message in stream if isinstance(message, Gap)]
    assert gaps == [(200 * MS, ["AAPL", "MSFT"], "disconnect"), (600 * MS, ["MSFT"], "gap")]
    assert all(one[0] <= other[0] for one, other in pairwise(stream))
    plain = session.replay(gaps=False).advance(START * 2)
    assert [message for _, message in stream if isinstance(message, MarketData)] == plain


def test_a_seek_into_a_hole_tells_of_it(tmp_path: Path) -> None:
    replay = holed(tmp_path / "session").replay()
    replay.seek(START + 300 * MS)
    first, second = replay.take(2)
    assert isinstance(first.message, Gap)
    assert (first.at, second.at) == (START + 300 * MS + 1, START + 400 * MS)
    replay.seek(START + 400 * MS)
    assert isinstance(replay.take(1)[0].message, MarketData)


def test_a_symbol_that_was_never_covered_is_not_lost(tmp_path: Path) -> None:
    """What begins with a hole has no moment at which it stops being covered."""
    writer = SessionWriter(tmp_path / "session", source={})
    writer.control("start", 5)
    writer.control("drop", 5, symbols=["AAPL"], ts_from=5)
    writer.control("resync", 6, symbols=["AAPL"])
    writer.append(numbered(6), 6)
    writer.close()
    assert replayed(open_session(tmp_path / "session")) == [(6, numbered(6))]
