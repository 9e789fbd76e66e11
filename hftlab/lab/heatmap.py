"""The heat map of a client's book, or of a recorded session's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.lab.client import LabClient
from hftlab.protocol.symbol_argument import symbol_name
from hftlab.session import Session

if TYPE_CHECKING:
    from hftlab.widgets import HeatMap

__all__ = ["heatmap"]


def heatmap(of: LabClient | Session, symbol: str | None = None, rate: float = 10) -> HeatMap:
    """Show a book over time: a client's from now on, or all of a recorded session; see hftlab.widgets.HeatMap.

    `symbol`: what is shown (default: the first that is subscribed to, or recorded). `rate`: updates a second, at most
    30, of a client's book.
    """
    from hftlab.widgets import HeatMap

    if not isinstance(of, LabClient | Session):
        raise ArgumentTypeError(
            f"hl.heatmap() shows a client or a session, got {type(of).__name__}: "
            'hl.heatmap(hl.connect(url), "AAPL") or hl.heatmap(hl.open_session("data/session"), "AAPL")'
        )
    symbols = of.symbols if isinstance(of, LabClient) else of.manifest.symbols
    if symbol is None and not symbols:
        raise ArgumentError('nothing is subscribed to or recorded: client.subscribe(["AAPL"]) first')
    return HeatMap(of, symbols[0] if symbol is None else symbol_name(symbol, "hl.heatmap()"), rate)
