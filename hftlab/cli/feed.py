"""Options of the commands that take a live feed: `--feed binance:BTCUSDT,ETHUSDT`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from hftlab.cli.options import symbol_names
from hftlab.errors import HftlabError

if TYPE_CHECKING:
    from hftlab.feeds import Binance

__all__ = ["Feed", "FeedMarket", "RestUrl", "WsUrl", "check_feed", "live_feed"]

_MARKETS = ("spot", "usdm", "coinm")

Feed: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="VENUE:SYMBOLS", help="Live feed of a venue, such as binance:BTCUSDT,ETHUSDT."),
]
FeedMarket: TypeAlias = Annotated[
    str | None,
    typer.Option("--market", autocompletion=lambda: list(_MARKETS), help="With --feed: spot (default), usdm or coinm."),
]
WsUrl: TypeAlias = Annotated[
    str | None, typer.Option(metavar="URL", help="With --feed: another address of its streams, such as a replay's.")
]
RestUrl: TypeAlias = Annotated[
    str | None, typer.Option(metavar="URL", help="With --feed: another address of its requests, such as a replay's.")
]


def check_feed(feed: str | None, market: str | None, ws_url: str | None, rest_url: str | None) -> None:
    """Raise HftlabError for options that do not go together, or a feed that is not known."""
    for option, value in (("--market", market), ("--ws-url", ws_url), ("--rest-url", rest_url)):
        if feed is None and value is not None:
            raise HftlabError(f"{option} {value} is for a live feed: give --feed binance:SYMBOLS as well")
    if market not in (None, *_MARKETS):
        raise HftlabError(f"--market {market} is not one of Binance's: give spot, usdm or coinm")
    if feed is not None:
        _symbols(feed)


def live_feed(feed: str, market: str | None, ws_url: str | None, rest_url: str | None) -> Binance:
    """Make the feed that options name. Raises HftlabError."""
    from hftlab.feeds import Binance

    return Binance(_symbols(feed), market or "spot", ws_url=ws_url, rest_url=rest_url)  # type: ignore[arg-type]


def _symbols(feed: str) -> list[str]:
    venue, colon, names = feed.partition(":")
    if venue != "binance" or not colon:
        raise HftlabError(f"--feed {feed} is not known: give binance and symbols, such as binance:BTCUSDT,ETHUSDT")
    if not names.strip():
        raise HftlabError(f"--feed {feed} names no symbols: give some, such as binance:BTCUSDT,ETHUSDT")
    return symbol_names(names) or []
