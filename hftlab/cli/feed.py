"""Options of the commands that take a live feed: `--feed binance:BTCUSDT,ETHUSDT` or `--feed kraken:BTC/USD`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from hftlab.cli.options import symbol_names
from hftlab.errors import HftlabError

if TYPE_CHECKING:
    from hftlab.feeds import Binance, Kraken

__all__ = ["MARKETS", "Feed", "FeedMarket", "RestUrl", "WsUrl", "check_feed", "live_feed"]

MARKETS = ("spot", "usdm", "coinm")
"""Markets of Binance."""
_EXAMPLES = {"binance": "binance:BTCUSDT,ETHUSDT", "kraken": "kraken:BTC/USD,ETH/USD"}
"""Venues, each with a feed of it."""

Feed: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="VENUE:SYMBOLS",
        autocompletion=lambda: [f"{venue}:" for venue in _EXAMPLES],
        help="Live feed of a venue, such as binance:BTCUSDT,ETHUSDT or kraken:BTC/USD.",
    ),
]
FeedMarket: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--market", autocompletion=lambda: list(MARKETS), help="With --feed binance: spot (default), usdm or coinm."
    ),
]
WsUrl: TypeAlias = Annotated[
    str | None, typer.Option(metavar="URL", help="With --feed: another address of its streams, such as a replay's.")
]
RestUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="URL", help="With --feed binance: another address of its requests, such as a replay's."),
]


def check_feed(feed: str | None, market: str | None, ws_url: str | None, rest_url: str | None) -> None:
    """Raise HftlabError for options that do not go together, or a feed that is not known."""
    for option, value in (("--market", market), ("--ws-url", ws_url), ("--rest-url", rest_url)):
        if feed is None and value is not None:
            raise HftlabError(f"{option} {value} is for a live feed: give --feed binance:SYMBOLS as well")
    if market not in (None, *MARKETS):
        raise HftlabError(f"--market {market} is not one of Binance's: give spot, usdm or coinm")
    if feed is None:
        return
    venue, _ = _parts(feed)
    for option, value in (("--market", market), ("--rest-url", rest_url)):
        if venue == "kraken" and value is not None:
            raise HftlabError(f"{option} {value} is for a feed of Binance: leave it out with --feed {feed}")


def live_feed(feed: str, market: str | None, ws_url: str | None, rest_url: str | None) -> Binance | Kraken:
    """Make the feed that options name. Raises HftlabError."""
    from hftlab.feeds import Binance, Kraken

    venue, symbols = _parts(feed)
    if venue == "kraken":
        return Kraken(symbols, url=ws_url)
    return Binance(symbols, market or "spot", ws_url=ws_url, rest_url=rest_url)  # type: ignore[arg-type]


def _parts(feed: str) -> tuple[str, list[str]]:
    """Return the venue and the symbols of a feed."""
    venue, colon, names = feed.partition(":")
    if venue not in _EXAMPLES or not colon:
        raise HftlabError(
            f"--feed {feed} is not known: give a venue and symbols, such as {' or '.join(_EXAMPLES.values())}"
        )
    if not names.strip():
        raise HftlabError(f"--feed {feed} names no symbols: give some, such as {_EXAMPLES[venue]}")
    return venue, symbol_names(names, "--feed") or []
