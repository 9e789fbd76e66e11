"""Completion inside of strings: what is offered for which text, without a kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import hftlab as hl
from hftlab.lab.completion import Matcher, sessions_below
from hftlab.testing import FakeLabClient, Script
from tests.lab.market import walk

ROOT = Path(__file__).parents[2]
NAMES = ["AAPL", "AMZN", "BRK.A", "GOOGL", "META", "MSFT", "NVDA", "TSLA"]


@pytest.fixture(scope="module")
def namespace() -> Any:
    with hl.serve(walk(), port=0) as server, hl.connect(server.url) as client:
        yield {"client": client, "session": hl.open_session(ROOT / "data" / "walk"), "number": 7}


@pytest.fixture
def matcher(namespace: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Matcher:
    monkeypatch.chdir(ROOT)
    return Matcher(namespace)


@pytest.mark.parametrize(
    ("text", "typed", "found"),
    [
        ('client.subscribe(["', "", NAMES),
        ('client.subscribe(["AAPL", "M', "M", ["META", "MSFT"]),
        ("client.subscribe(symbols=['AA", "AA", ["AAPL"]),
        ('client.ladder("TS', "TS", ["TSLA"]),
        ('client.trading.buy("NV', "NV", ["NVDA"]),
        ('session.book_at(session.manifest.started, "GO', "GO", ["GOOGL"]),
        ('x = 1\nclient.latest("AM', "AM", ["AMZN"]),
        ('hl.dashboard(client, symbol="BRK', "BRK", ["BRK.A"]),
        ('client.subscribe(["AAPL"], data_types=["', "", None),
        ('client.subscribe(["AAPL"], data_types=["QUOTES", "ORD', "ORD", ["ORDER_BOOK"]),
        ('client.trading.buy("AAPL", 1, time_in_force="G', "G", ["GTC"]),
        ('client.trading.buy("AAPL", 1, order_type="STOP', "STOP", ["STOP", "STOP_LIMIT"]),
        ('hl.connect(url, encoding="m', "m", ["msgpack"]),
        ('session.table("order', "order", ["order_updates"]),
        ('hl.open_session("data/w', "data/w", ["data/walk"]),
        ("%%replay data/wa", "data/wa", ["data/walk"]),
        ("%%replay se", "se", ["session"]),
    ],
    ids=str,
)
def test_what_is_offered(matcher: Matcher, text: str, typed: str, found: list[str] | None) -> None:
    expected = ["QUOTES", "TRADES", "ORDER_BOOK", "STATISTICS", "BOOK_DELTA", "ARBITRAGE"] if found is None else found
    fragment, candidates = matcher.complete(text)
    assert fragment == typed
    assert sorted(candidates) == sorted(expected)


@pytest.mark.parametrize(
    "text",
    [
        "client.subscribe(",
        'client.subscribe(["AAPL"])',
        'print("A',
        'client.ladder("AAPL", name="A',
        "it's a text",
        'number.table("',
        'x = "M',
        "",
    ],
    ids=str,
)
def test_what_is_left_to_others(matcher: Matcher, text: str) -> None:
    assert matcher.complete(text)[1] == []


def test_no_name_ends_the_string() -> None:
    """A server may call its symbols what it likes, and a choice from a menu is not code."""
    names = ["AAPL", 'A"]) or f() #', "A'", "A\\", "A B"]
    with FakeLabClient(Script(names)) as client:
        assert Matcher({"client": client}).complete('client.subscribe(["A') == ("A", ["AAPL", "A B"])


def test_a_catalogue_and_an_account_complete_their_keys(namespace: dict[str, Any]) -> None:
    catalogue = hl.sessions(ROOT / "data")
    assert set(catalogue._ipython_key_completions_()) >= {"walk", "flash"}
    assert set(catalogue.symbols) >= set(NAMES)
    assert set(namespace["client"].trading.positions._ipython_key_completions_()) == set(NAMES)
    assert namespace["client"].trading.orders._ipython_key_completions_() == []
    assert Matcher({"days": catalogue}).complete('days.filter(symbols=["TS')[1] == ["TSLA"]


def test_sessions_are_looked_for_a_little_below(tmp_path: Path) -> None:
    for folder in ("one", "date=2026-01-02/session=open", "a/b/c/d/too-deep", ".hidden"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "manifest.json").touch()
    found = [Path(path).relative_to(tmp_path).as_posix() for path in sessions_below(tmp_path)]
    assert found == ["one", "date=2026-01-02/session=open"]
    assert sessions_below(tmp_path / "missing") == []
