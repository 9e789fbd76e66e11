"""Kraken's live market data as a source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from hftlab.errors import ArgumentError
from hftlab.feeds.feed_arguments import check_address, check_levels, symbol_list
from hftlab.feeds.feed_timing import FeedTiming
from hftlab.feeds.kraken.receiver import KrakenReceiver
from hftlab.feeds.live_feed import LiveFeed
from hftlab.feeds.live_market import LiveMarket
from hftlab.instruments import UNIT, Instrument
from hftlab.venues.kraken.live_decoder import LiveDecoder
from hftlab.venues.kraken.pair_events import DEPTHS
from hftlab.venues.kraken.pair_name import checked_symbol
from hftlab.venues.kraken.survey import KRAKEN

__all__ = ["Kraken"]

_URL: Final = "wss://ws.kraken.com"
_PATH: Final = "/v2"
_BOOK_DEPTH: Final = 100
_STALL_AFTER: Final = 10.0
"""Seconds: there is a heartbeat every second."""
_REQUESTS_PER_SECOND: Final = 4.0
"""The venue has a limit that it does not tell, and which varies with its load."""


class Kraken(LiveFeed[LiveDecoder, LiveMarket, KrakenReceiver]):
    """Live feed of Kraken's market data; a source (see hftlab.source) of kind Live, and a context manager.

    Each symbol's book begins with a snapshot, and is compared with the venue's checksum of its best ten levels a side
    after each update. Where that differs, a frame cannot be read or a book crosses, that symbol is flagged with a GAP,
    and its book is subscribed to anew; the others go on. `ts_recv` is our wall clock's time of the last bytes of a
    frame, `ts_event` the venue's.

    `symbols` are pairs as the venue's WebSocket API v2 names them, such as "BTC/USD", or one such name; "XBT/USD" is
    taken for "BTC/USD". `url` is another address than the venue's own, such as that of a replay in Kraken's wire, with
    or without its path (/v2).
    `depth` is the levels a side in messages, `book_depth` those that are subscribed to: 10, 25, 100, 500 or 1000 (by
    default 100, or as many as `depth` needs). `timing` has the times after which connections are given up or tried
    again; they are not renewed, as the venue does not end them.

    It connects when a server or a recording begins to read it, and leaves when the last one has ended. Raises
    ArgumentError for an argument that cannot be; symbols that the venue does not list show when it has connected, as a
    SubscriptionFailed of wait() and advance().
    """

    def __init__(
        self,
        symbols: str | Sequence[str],
        *,
        url: str | None = None,
        depth: int = 10,
        book_depth: int | None = None,
        timing: FeedTiming | None = None,
    ) -> None:
        self._url = _address(_URL if url is None else url)
        self._depth = check_levels(depth)
        self.book_depth: Final = _book_depth(depth, book_depth)
        timing = FeedTiming(stall_after=_STALL_AFTER) if timing is None else timing
        self._terms = timing.link_terms(_REQUESTS_PER_SECOND)
        pairs = list(dict.fromkeys(map(checked_symbol, symbol_list(symbols, "BTC/USD"))))
        _compile()
        super().__init__("kraken", pairs)

    def _new_receiver(self) -> KrakenReceiver:
        return KrakenReceiver(self._url, self.symbols, self.book_depth, self._terms, self._tell)

    def _new_market(self, instruments: Sequence[Instrument]) -> tuple[LiveDecoder, LiveMarket]:
        return LiveDecoder(instruments), LiveMarket(instruments, self._depth)

    def _decode(self, decoder: LiveDecoder, payload: bytes, at: int) -> str | None:
        return decoder.receive(payload, at)

    def _subscribed(self, decoder: LiveDecoder, symbols: Sequence[str]) -> None:
        """Do nothing: the venue's answers, which are frames as well, tell it."""

    def _refresh(self, decoder: LiveDecoder, market: LiveMarket, at: int) -> None:
        if len(market.unreliable) < len(self.symbols):
            decoder.doubt(at, "the books are subscribed to anew, for a recording of their frames")

    def _book_problems(self, decoder: LiveDecoder) -> list[str]:
        return [problem for pair in decoder.pairs.values() if (problem := pair.problem) is not None]

    def _counts(self, decoder: LiveDecoder) -> dict[str, Any]:
        pairs = list(decoder.pairs.values())
        return {
            "frames": decoder.frames,
            "undecoded": decoder.undecoded,
            "unknown": decoder.unknown.total(),
            "duplicates": sum(pair.stats.trades_repeated for pair in pairs),
            "checked": sum(pair.stats.checksums for pair in pairs),
            "differing": sum(pair.stats.checksums_differing for pair in pairs),
        }


def _address(url: str) -> str:
    """Return the address of the API v2, which is at /v2 unless a path is given."""
    address = check_address("url", url, ("ws", "wss"))
    return address if "/" in address.partition("://")[2] else f"{address}{_PATH}"


def _book_depth(depth: int, book_depth: int | None) -> int:
    if book_depth is None:
        book_depth = next((one for one in DEPTHS if one >= max(depth, _BOOK_DEPTH)), None)
    elif book_depth not in DEPTHS:
        raise ArgumentError(
            f"book_depth={book_depth!r} is not a depth of Kraken's books: give {', '.join(map(str, DEPTHS))}"
        )
    if book_depth is None or book_depth < depth:
        raise ArgumentError(f"depth={depth} is more than the {book_depth or DEPTHS[-1]} levels of the book: give fewer")
    return book_depth


@cache
def _compile() -> None:
    """Compile everything, or read it from numba's cache, before there are connections that would be kept waiting."""
    instrument = Instrument("BTC/USD", KRAKEN, UNIT, UNIT, "USD")
    decoder, market = LiveDecoder([instrument]), LiveMarket([instrument], 10)
    level = b'[{"price":%d,"qty":1}]'
    decoder.receive(
        b'{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":%b,"asks":%b,"checksum":0}]}'
        % (level % 1, level % 2),
        1_700_000_000_000_000_000,
    )
    market.process(decoder.take())
