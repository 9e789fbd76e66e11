"""Binance's live market data as a source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, Literal

from hftlab.errors import ArgumentError
from hftlab.feeds.arrivals import Snapshot
from hftlab.feeds.binance.live_market import LiveMarket
from hftlab.feeds.binance.markets import MARKETS, Market
from hftlab.feeds.binance.receiver import BinanceReceiver, ReceiverTerms
from hftlab.feeds.feed_arguments import check_address, check_levels, symbol_list
from hftlab.feeds.feed_timing import FeedTiming
from hftlab.feeds.live_feed import LiveFeed
from hftlab.instruments import BINANCE, UNIT, Instrument
from hftlab.nearest import meant
from hftlab.venues.binance.live_decoder import LiveDecoder

__all__ = ["Binance"]

_SNAPSHOT_LEVELS: Final = 1000
_STREAM_PATHS: Final = ("/ws", "/stream", "/public", "/market", "/private")


class Binance(LiveFeed[LiveDecoder, LiveMarket, BinanceReceiver]):
    """Live feed of Binance's market data; a source (see hftlab.source) of kind Live, and a context manager.

    Each symbol's book is made of its depth stream and a REST snapshot, by the venue's rules, and compared with the
    venue's best bid and offer. Where an update is missing, a book crosses or differs, that symbol is flagged with a GAP
    and synchronised anew; the others go on. A connection is replaced before the venue ends it after 24 hours, by one
    that overlaps it. `ts_recv` is our wall clock's time of the last bytes of a frame, `ts_event` the venue's.

    `symbols` are names as the venue lists them, or one such name. `market` is "spot", "usdm" or "coinm".
    `ws_url` and `rest_url` are other addresses than the venue's own, such as those of a replay in Binance's wire.
    `depth_speed` is that of the depth stream ("100ms" by default, the fastest), `depth` the levels a side in messages,
    `snapshot_depth` those of the snapshots that books begin with. `book_tickers` False leaves the comparison out.
    `timing` has the times after which connections are renewed, given up, or tried again.

    It connects when a server or a recording begins to read it, and leaves when the last one has ended. Raises
    ArgumentError for an argument that cannot be; symbols that the venue does not list show when it has connected, as a
    SubscriptionFailed of wait() and advance().
    """

    def __init__(
        self,
        symbols: str | Sequence[str],
        market: Literal["spot", "usdm", "coinm"] = "spot",
        *,
        ws_url: str | None = None,
        rest_url: str | None = None,
        depth_speed: str | None = None,
        depth: int = 10,
        snapshot_depth: int = _SNAPSHOT_LEVELS,
        book_tickers: bool = True,
        timing: FeedTiming | None = None,
    ) -> None:
        found = _market(market)
        timing = FeedTiming() if timing is None else timing
        self.market: Final[str] = found.name
        self._terms = ReceiverTerms(
            market=found,
            ws_url=_base("ws_url", ws_url or found.ws_url, ("ws", "wss"), _STREAM_PATHS),
            rest_url=_base("rest_url", rest_url or found.rest_url, ("http", "https"), (found.api,)),
            speed=_speed(found, depth_speed),
            snapshot_levels=_levels(found, snapshot_depth),
            trades=True,
            tickers=book_tickers,
            link=timing.link_terms(found.requests_per_second),
            renew_after=timing.renew_after,
        )
        self._depth = check_levels(depth)
        listed = list(dict.fromkeys(one.upper() for one in symbol_list(symbols, "BTCUSDT")))
        _compile()
        super().__init__(f"binance {found.name}", listed)

    def _new_receiver(self) -> BinanceReceiver:
        return BinanceReceiver(self._terms, self.symbols, self._tell)

    def _new_market(self, instruments: Sequence[Instrument]) -> tuple[LiveDecoder, LiveMarket]:
        return LiveDecoder(instruments), LiveMarket(instruments, self._depth)

    def _decode(self, decoder: LiveDecoder, payload: bytes, at: int) -> str | None:
        return decoder.frame(payload, at)

    def _subscribed(self, decoder: LiveDecoder, symbols: Sequence[str]) -> None:
        decoder.subscribed(symbols)

    def _refresh(self, decoder: LiveDecoder, market: LiveMarket, at: int) -> None:  # noqa: ARG002 - no book changes
        if self._receiver is not None:
            for symbol in set(self.symbols) - market.unreliable:
                self._receiver.want(symbol, 0)

    def _take_snapshot(self, decoder: LiveDecoder, snapshot: Snapshot) -> None:
        if self.raw_taps:
            self._tap_raw(snapshot.symbol, snapshot.at, snapshot.payload)
        decoder.snapshot(snapshot.symbol, snapshot.payload, snapshot.at)

    def _compare(self, decoder: LiveDecoder, market: LiveMarket, at: int) -> None:
        market.compare(decoder.tickers(), at)

    def _counts(self, decoder: LiveDecoder) -> dict[str, Any]:
        books = list(decoder.books.values())
        return {
            "frames": decoder.frames,
            "undecoded": decoder.undecoded,
            "unknown": decoder.unknown.total(),
            "late_snapshots": sum(book.stats.snapshots_unused for book in books),
            "duplicates": sum(book.repeated + book.stats.trades_repeated for book in books),
            "checked": sum(book.checked for book in books),
        }

    def _facts(self) -> dict[str, Any]:
        return {"market": self.market}


def _market(name: object) -> Market:
    if name not in MARKETS:
        raise ArgumentError(f"market={name!r} is not a market of Binance's: give {', '.join(MARKETS)}").advise(
            instead=meant([str(name)], MARKETS)
        )
    return MARKETS[str(name)]


def _base(name: str, url: str, schemes: Sequence[str], paths: Sequence[str]) -> str:
    """Return an address without a path of the venue's, which is added to it."""
    url = check_address(name, url, schemes)
    for path in paths:
        if url.endswith(path):
            raise ArgumentError(f"{name}={url!r} ends in {path}, which the feed adds itself: leave it out")
    return url


def _speed(market: Market, speed: str | None) -> str:
    if speed is None:
        return market.speeds[0]
    if speed not in market.speeds:
        raise ArgumentError(
            f"depth_speed={speed!r} is not a speed of the market {market.name!r}: give {' or '.join(market.speeds)}"
        ).advise(instead=meant([str(speed)], market.speeds))
    return speed


def _levels(market: Market, levels: int) -> int:
    allowed = [limit for limit, _ in market.depth_weights]
    if levels not in (5, 10, 20, 50, *allowed):
        raise ArgumentError(
            f"snapshot_depth={levels!r} is not a depth of snapshots: give {', '.join(map(str, allowed))}"
        )
    return levels


@cache
def _compile() -> None:
    """Compile everything, or read it from numba's cache, before there are connections that would be kept waiting."""
    instrument = Instrument("BTCUSDT", BINANCE, UNIT, UNIT, "USDT")
    decoder, market = LiveDecoder([instrument]), LiveMarket([instrument], 10)
    decoder.subscribed(["BTCUSDT"])
    decoder.snapshot("BTCUSDT", b'{"lastUpdateId":1,"bids":[["1","1"]],"asks":[["2","1"]]}', 1_700_000_000_000_000_000)
    market.process(decoder.take())
