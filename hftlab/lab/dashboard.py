"""The dashboard of a client or of a recorded session."""

from __future__ import annotations

import os
import weakref
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.lab.client import LabClient, connect
from hftlab.lab.server import serve
from hftlab.protocol.symbol_argument import symbol_name
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
    Running the cell again closes the dashboard of before; one of another symbol is another one.

    `symbol`: what is shown first (default: the first subscribed to). `rate`: updates a second, at most 30.
    `trading`: whether the ladder, once a person has armed it, places orders of `size` and cancels them.
    """
    if symbol is not None:
        symbol = symbol_name(symbol, "hl.dashboard()")
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
        offered = client.offered_symbols
        first = [symbol] if symbol in offered else []
        offered = list(dict.fromkeys([*first, *offered]))[:MOST_SYMBOLS]
        if not offered and symbol is None:
            raise ArgumentError('the server does not say which symbols it has: client.subscribe(["AAPL"]) first')
        client.subscribe(offered or [str(symbol)], data_types=DATA_TYPES)
    shown = client.symbols[0] if symbol is None else symbol
    return Dashboard(client, shown, rate, session=session, trading=trading, size=size)


def _of_session(session: Session, symbol: str | None, rate: float, speed: float) -> Dashboard:
    name = f"dashboard of {session.folder}" + (f", {symbol}" if symbol else "")
    earlier = _of_sessions.pop(name, None)
    if earlier is not None and (shown := earlier()) is not None:
        shown.close()
    with ExitStack() as endings:
        replay = session.replay(speed, loop=True)
        endings.callback(replay.close)
        server = serve(replay, port=0, name=name)
        endings.callback(server.stop)
        client = connect(server.url, name=name)
        endings.callback(client.close)
        shown = _of_client(client, symbol, rate, session=session)
        shown.on_close(endings.pop_all().close)
    _of_sessions[name] = weakref.ref(shown)
    return shown


_of_sessions: Final[dict[str, weakref.ref[Dashboard]]] = {}
"""The dashboards of recorded sessions: one that is made again takes the place of the one before, which is closed."""
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_of_sessions.clear)
