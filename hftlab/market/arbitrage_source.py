"""Any source, with the opportunities between its venues told among its messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hftlab.market.arbitrage import ArbitrageDetector
from hftlab.protocol.messages import MarketData, Message
from hftlab.source import Seekable, Source, Timed, timed

__all__ = ["with_arbitrage"]


def with_arbitrage(source: Source[Message], detector: ArbitrageDetector | None = None) -> Source[Message]:
    """A source that yields what `source` does and, after each MARKET_DATA, the ARBITRAGE messages that follow from it.

    They are of the plain symbol, to which a client subscribes with the data type ARBITRAGE. What can be sought in can
    still be; a position starts with what is open there.
    """
    kind = _SeekableArbitrageSource if isinstance(source, Seekable) else _ArbitrageSource
    return kind(source, detector or ArbitrageDetector())


class _ArbitrageSource:
    def __init__(self, source: Source[Message], detector: ArbitrageDetector) -> None:
        self._source, self._detector = source, detector
        self.name = source.name
        self.clock = source.clock
        self.recorded = source.recorded

    @property
    def symbols(self) -> Sequence[str]:
        return self._source.symbols

    def next_time(self) -> int | None:
        return self._source.next_time()

    def advance(self, until: int) -> Sequence[Message | Timed[Message]]:
        return [told for item in self._source.advance(until) for told in self._followed(item)]

    def _followed(self, item: Message | Timed[Message]) -> list[Message | Timed[Message]]:
        message = item.message if isinstance(item, Timed) else item
        return [item, *self._detector.receive(message)] if isinstance(message, MarketData) else [item]


class _SeekableArbitrageSource(_ArbitrageSource):
    """One whose `source` is Seekable."""

    _source: Seekable[Message]

    @property
    def span(self) -> tuple[int, int] | None:
        return self._source.span

    def seek(self, position: int) -> Sequence[Message]:
        self._detector.clear()
        return [told.message for told in self._all(timed(self._source.seek(position), position))]

    def take(self, count: int) -> Sequence[Timed[Message]]:
        """The next `count` messages of the source, and those that follow from them."""
        return self._all(self._source.take(count))

    def _all(self, items: Iterable[Timed[Message]]) -> list[Timed[Message]]:
        return [told for item in items for told in timed(self._followed(item), item.at)]
