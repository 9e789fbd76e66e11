"""HTML tables of order books and quotes, for IPython (Jupyter, VS Code) and marimo.

The wire layer knows nothing of HTML: `register()` tells the notebook that this process runs how to show its types.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from hftlab.clock import from_milliseconds, in_words
from hftlab.compilation_notice import show_in_notebook
from hftlab.html_table import facts_table, rows_table

if TYPE_CHECKING:
    from hftlab.protocol import MarketDataSymbol
    from hftlab.protocol.book import Book

__all__ = ["book_table", "ipython", "quote_table", "register"]


def book_table(book: Book) -> str:
    """Show the ten best levels of an order book as an HTML table, bids on the left."""
    title = f"Book of {book.symbol}, {in_words(book.ts_event)}{', stale' if book.stale else ''}"
    bids, asks = book.bids(), book.asks()
    decimals = max((_decimals(level[0]) for level in (*bids, *asks)), default=0)
    rows = [(*_cells(bid, decimals)[::-1], *_cells(ask, decimals)) for bid, ask in zip_longest(bids, asks)]
    return rows_table(title, ("orders", "size", "bid", "ask", "size", "orders"), rows)


def quote_table(quote: MarketDataSymbol) -> str:
    """Show the state of one symbol as an HTML table."""
    last = quote.last_trade
    facts = {
        "price": f"{quote.price:.10g}",
        "change": f"{quote.change:+.10g} ({quote.change_percent:+.2f} %)",
        "bid": _side(quote.bid, quote.bid_size),
        "ask": _side(quote.ask, quote.ask_size),
        "last trade": "none yet" if last is None else f"{last.side} {last.size:,.10g} at {last.price:.10g}",
        "day": f"{quote.low:.10g} to {quote.high:.10g}, from {quote.open:.10g}",
        "volume": f"{quote.volume:,.10g}",
        "time": in_words(from_milliseconds(quote.timestamp)),
    }
    return facts_table(f"{quote.symbol} on {quote.exchange}", facts)


def _side(price: float, size: float) -> str:
    """Format a best price, 0 for an empty side."""
    return f"{price:.10g} × {size:,.10g}" if price else "nobody"


_TABLES: Final[dict[tuple[str, str], Callable[[Any], str]]] = {
    ("hftlab.protocol.book", "Book"): book_table,
    ("hftlab.protocol.market_data", "MarketDataSymbol"): quote_table,
}
"""Tables by the module and name of a type, so that registering imports none of them."""


def register() -> None:
    """Register the tables with the notebook that this process runs; does nothing outside of one."""
    _register_with_ipython()
    if "marimo" in sys.modules:
        _register_with_marimo()


def ipython() -> Any:
    """Return the IPython shell that this process runs, None if it runs none."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()


def _register_with_ipython() -> None:
    shell = ipython()
    if shell is None:
        return
    show_in_notebook(shell)
    formatter = shell.display_formatter.formatters["text/html"]
    for (module, name), table in _TABLES.items():
        formatter.for_type_by_name(module, name, table)


def _register_with_marimo() -> None:
    import marimo

    # A script that imports marimo has no page, and must not be the first to register: marimo's own would stay out.
    if not marimo.running_in_notebook():
        return
    with suppress(ImportError):  # marimo has no public registry; where this one is gone, books are shown as text
        from marimo._output.formatting import formatter

        for (module, name), table in _TABLES.items():
            formatter(getattr(importlib.import_module(module), name))(_as_html(table))


def _as_html(table: Callable[[Any], str]) -> Callable[[Any], tuple[str, str]]:
    return lambda value: ("text/html", table(value))


def _decimals(price: float) -> int:
    return len(f"{price:.10g}".partition(".")[2])


def _cells(level: tuple[float, float, int] | None, decimals: int) -> tuple[str, str, str]:
    """Format price, size and orders of one level; empty where one side has fewer levels."""
    if level is None:
        return ("", "", "")
    price, size, orders = level
    return (f"{price:.{decimals}f}", f"{size:,.10g}", f"{orders:,}")
