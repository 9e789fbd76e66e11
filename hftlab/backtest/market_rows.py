"""Rows of a recorded session's market, which a fill core plays."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hftlab.backtest.blocks import Block, Holding, MarketRows
from hftlab.backtest.event_rows import EventRows, event_holdings
from hftlab.backtest.merged_rows import MergedRows
from hftlab.backtest.message_rows import MessageRows
from hftlab.backtest.message_survey import Surveyed, survey
from hftlab.backtest.message_table import MessageTable
from hftlab.backtest.renamed_rows import RenamedRows, renamed_instruments
from hftlab.errors import SessionError
from hftlab.instruments import Instrument
from hftlab.session.market_at import check_symbols
from hftlab.session.merged import Merged
from hftlab.session.session import Session

__all__ = ["Block", "Holding", "MarketRows", "market_rows"]


def market_rows(session: Session | Merged, symbols: str | Sequence[str] | None = None) -> MarketRows:
    """Return the rows of a session's market, or of several merged ones: all of it, or only what is of some symbols.

    They are the session's order-level events, and of symbols without any the changes of levels and the trades that its
    messages tell of; where there are both they are merged by the venue's time. Symbols are those of the wire (AAPL,
    AAPL:NYSE). Instruments have the numbers of the events table, those of messages follow. To find the grid of prices
    and sizes the messages are read once before the first block. Of merged sessions (hl.merged) the instruments of each
    follow those of the one before, under the names that they have in the whole.

    Raises SessionError for symbols that the session does not have and for those that have nothing to fill orders from,
    ArgumentError for what is merged of other sources than sessions, and SessionDamaged.
    """
    wanted = [symbols] if isinstance(symbols, str) else symbols
    return _of_merged(session, wanted) if isinstance(session, Merged) else _of_session(session, wanted)


def _of_merged(merged: Merged, wanted: Sequence[str] | None) -> MarketRows:
    if wanted is not None:
        check_symbols(wanted, merged.symbols, merged.name, "merged.symbols")
    found: list[tuple[MarketRows, int]] = []
    instruments: tuple[Instrument, ...] = ()
    for session, names in merged.sessions:
        own = [one for one in session.manifest.symbols if wanted is None or names.get(one, one) in wanted]
        if own:
            rows = _of_session(session, None if wanted is None else own)
            found.append((rows, len(instruments)))
            instruments += renamed_instruments(rows.instruments, names)
    sources = [RenamedRows(rows, instruments, first) for rows, first in found]
    return sources[0] if len(sources) == 1 else MergedRows(sources)


def _of_session(session: Session, wanted: Sequence[str] | None) -> MarketRows:
    instruments = tuple(Instrument.from_dict(one) for one in session.manifest.source.get("instruments", ()))
    holdings = event_holdings(session)
    of_events = {instruments[number].wire_symbol for number in holdings}
    if wanted is not None:
        check_symbols(wanted, [*session.manifest.symbols, *of_events], session.folder)
        holdings = {
            number: holding for number, holding in holdings.items() if instruments[number].wire_symbol in wanted
        }
    of_messages = set(session.manifest.symbols if wanted is None else wanted) - of_events
    surveyed = survey(MessageTable(session), of_messages.__contains__, instruments) if of_messages else []
    missing = sorted(of_messages - {one.symbol for one in surveyed})
    if (not holdings and not surveyed) or (wanted is not None and missing):
        names = f": {', '.join(missing)}" if missing else ""
        raise SessionError(
            f"{session.folder} has nothing to fill orders from{names}: it needs order-level events or market data "
            "with quotes, so record QUOTES or ORDER_BOOK",
            path=session.folder,
        )
    instruments, numbers = _with_surveyed(instruments, surveyed, set(holdings))
    sources: list[MarketRows] = []
    if holdings:
        sources.append(EventRows(session, instruments, holdings))
    if surveyed:
        sources.append(MessageRows(session, instruments, surveyed, numbers))
    return sources[0] if len(sources) == 1 else MergedRows(sources)


def _with_surveyed(
    instruments: tuple[Instrument, ...], surveyed: Sequence[Surveyed], taken: Collection[int]
) -> tuple[tuple[Instrument, ...], dict[str, int]]:
    """Return all instruments and the numbers of those that were surveyed: in the place of the session's own, or new."""
    every = list(instruments)
    places = {one.wire_symbol: number for number, one in enumerate(instruments) if number not in taken}
    for one in surveyed:
        number = places.setdefault(one.symbol, len(every))
        every[number:] = [one.instrument, *every[number + 1 :]]
    return tuple(every), {one.symbol: places[one.symbol] for one in surveyed}
