"""Addresses of one market in a venue's own wire."""

from __future__ import annotations

from typing import NamedTuple

from hftlab.venues.binance.api.markets import Market

__all__ = ["NativeUrls"]


class NativeUrls(NamedTuple):
    """Addresses of one market: what a client has in place of `wss://stream.binance.com:9443` and the like.

    `streams` is the base of `/ws` and `/stream` (and of USDⓈ-M's `/public`, `/market` and `/private`), `requests` that
    of `/api/v3`, `/fapi/v1` or `/dapi/v1`.
    """

    market: str
    streams: str
    requests: str

    @classmethod
    def of(cls, market: Market, url: str, path: str) -> NativeUrls:
        """Return the addresses of a market that a server at `url` has below `path`."""
        return cls(market.name, f"{url}{path}", f"http{url.removeprefix('ws')}{path}")

    def __str__(self) -> str:
        return f"binance {self.market}: streams {self.streams}/ws and /stream, requests {self.requests}"
