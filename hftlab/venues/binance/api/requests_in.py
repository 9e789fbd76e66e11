"""Requests for market data by HTTP: what each path answers, and what it weighs.

Sources: Binance Spot API, "Market Data endpoints" and "General endpoints"; USDⓈ-M and COIN-M Futures API, "Market Data
Endpoints".
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, overload
from urllib.parse import parse_qsl, urlsplit

import msgspec

from hftlab.venues.binance.api.aggregation import Aggregation
from hftlab.venues.binance.api.api_errors import (
    ApiError,
    bad_combination,
    bad_symbol,
    empty_parameter,
    illegal_parameter,
    missing_parameter,
    no_book,
    too_many_requests,
    unknown_path,
)
from hftlab.venues.binance.api.exchange_info import exchange_info
from hftlab.venues.binance.api.messages_out import Writer
from hftlab.venues.binance.api.request_weights import RequestWeights
from hftlab.venues.binance.api.stream_set import StreamSet
from hftlab.venues.market_state.level_differences import Levels

__all__ = ["Answer", "MarketRequests"]

_MS: Final = 1_000_000
_DEFAULT_TRADES: Final = 500
_MOST_TRADES: Final = 1000
_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_SYMBOL: Final = re.compile(r"[A-Z0-9_.-]{1,20}")
_SYMBOL_RULE: Final = "^[A-Z0-9-_.]{1,20}$"
_SPOT_WEIGHTS: Final = ((100, 5), (500, 25), (1000, 50), (5000, 250))
_FUTURES_WEIGHTS: Final = ((50, 2), (100, 5), (500, 10), (1000, 20))


class Answer(NamedTuple):
    """Answer to a request: status, JSON, and the weight that its address has used in this minute."""

    status: int
    body: bytes
    used_weight: int
    retry_after: int | None = None


class _Endpoint(NamedTuple):
    answer: Callable[[dict[str, str]], bytes]
    weight: Callable[[dict[str, str]], int]


class MarketRequests:
    """Requests to one market. `clock` gives the time of the recording (ns)."""

    def __init__(self, streams: StreamSet[Any], clock: Callable[[], int], weight: int) -> None:
        self.market, self._streams, self._clock = streams.market, streams, clock
        self._weights = RequestWeights(weight)
        self._endpoints = {
            "/ping": _Endpoint(lambda _: b"{}", lambda _: 1),
            "/time": _Endpoint(self._time, lambda _: 1),
            "/exchangeInfo": _Endpoint(self._exchange_info, lambda _: 1 if self.market.is_futures else 20),
            "/depth": _Endpoint(self._depth, self._depth_weight),
            "/trades": _Endpoint(self._trades, lambda _: 5 if self.market.is_futures else 25),
            "/aggTrades": _Endpoint(self._agg_trades, lambda _: 20 if self.market.is_futures else 4),
            "/ticker/price": _Endpoint(self._of_symbols(self._price), self._ticker_weight(1, 2)),
            "/ticker/bookTicker": _Endpoint(self._of_symbols(self._book_ticker), self._ticker_weight(2, 5)),
            "/ticker/24hr": _Endpoint(self._of_symbols(self._day_ticker), self._ticker_weight(2, 80)),
        }

    def answer(self, target: str, address: str, now: float) -> Answer | None:
        """Answer a GET of a target below the market's path; None for one that is not. `now` is wall time in s."""
        if not target.startswith(f"{self.market.rest}/"):
            return None
        split = urlsplit(target)
        endpoint = self._endpoints.get(split.path.removeprefix(self.market.rest))
        parameters = dict(parse_qsl(split.query, keep_blank_values=True))
        used = self._weights.use(address, 1 if endpoint is None else endpoint.weight(parameters), now)
        try:
            if used > self._weights.most:
                raise too_many_requests(self._weights.most)
            if endpoint is None:
                raise unknown_path()
            return Answer(200, endpoint.answer(parameters), used)
        except ApiError as error:
            retry = self._weights.retry_after(now) if error.status == 429 else None
            return Answer(error.status, error.body, used, retry)

    def _time(self, _: dict[str, str]) -> bytes:
        return b'{"serverTime":%d}' % (self._clock() // _MS)

    # --- the book ---

    def _depth(self, parameters: dict[str, str]) -> bytes:
        writer = self._writer(parameters)
        limit = self._depth_limit(parameters)
        recorded, symbol = self._streams.recorded, writer.state.symbol
        if writer.state.has_book:
            bids = recorded.levels(symbol, is_bid=True, depth=limit)
            return writer.book(bids, recorded.levels(symbol, is_bid=False, depth=limit))
        first = recorded.first_books.get(symbol)
        if writer.state.update_id or first is None:
            raise no_book()
        bids, asks = (Levels(side.ticks[:limit], side.lots[:limit]) for side in (first.bids, first.asks))
        return Writer(self.market, first.state).book(bids, asks)

    def _depth_limit(self, parameters: dict[str, str]) -> int:
        limit = _whole(parameters, "limit", self.market.default_depth)
        if not self.market.is_futures:
            return min(limit, self.market.depth_limits[-1]) or self.market.default_depth
        if limit not in self.market.depth_limits:
            raise ApiError(400, -4021, f"{limit} is not valid depth limit.")
        return limit

    def _depth_weight(self, parameters: dict[str, str]) -> int:
        weights = _FUTURES_WEIGHTS if self.market.is_futures else _SPOT_WEIGHTS
        try:
            limit = self._depth_limit(parameters)
        except ApiError:
            return 1
        return weights[min(bisect_left(weights, (limit, 0)), len(weights) - 1)][1]

    def _exchange_info(self, parameters: dict[str, str]) -> bytes:
        now = self._clock() // _MS
        return exchange_info(self.market, self._chosen(parameters), now, self._weights.most)

    # --- trades ---

    def _trades(self, parameters: dict[str, str]) -> bytes:
        writer = self._writer(parameters)
        trades = list(writer.state.trades)[-self._limit(parameters) :]
        return _array(writer.listed_trade(trade) for trade in trades)

    def _agg_trades(self, parameters: dict[str, str]) -> bytes:
        """Answer with the last ones, or with the first from an id or a time on, of those that are remembered."""
        writer, limit = self._writer(parameters), self._limit(parameters)
        first, since = _whole(parameters, "fromId", None), _whole(parameters, "startTime", None)
        until = _whole(parameters, "endTime", None)
        aggregation = Aggregation(is_futures=self.market.is_futures)
        found = [*aggregation.add(writer.state.trades), *aggregation.close()]
        found = [
            one
            for one in found
            if (first is None or one.first.number >= first)
            and (since is None or one.last.ts_event // _MS >= since)
            and (until is None or one.last.ts_event // _MS <= until)
        ]
        found = found[-limit:] if first is None and since is None else found[:limit]
        return _array(writer.listed_agg_trade(one) for one in found)

    def _limit(self, parameters: dict[str, str]) -> int:
        return min(_whole(parameters, "limit", _DEFAULT_TRADES), _MOST_TRADES) or _DEFAULT_TRADES

    # --- tickers ---

    def _price(self, writer: Writer) -> bytes | None:
        if not writer.state.trades:
            return None
        last = writer.state.trades[-1]
        time = f',"time":{last.ts_event // _MS}' if self.market.is_futures else ""
        return f'{{"symbol":"{writer.state.symbol}","price":"{writer.form.price(last.price)}"{time}}}'.encode()

    def _book_ticker(self, writer: Writer) -> bytes | None:
        return writer.listed_best(*self._best(writer)) if writer.state.has_book else None

    def _day_ticker(self, writer: Writer) -> bytes | None:
        trades = writer.state.trades
        day = writer.state.day.day(trades[-1].ts_event) if trades else None
        return None if day is None else writer.listed_day(day, *self._best(writer))

    def _best(self, writer: Writer) -> tuple[Levels, Levels]:
        recorded, symbol = self._streams.recorded, writer.state.symbol
        return recorded.levels(symbol, is_bid=True, depth=1), recorded.levels(symbol, is_bid=False, depth=1)

    def _of_symbols(self, write: Callable[[Writer], bytes | None]) -> Callable[[dict[str, str]], bytes]:
        """Answer with an object for one `symbol`, an array for several `symbols` and for all."""

        def answer(parameters: dict[str, str]) -> bytes:
            chosen = self._chosen(parameters)
            written = [text for writer in chosen if (text := write(writer)) is not None]
            # COIN-M answers with an array always.
            if "symbol" not in parameters or self.market.name == "coinm":
                return _array(written)
            if not written:
                raise no_book()
            return written[0]

        return answer

    def _ticker_weight(self, one: int, every: int) -> Callable[[dict[str, str]], int]:
        return lambda parameters: one if "symbol" in parameters else every

    # --- parameters ---

    def _chosen(self, parameters: dict[str, str]) -> list[Writer]:
        """Return what is asked for by `symbol` or `symbols`, all without either."""
        if "symbol" in parameters:
            if "symbols" in parameters:
                raise bad_combination()
            return [self._writer(parameters)]
        if "symbols" not in parameters:
            return list(self._streams.writers.values())
        try:
            names = msgspec.json.decode(parameters["symbols"], type=list[str])
        except msgspec.DecodeError:
            raise illegal_parameter(
                "symbols", rule=r"^\[(\"[A-Z0-9-_.]{1,20}\"(,\"[A-Z0-9-_.]{1,20}\"){0,}){0,1}\]$"
            ) from None
        return [self._writer({"symbol": name}) for name in names]

    def _writer(self, parameters: dict[str, str]) -> Writer:
        symbol = parameters.get("symbol")
        if symbol is None:
            raise missing_parameter("symbol")
        if not symbol:
            raise empty_parameter("symbol")
        writer = self._streams.writers.get(symbol)
        if writer is None:
            raise bad_symbol() if _SYMBOL.fullmatch(symbol) else illegal_parameter("symbol", rule=_SYMBOL_RULE)
        return writer


@overload
def _whole(parameters: dict[str, str], name: str, default: int) -> int: ...
@overload
def _whole(parameters: dict[str, str], name: str, default: None) -> int | None: ...
def _whole(parameters: dict[str, str], name: str, default: int | None) -> int | None:
    text = parameters.get(name)
    if text is None:
        return default
    if not text:
        raise empty_parameter(name)
    if not _NUMBER.fullmatch(text):
        raise illegal_parameter(name)
    return int(text)


def _array(objects: Iterable[bytes]) -> bytes:
    return b"[%b]" % b",".join(objects)
