"""The demo reports every loss and difference, and its page needs no network."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from hftlab import demo
from hftlab.demo import Demo, run_demo
from hftlab.lab import connect, serve
from hftlab.protocol import MarketData
from hftlab.report import write_report
from hftlab.simulator import RandomWalk
from tests.session.sessions import Received, replayed, write_session

LOADING = {"src", "href", "srcset", "data", "poster", "action", "xlink:href", "background"}
ELSEWHERE = re.compile(r"^\s*(https?:)?//|url\(\s*['\"]?(https?:)?//|@import", re.IGNORECASE)


class Page(HTMLParser):
    """Collects what a page would load, and its pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.titles: list[str] = []
        self.classes: list[str] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside.append(tag)
        for name, value in attrs:
            if name == "class":
                self.classes += (value or "").split()
            if (name in LOADING or name == "style") and ELSEWHERE.search(value or ""):
                self.loaded.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" in self._inside and ELSEWHERE.search(data):
            self.loaded.append(data)
        if self._inside and self._inside[-1] not in ("script", "style"):
            self.text += data
        if self._inside[-2:] == ["svg", "title"]:
            self.titles.append(data)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return run_demo(tmp_path_factory.mktemp("demo"), seconds=0.5, speed=20)


class TestRun:
    def test_nothing_is_lost_and_nothing_differs(self, done: Demo) -> None:
        assert (done.lost, done.differing) == (0, 0)
        assert done.is_perfect
        assert done.recorded == done.replayed >= 2  # as many as a busy machine had time for
        assert done.latency.count >= 1
        assert done.session.manifest.symbols == sorted(RandomWalk().symbols)
        assert 0 < done.session.manifest.size < done.json_bytes


class TestTampering:
    """The comparison finds recordings that differ from what was replayed."""

    @pytest.fixture
    def received(self, done: Demo) -> list[Received]:
        return replayed(done.session)

    def differing(self, done: Demo, tmp_path: Path, received: list[Received]) -> int:
        tampered = write_session(tmp_path / "tampered", received)
        return demo._differing(demo._recorded(done.session), demo._replayed(tampered, float("inf")))

    def test_a_copy_does_not_differ(self, done: Demo, tmp_path: Path, received: list[Received]) -> None:
        assert self.differing(done, tmp_path, received) == 0

    @pytest.mark.parametrize("place", [0, 2, -1])
    def test_a_changed_price_is_one_difference(
        self, done: Demo, tmp_path: Path, received: list[Received], place: int
    ) -> None:
        message = received[place][1]
        assert isinstance(message, MarketData)
        message.symbols[3].bid += 0.01
        assert self.differing(done, tmp_path, received) == 1

    def test_a_change_deep_in_the_book_is_one_difference(
        self, done: Demo, tmp_path: Path, received: list[Received]
    ) -> None:
        message = received[1][1]
        assert isinstance(message, MarketData)
        bids = message.symbols[0].bids
        assert bids is not None
        bids[-1].orders += 1
        assert self.differing(done, tmp_path, received) == 1

    def test_a_message_that_is_missing_or_extra_is_a_difference(
        self, done: Demo, tmp_path: Path, received: list[Received]
    ) -> None:
        assert self.differing(done, tmp_path / "missing", received[:-1]) == 1
        assert self.differing(done, tmp_path / "extra", [*received, received[-1]]) == 1
        assert self.differing(done, tmp_path / "first", received[1:]) > 1

    def test_whatever_is_wrong_is_not_perfect(self, done: Demo) -> None:
        assert not done._replace(differing=1).is_perfect
        assert not done._replace(lost=1).is_perfect
        assert not done._replace(recorded=0, replayed=0).is_perfect


class TestReport:
    def test_it_loads_nothing_from_anywhere(self, done: Demo) -> None:
        text = done.report.read_text(encoding="utf-8")
        assert Page(text).loaded == []
        assert len(text) > 1_000_000, "plotly itself is in the page"

    @pytest.mark.parametrize(
        "leak",
        [
            '<script src="https://cdn.plot.ly/plotly.js"></script>',
            '<link rel="stylesheet" href="//fonts.example/a.css">',
            '<p style="background: url(http://example.org/a.png)">',
            "<style>@import 'https://example.org/a.css';</style>",
            '<svg><image xlink:href="http://example.org/a.png"/></svg>',
        ],
    )
    def test_a_page_that_would_is_found_out(self, leak: str) -> None:
        """The test above relies on this."""
        assert len(Page(f"<html><body>{leak}</body></html>").loaded) == 1

    def test_it_has_three_pictures(self, done: Demo) -> None:
        """The ladder, the latencies and the mid prices."""
        page = Page(done.report.read_text(encoding="utf-8"))
        assert len(page.titles) == 2
        assert page.classes.count("plotly-graph-div") == 1
        for heading in ("Order book at the end", "Latency", "Mid price"):
            assert heading in page.text

    def test_it_says_what_was_recorded(self, done: Demo) -> None:
        page = Page(done.report.read_text(encoding="utf-8"))
        assert f"{done.session.manifest.messages:,}" in page.text
        assert ", ".join(done.session.manifest.symbols) in page.text

    def test_names_from_outside_are_escaped(self, tmp_path: Path) -> None:
        with serve(RandomWalk(1), port=0) as server, connect(server.url) as client:
            client.subscribe("AAPL")
            session = write_session(tmp_path / "<b>&", [(1, RandomWalk(1).advance(RandomWalk(1).next_time())[0])])
            text = write_report(tmp_path / "report.html", session, client).read_text(encoding="utf-8")
        assert "<b>&" not in text
        assert "&lt;b&gt;&amp;" in text

    def test_a_session_without_messages_has_a_report(self, tmp_path: Path) -> None:
        """A demo that has recorded nothing reports that."""
        with serve(RandomWalk(1), port=0) as server, connect(server.url) as client:
            report = write_report(tmp_path / "a" / "report.html", write_session(tmp_path / "empty", []), client)
        page = Page(report.read_text(encoding="utf-8"))
        assert len(page.titles) == 2
        assert page.classes.count("plotly-graph-div") == 1


def test_what_the_demo_compares_is_everything_but_the_envelope(done: Demo) -> None:
    """Symbols with their quotes, trades and levels; time of sending and sequence belong to the stream."""
    (_, message), *_ = replayed(done.session)
    assert isinstance(message, MarketData)
    assert demo._recorded(done.session)[0] == message.symbols
    assert msgspec.structs.replace(message, timestamp=1.0, sequence=99).symbols == message.symbols
