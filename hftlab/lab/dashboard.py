"""The dashboard of a client or of a recorded session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.lab.client import LabClient, connect
from hftlab.lab.server import serve
from hftlab.session import Session

if TYPE_CHECKING:
    from hftlab.widgets import Dashboard

__all__ = ["dashboard"]

DATA_TYPES: Final = ("QUOTES", "ORDER_BOOK", "TRADES", "STATISTICS")
MOST_SYMBOLS: Final = 12
"""Symbols that a dashboard subscribes to by itself."""


def dashboard(
    of: LabClient | Session,
    symbol: str | None = None,
    rate: float = 10,
    *,
    trading: bool = False,
    size: float = 1,
    speed: float = 1.0,
) -> Dashboard:
    """Show all views of a client, or of a recorded session, on one grid, linked by symbol and time.

    A client without subscriptions is subscribed to the symbols that its server offers, twelve at most. A session is
    replayed at `speed` by a server of its own, in a loop that the transport controls; closing the dashboard ends it.

    `symbol`: what is shown first (default: the first subscribed to). `rate`: updates a second, at most 30.
    `trading`: whether the ladder, once a person has armed it, places orders of `size` and cancels them.
    """
    if isinstance(of, Session):
        return _of_session(of, symbol, rate, speed)
    if not isinstance(of, LabClient):
        raise ArgumentTypeError(
            f"hl.dashboard() shows a client or a session, got {type(of).__name__}: "
            'hl.dashboard(hl.connect(url)) or hl.dashboard(hl.open_session("data/session"))'
        )
    return _of_client(of, symbol, rate, trading=trading, size=size)


def _of_client(
    client: LabClient,
    symbol: str | None,
    rate: float,
    *,
    session: Session | None = None,
    trading: bool = False,
    size: float = 1,
) -> Dashboard:
    from hftlab.widgets import Dashboard

    if not client.symbols:
        offered = client.offered_symbols[:MOST_SYMBOLS]
        if not offered and symbol is None:
            raise ArgumentError('the server does not say which symbols it has: client.subscribe(["AAPL"]) first')
        client.subscribe(offered or [str(symbol)], data_types=DATA_TYPES)
    shown = client.symbols[0] if symbol is None else symbol
    return Dashboard(client, shown, rate, session=session, trading=trading, size=size)


def _of_session(session: Session, symbol: str | None, rate: float, speed: float) -> Dashboard:
    server = serve(session.replay(speed, loop=True), port=0, name=f"dashboard of {session.folder}")
    client = connect(server.url, name=f"dashboard of {session.folder}")
    shown = _of_client(client, symbol, rate, session=session)
    shown.on_close(client.close, server.stop)
    return shown
