"""What a fill core plays: the rows of a recorded session's market."""

from __future__ import annotations

from collections.abc import Sequence

from hftlab.backtest.blocks import Block, Holding, MarketRows
from hftlab.backtest.event_rows import EventRows, event_holdings
from hftlab.errors import SessionError
from hftlab.instruments import Instrument
from hftlab.session.market_at import check_symbols
from hftlab.session.session import Session

__all__ = ["Block", "Holding", "MarketRows", "market_rows"]


def market_rows(session: Session, symbols: str | Sequence[str] | None = None) -> MarketRows:
    """Return the rows of a session's market: all of it, or only what is of some symbols.

    They are the session's order-level events. Symbols are those of the wire (AAPL, AAPL:NYSE). Raises SessionError for
    symbols that the session does not have and for one that has nothing to fill orders from, and SessionDamaged.
    """
    instruments = tuple(Instrument.from_dict(one) for one in session.manifest.source.get("instruments", ()))
    holdings = event_holdings(session)
    of_events = {instruments[number].wire_symbol for number in holdings}
    wanted = [symbols] if isinstance(symbols, str) else symbols
    if wanted is not None:
        check_symbols(wanted, [*session.manifest.symbols, *of_events], session.folder)
        holdings = {
            number: holding for number, holding in holdings.items() if instruments[number].wire_symbol in wanted
        }
    if not holdings:
        raise SessionError(
            f"{session.folder} has nothing to fill orders from: it has no order-level events", path=session.folder
        )
    return EventRows(session, instruments, holdings)
