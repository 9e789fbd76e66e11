"""Stand-in for a client where a widget shows a recorded session: connected, and nothing comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hftlab.protocol.messages import MarketDataSymbol
from hftlab.session import Session

__all__ = ["RecordedClient"]


class _NoReplay:
    """The controls of a replay that there is not."""

    status = None


class RecordedClient:
    """The symbols of a session, and no state of any."""

    connection_status = "CONNECTED"
    metrics: Any = None
    replay: Any = _NoReplay()

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def symbols(self) -> Sequence[str]:
        """The symbols recorded."""
        return self.session.manifest.symbols

    @property
    def offered_symbols(self) -> Sequence[str]:
        """The symbols recorded."""
        return self.session.manifest.symbols

    def book(self, _symbol: str, /) -> None:
        """No live book."""

    def latest(self, _symbol: str, /) -> MarketDataSymbol | None:
        """No newest state."""
        return None
