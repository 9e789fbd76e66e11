"""Addresses of one market in a venue's own wire."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["NativeUrls"]

_KRAKEN: Final = "kraken"


class NativeUrls(NamedTuple):
    """Addresses of one market: what a client has in place of `wss://stream.binance.com:9443` and the like.

    Of Binance, `market` is spot, usdm or coinm, `streams` is the base of `/ws` and `/stream` (and of USDⓈ-M's
    `/public`, `/market` and `/private`), and `requests` that of `/api/v3`, `/fapi/v1` or `/dapi/v1`. Of Kraken,
    `market` is kraken, `streams` the base of `/v2`, and `requests` that of `/0/public`.
    """

    market: str
    streams: str
    requests: str

    @classmethod
    def of(cls, market: str, url: str, path: str = "") -> NativeUrls:
        """Return the addresses of a market that a server at `url` has below `path`."""
        return cls(market, f"{url}{path}", f"http{url.removeprefix('ws')}{path}")

    @property
    def name(self) -> str:
        """Name of the venue, and of its market if it has several."""
        return self.market if self.market == _KRAKEN else f"binance {self.market}"

    def __str__(self) -> str:
        paths = "/v2" if self.market == _KRAKEN else "/ws and /stream"
        return f"{self.name}: streams {self.streams}{paths}, requests {self.requests}"
