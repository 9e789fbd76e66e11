"""Paper market: a recorded session as a source that takes orders, which fill by a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hftlab.backtest.backtesting import fill_venue
from hftlab.backtest.fill_models import FILL_MODELS, FillModel
from hftlab.backtest.latency_models import Latency
from hftlab.backtest.paper_feed import PaperFeed
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.nearest import describe_unknown, meant
from hftlab.session import Merged, Replay
from hftlab.source import Live, Seekable, undecorated
from hftlab.trading.account import AccountTerms
from hftlab.trading.broker import Broker
from hftlab.trading.paper_source import PaperSource
from hftlab.trading.paper_trading import PaperTrading
from hftlab.trading.recorded_venue import Fills

__all__ = ["paper_source"]

_KEYS: Final = ("fill", "latency", "impact")


def paper_source(
    source: Any, fills: Fills, accounts: Mapping[str, AccountTerms] | None = None
) -> PaperSource | PaperFeed:
    """Return a source that streams a recorded session, or a live feed, and takes orders.

    `source` is a session.replay(), a feed, or what decorates one. Of a dict, "latency" is an hl.backtest.Latency, and
    what is left out is as in hl.backtest(). `accounts` are terms by name, "*" those of all others.

    Raises ArgumentError for a source that is neither and for a model that does not fit it, ArgumentTypeError for what
    is not a model, SessionError for a session without a market to fill from, and ConnectionFailed for a feed that
    cannot be reached.
    """
    model, latency = _models(fills)
    replay = undecorated(source)
    if isinstance(replay, Live):
        return PaperFeed(source, model, latency, accounts)
    if isinstance(replay, Merged):
        raise ArgumentError("fills= stands orders in one recorded market: serve one session, not several merged")
    if not isinstance(replay, Replay) or replay.session is None or not isinstance(source, Seekable):
        raise ArgumentError(
            f"fills= is for a recorded session or a live feed, and {source!r} is neither: serve "
            "hl.open_session(...).replay() or a feed such as hl.feeds.Binance(...), or leave fills out"
        )
    venue, _ = fill_venue(replay.session, model, latency.applied_to(replay.session))
    broker = Broker(venue, accounts)
    venue.broker = broker
    return PaperSource(source, PaperTrading(broker, replay.span))


def _models(fills: Fills) -> tuple[FillModel | str | None, Latency]:
    if not isinstance(fills, Mapping):
        if not isinstance(fills, str | FillModel):
            raise ArgumentTypeError(
                f"fills is {fills!r}: give a fill model such as 'risk_averse' (there are {', '.join(FILL_MODELS)}), or "
                "a dict such as {'fill': 'power', 'latency': hl.backtest.Latency(entry='1ms')}"
            )
        return fills, Latency.none
    unknown = [str(name) for name in fills if name not in _KEYS]
    if unknown:
        raise ArgumentError(f"fills has {describe_unknown(unknown, _KEYS)}: it may have {', '.join(_KEYS)}").advise(
            instead=meant(unknown, _KEYS)
        )
    latency = fills.get("latency")
    if latency is not None and not isinstance(latency, Latency):
        raise ArgumentTypeError(f"latency is {latency!r}: give an hl.backtest.Latency, such as Latency(entry='1ms')")
    fill = fills.get("fill")
    if fills.get("impact"):
        named = FillModel.of(fill, has_orders=True)
        fill = FillModel(named.name, named.n, impact=True)
    return fill, latency or Latency.none
