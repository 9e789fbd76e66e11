"""Source of a publisher: what can be published, and with which fills."""

from __future__ import annotations

from collections.abc import Mapping

from hftlab.errors import ArgumentError
from hftlab.protocol import Message
from hftlab.server.arguments import source_symbols, streamed_source
from hftlab.source import Source
from hftlab.trading.account import AccountTerms
from hftlab.trading.recorded_venue import Fills

__all__ = ["check_publishable", "paper_traded"]


def check_publishable(source: Source[Message], fills: Fills | None) -> None:
    """Raise ArgumentError for a source that cannot be published, whoever streams it at present."""
    streamed_source(source)
    if source.clock.unpaced:
        raise ArgumentError(
            f"{source.name!r} is unpaced, and gateways cannot hold it back: give its clock a speed, such as 1 for real "
            "time"
        )
    if fills is not None and getattr(source, "loop", False):
        raise ArgumentError("a recording that takes orders cannot be looped: leave loop or fills out")
    if not source_symbols(source):
        raise ArgumentError(f"{source.name!r} has no symbols to publish")


def paper_traded(source: Source[Message], fills: Fills, accounts: Mapping[str, AccountTerms] | None) -> Source[Message]:
    """Return a source that takes orders, which fill by a model."""
    from hftlab.backtest.paper_market import paper_source  # compiled loops, which other publishers need not load

    return paper_source(source, fills, accounts)
