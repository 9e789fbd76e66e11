"""The demo's report: what was lost comes first, and the page is small and needs no network."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hftlab.lab import connect, serve
from hftlab.report import Comparison, Difference, Pictures, write_report
from hftlab.report.comparison import Gap
from hftlab.session import Session
from hftlab.simulator import RandomWalk
from tests.session.sessions import write_session

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


PERFECT = Comparison(recorded=2, replayed=2, lost=0, differing=0)
FACTS = {"seed": "7", "hftlab": "1.2.3"}


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    with serve(RandomWalk(1), port=0) as server, connect(server.url) as client:
        client.subscribe(["AAPL"])
        return Pictures.of(client, "AAPL")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    walk = RandomWalk(1)
    received = []
    for _ in range(50):
        at = walk.next_time()
        assert at is not None
        received += [(at, message) for message in walk.advance(at)]
    return write_session(tmp_path / "session", received)


def written(folder: Path, session: Session, pictures: Pictures, comparison: Comparison = PERFECT) -> str:
    return write_report(folder / "a" / "report.html", session, pictures, comparison, FACTS).read_text(encoding="utf-8")


class TestPage:
    def test_it_loads_nothing_from_anywhere_and_is_small(
        self, tmp_path: Path, session: Session, pictures: Pictures
    ) -> None:
        text = written(tmp_path, session, pictures)
        assert Page(text).loaded == []
        assert "<script" not in text
        assert len(text) < 300_000

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

    def test_it_has_the_ladder_the_latencies_and_a_chart_of_each_symbol(
        self, tmp_path: Path, session: Session, pictures: Pictures
    ) -> None:
        page = Page(written(tmp_path, session, pictures))
        charts = [f"Mid price of {symbol}" for symbol in session.manifest.symbols]
        assert [title for title in page.titles if title.startswith("Mid price")] == charts
        assert len(page.titles) == len(charts) + 2
        assert "STALE" not in page.text

    def test_it_says_what_was_recorded_and_how_to_do_it_again(
        self, tmp_path: Path, session: Session, pictures: Pictures
    ) -> None:
        page = Page(written(tmp_path, session, pictures))
        assert "seed 7 · hftlab 1.2.3" in page.text
        assert ", ".join(session.manifest.symbols) in page.text
        assert str(session.folder) in page.text

    def test_names_from_outside_are_escaped(self, tmp_path: Path, pictures: Pictures) -> None:
        walk = RandomWalk(1)
        session = write_session(tmp_path / "<b>&", [(1, walk.advance(walk.next_time() or 0)[0])])
        text = written(tmp_path, session, pictures)
        assert "<b>&" not in text
        assert "&lt;b&gt;&amp;" in text

    def test_a_session_without_messages_has_a_report(self, tmp_path: Path, pictures: Pictures) -> None:
        """A demo that has recorded nothing reports that."""
        empty = write_session(tmp_path / "empty", [])
        text = written(tmp_path, empty, pictures, PERFECT._replace(recorded=0, replayed=0))
        assert "Nothing was recorded." in text
        assert "No prices." in text


class TestVerdict:
    def test_what_was_lost_and_what_differs_stands_before_everything_else(
        self, tmp_path: Path, session: Session, pictures: Pictures
    ) -> None:
        found = Comparison(
            recorded=30,
            replayed=29,
            lost=1,
            differing=25,
            gaps=[Gap(3, 10, 20, 1)],
            differences=[Difference(4, "<AAPL>", "bid", "1.5", "1.6")],
        )
        text = written(tmp_path, session, pictures, found)
        assert "1 message of the live stream lost; 25 of 30 differ in the replay." in text
        assert "Where the replay differs: the first 1 of 25" in text
        assert "<td>3</td><td>10</td><td>20</td><td>1</td>" in text
        assert "<td>4</td><td>&lt;AAPL&gt;</td><td>bid</td><td>1.5</td><td>1.6</td>" in text
        assert 'class="verdict bad"' in text
        assert text.index("live stream lost") < text.index("<svg")

    def test_without_either_it_says_so(self, tmp_path: Path, session: Session, pictures: Pictures) -> None:
        text = written(tmp_path, session, pictures)
        assert "Nothing was lost, and the replay equals the recording, message for message." in text
        assert 'class="verdict bad"' not in text
        assert "Where the replay differs" not in text
