"""Notebooks show books and quotes as tables, while the wire layer knows nothing of HTML."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from hftlab import display
from hftlab.protocol.book import Book
from tests.command import environment
from tests.protocol.conftest import level, symbol, trade

NOON = 1_709_294_400_000.25  # 2024-03-01 12:00:00.000250 UTC
BOOK = Book.of(
    symbol("<X>", bids=[level(100.0 - n) for n in range(12)], asks=[level(101.5, 1234.0)], timestamp=NOON), stale=True
)
QUOTE = symbol("<X>", 10.5, timestamp=NOON, last_trade=trade(10.25))


class TestTables:
    def test_a_book_shows_its_ten_best_levels(self) -> None:
        html = display.book_table(BOOK)
        assert "Book of &lt;X&gt;, 2024-03-01 12:00:00.000250 UTC, stale" in html
        assert html.count("<tr>") == 11  # the head, and ten levels
        assert "<td>1</td><td>1</td><td>100.0</td><td>101.5</td><td>1,234</td><td>1</td>" in html
        assert "<td>91.0</td><td></td><td></td><td></td>" in html
        assert "<td>90.0</td>" not in html

    def test_an_empty_book_has_a_head_only(self) -> None:
        assert display.book_table(Book.of(symbol(bids=[], asks=[]), stale=False)).count("<tr>") == 1

    def test_a_quote_shows_its_facts(self) -> None:
        html = display.quote_table(QUOTE)
        for text in ("&lt;X&gt; on X", "9.5 × 1", "BUY 1 at 10.25", "12:00:00.000250 UTC"):
            assert text in html

    def test_an_empty_side_and_no_trade_are_words(self) -> None:
        html = display.quote_table(symbol("X", 10.5, bid=0.0, bid_size=0.0, last_trade=None, timestamp=NOON))
        assert ">nobody</td>" in html
        assert ">none yet</td>" in html
        assert "0 × 0" not in html


class TestIPython:
    @pytest.fixture
    def shell(self) -> Iterator[InteractiveShell]:
        yield InteractiveShell.instance()
        InteractiveShell.clear_instance()

    def shown(self, shell: InteractiveShell, value: object) -> dict[str, str]:
        """What a cell that ends with `value` sends to its page."""
        data, _ = shell.display_formatter.format(value)
        return dict(data)

    def test_a_cell_shows_the_tables(self, shell: InteractiveShell) -> None:
        assert "text/html" not in self.shown(shell, BOOK)
        display.register()
        assert self.shown(shell, BOOK) == {"text/plain": repr(BOOK), "text/html": display.book_table(BOOK)}
        assert self.shown(shell, QUOTE)["text/html"] == display.quote_table(QUOTE)

    def test_other_types_are_left_alone(self, shell: InteractiveShell) -> None:
        display.register()
        assert set(self.shown(shell, level(100.0))) == {"text/plain"}


def test_without_a_notebook_nothing_happens() -> None:
    display.register()


KERNEL = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_cell("import hftlab as hl")
shell.run_cell('''
import sys
assert "msgspec" not in sys.modules  # importing hftlab stays light
server = hl.serve(hl.simulator.RandomWalk(seed=7), port=0)
client = hl.connect(server.url)
client.subscribe("AAPL", data_types=["QUOTES", "ORDER_BOOK"], frequency=0)
''').raise_error()
for name in ("book", "latest"):
    data, _ = shell.display_formatter.format(shell.run_cell(f"client.{name}('AAPL')").result)
    print(data["text/html"])
shell.run_cell("server.stop()").raise_error()
"""


def test_import_is_all_that_a_notebook_needs() -> None:
    """A real shell in a process of its own: one import, and what a client returns is shown as a table."""
    command = [sys.executable, "-c", KERNEL]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert ">Book of AAPL, " in done.stdout
    assert ">AAPL on NASDAQ</caption>" in done.stdout


MARIMO = """
import marimo

app = marimo.App()

@app.cell
def _():
    import hftlab
    from hftlab.protocol.book import Book
    Book("AAPL", 0, False, (), ())
    return
"""


def test_marimo_shows_the_tables(tmp_path: Path) -> None:
    """As marimo itself runs a notebook and saves its page."""
    (tmp_path / "notebook.py").write_text(MARIMO)
    command = [sys.executable, "-m", "marimo", "export", "html", "notebook.py", "-o", "page.html"]
    more = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(**more), cwd=tmp_path, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Book of AAPL, 1970-01-01 00:00:00.000000 UTC" in page
