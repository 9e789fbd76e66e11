"""Requests for market data by HTTP: what each path answers, and what it weighs.

Sources: Binance Spot API, "Market Data endpoints" and "General endpoints"; USDⓈ-M and COIN-M Futures API, "Market Data
Endpoints".
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from hftlab.venues.binance.api.api_errors import (
    ApiError,
    bad_symbol,
    illegal_parameter,
    missing_parameter,
    no_book,
    too_many_requests,
    unknown_path,
)
from hftlab.venues.binance.api.messages_out import Writer
from hftlab.venues.binance.api.request_weights import RequestWeights
from hftlab.venues.binance.api.stream_set import StreamSet

__all__ = ["Answer", "MarketRequests"]

_MS: Final = 1_000_000
_NUMBER: Final = re.compile(r"[0-9]{1,20}")
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
            "/depth": _Endpoint(self._depth, self._depth_weight),
        }

    def answer(self, target: str, address: str, now: float) -> Answer | None:
        """Answer a GET of a target below the market's path; None for one that is not. `now` is wall time in s."""
        split = urlsplit(target)
        if not split.path.startswith(f"{self.market.rest}/"):
            return None
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
        if not writer.state.has_book:
            raise no_book()
        recorded, symbol = self._streams.recorded, writer.state.symbol
        bids = recorded.levels(symbol, is_bid=True, depth=limit)
        return writer.book(bids, recorded.levels(symbol, is_bid=False, depth=limit))

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

    # --- parameters ---

    def _writer(self, parameters: dict[str, str]) -> Writer:
        symbol = parameters.get("symbol", "")
        if not symbol:
            raise missing_parameter("symbol")
        writer = self._streams.writers.get(symbol)
        if writer is None:
            raise bad_symbol()
        return writer


def _whole(parameters: dict[str, str], name: str, default: int) -> int:
    text = parameters.get(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text):
        raise illegal_parameter(name)
    return int(text)
