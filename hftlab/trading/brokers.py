"""Brokers by venue: each venue has one, whichever servers it has had."""

from __future__ import annotations

from collections.abc import Mapping

from hftlab.errors import HftlabError
from hftlab.source import SourceDecorator
from hftlab.trading.account import AccountTerms
from hftlab.trading.broker import Broker
from hftlab.trading.paper_source import PaperSource
from hftlab.trading.venue import TradingVenue

__all__ = ["broker_of"]


def broker_of(source: object, accounts: Mapping[str, AccountTerms] | None = None) -> Broker | None:
    """Return the broker of a source that is a venue, or that decorates one; None if it cannot be traded.

    A venue keeps its broker, and that its accounts and orders. `accounts` that are given replace the terms: accounts
    that have begun keep their cash. Raises HftlabError for `accounts` of a source that cannot be traded, and TypeError
    for terms that are not AccountTerms.
    """
    if isinstance(source, PaperSource):
        broker = source.trading.broker
        if accounts is not None:
            broker.set_terms(accounts)
        return broker
    venue = _venue(source)
    if venue is None:
        if accounts is not None:
            raise HftlabError(
                f"accounts need a source that can be traded, which {source!r} is not: serve hl.simulator.Exchange(), "
                "or give fills= with a recorded session"
            )
        return None
    if not isinstance(venue.broker, Broker):
        venue.broker = Broker(venue, accounts)
    elif accounts is not None:
        venue.broker.set_terms(accounts)
    return venue.broker


def _venue(source: object) -> TradingVenue | None:
    """Return the outermost trading venue of a source and those that it decorates."""
    while not isinstance(source, TradingVenue):
        if not isinstance(source, SourceDecorator):
            return None
        source = source.decorated
    return source
