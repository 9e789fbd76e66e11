"""Decorator of a source that adds the arbitrage opportunities between its venues to its messages."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from hftlab.market.arbitrage import ArbitrageDetector
from hftlab.protocol.messages import MarketData, Message
from hftlab.source import Seekable, Source, SourceDecorator, Timed, timed

__all__ = ["with_arbitrage"]


def with_arbitrage(source: Source[Message], detector: ArbitrageDetector | None = None) -> Source[Message]:
    """Return a source that yields what `source` does and, after each MARKET_DATA, the ARBITRAGE that follows from it.

    ARBITRAGE messages are of the plain symbol, to which a client subscribes with the data type ARBITRAGE. All other
    messages pass unchanged, with account and payload. The result is Seekable exactly if `source` is. After a seek the
    opportunities that are open at the position are announced as OPEN there: `opened` and `peakEdge` count from it.
    """
    kind = _SeekableArbitrageSource if isinstance(source, Seekable) else _ArbitrageSource
    return kind(source, detector or ArbitrageDetector())


class _ArbitrageSource(SourceDecorator[Message]):
    def __init__(self, source: Source[Message], detector: ArbitrageDetector) -> None:
        super().__init__(source)
        self._detector = detector

    def next_time(self) -> int | None:
        return self._source.next_time()

    def advance(self, until: int) -> Sequence[Message | Timed[Message]]:
        return [one for item in self._source.advance(until) for one in self._followed(item)]

    def _followed(self, item: Message | Timed[Message]) -> list[Message | Timed[Message]]:
        """A message and those that follow from it, which are due at the same time."""
        message = item.message if isinstance(item, Timed) else item
        if not isinstance(message, MarketData):
            return [item]
        found = self._detector.receive(message)
        return [item, *(Timed(item.at, one) for one in found)] if isinstance(item, Timed) else [item, *found]


class _SeekableArbitrageSource(_ArbitrageSource):
    """Variant for a source that is Seekable. `_pending` holds what `take()` had no room for."""

    _source: Seekable[Message]

    def __init__(self, source: Source[Message], detector: ArbitrageDetector) -> None:
        super().__init__(source, detector)
        self._pending: deque[Timed[Message]] = deque()

    @property
    def span(self) -> tuple[int, int] | None:
        return self._source.span

    def next_time(self) -> int | None:
        return self._pending[0].at if self._pending else super().next_time()

    def advance(self, until: int) -> Sequence[Message | Timed[Message]]:
        due: list[Message | Timed[Message]] = []
        while self._pending and self._pending[0].at <= until:
            due.append(self._pending.popleft())
        return due if self._pending else [*due, *super().advance(until)]

    def seek(self, position: int) -> Sequence[Message]:
        self._detector.clear()
        self._pending.clear()
        return [one.message for one in self._all(timed(self._source.seek(position), position))]

    def take(self, count: int) -> Sequence[Timed[Message]]:
        while len(self._pending) < count and (taken := self._source.take(count - len(self._pending))):
            self._pending.extend(self._all(taken))
        return [self._pending.popleft() for _ in range(min(count, len(self._pending)))]

    def _all(self, items: Iterable[Timed[Message]]) -> list[Timed[Message]]:
        return [one for item in items for one in timed(self._followed(item), item.at)]
