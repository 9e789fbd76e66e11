"""Live source that takes orders, which fill by a model of the backtests as its market goes on."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from hftlab.backtest.fill_core import FillCore
from hftlab.backtest.fill_models import FillModel
from hftlab.backtest.fill_venue import FillVenue
from hftlab.backtest.latency_models import Latency
from hftlab.backtest.live_rows import LiveRows
from hftlab.errors import ArgumentError, ConnectionFailed
from hftlab.events import EventBatch
from hftlab.instruments import Instrument
from hftlab.protocol import Gap, MarketData, Message
from hftlab.source import Live, Source, SourceDecorator, Timed, timed, undecorated
from hftlab.trading.account import AccountTerms
from hftlab.trading.broker import Broker
from hftlab.trading.venue import MarketPhase, VenueRequest, VenueUpdate

__all__ = ["PaperFeed"]

_WAIT: Final = 10.0
"""Seconds that the venue has to tell of its instruments."""


class PaperFeed(SourceDecorator[Message]):
    """Source of a live market in which accounts trade on paper; a TradingVenue (see hftlab.trading.venue).

    Orders stand in the market as it is known here when they arrive: what comes later meets them, whatever the venue's
    clock says. A symbol whose data is not reliable is HALTED: orders rest, and only cancels are taken. Without orders
    the market's rows wait to be played until somebody asks.

    The feed is connected from here on. Raises ArgumentError for a model that needs orders of others, ConnectionFailed
    if the venue does not tell of its instruments in time, and what the feed's wait() does.
    """

    def __init__(
        self,
        source: Source[Message],
        model: FillModel | str | None,
        latency: Latency,
        accounts: Mapping[str, AccountTerms] | None = None,
    ) -> None:
        super().__init__(source)
        live = undecorated(source)
        assert isinstance(live, Live)
        chosen = FillModel.of(model, has_orders=False)
        if chosen.impact or chosen.queue_model is None:
            raise ArgumentError(f"{chosen.name} needs the orders of others, which a feed of price levels does not tell")
        self._live = live
        # A server that never comes to watch it, as its port is taken, leaves no connections behind.
        self._leave = weakref.finalize(self, live.watch(_nothing))
        try:
            if not live.wait(_WAIT):
                raise ConnectionFailed(
                    f"{live.name} has not told its instruments in {_WAIT:g} s ({live.problem or 'no answer'}): orders "
                    "need them, so serve it when the venue can be reached"
                )
        except BaseException:
            self._leave()
            raise
        self._rows = LiveRows(tuple(live.instruments))
        self._core = FillCore(self._rows, int(chosen.queue_model), chosen.n or 1.0)
        self._venue = FillVenue(self._core, self._rows.instruments, latency, self.clock.now())
        self._unreliable = set(source.symbols)
        self._must_play = False
        self._venue.broker = Broker(self, accounts)

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Watch the feed; see hftlab.source.Live."""
        unwatch = super().watch(callback)
        self._live.event_taps.append(self._add)
        self._leave()

        def end() -> None:
            self._live.event_taps.remove(self._add)
            unwatch()

        return end

    def _add(self, batch: EventBatch) -> None:
        self._must_play = self._rows.add(batch) or self._must_play

    # --- source ---

    def next_time(self) -> int | None:
        """Return when the feed's next message is due, or something may be reported."""
        due, reported = self._source.next_time(), self._venue.next_time()
        return reported if due is None or (reported is not None and reported < due) else due

    def advance(self, until: int) -> Sequence[Message | Timed[Message]]:
        """Return the feed's messages up to and including `until`; requests and rows meet meanwhile."""
        due = self._source.next_time()
        items: list[Timed[Any]] = []
        if due is not None and due <= until:
            items = timed(self._source.advance(until), due)
            for item in items:
                self._follow(item.message)
        if self._must_play or self._venue.is_busy:
            self._play(until)
        return items

    def _follow(self, message: Message) -> None:
        if isinstance(message, Gap):
            self._unreliable.update(message.symbols or self.symbols)
        elif isinstance(message, MarketData) and self._unreliable:
            self._unreliable.difference_update(one.symbol for one in message.symbols)

    def _play(self, at: int) -> None:
        """Let everything happen up to `at` that is known here."""
        self._must_play = False
        at = max(at, self._venue.now)
        # Requests that have arrived before these rows came meet the market without them.
        self._venue.advance(at - 1)
        if self._rows.end_block(at):
            self._core.go_on()
        self._venue.advance(at)

    # --- trading venue ---

    @property
    def broker(self) -> object | None:
        """Broker of the accounts."""
        return self._venue.broker

    @broker.setter
    def broker(self, broker: object | None) -> None:
        self._venue.broker = broker

    @property
    def instruments(self) -> Sequence[Instrument]:
        """Instruments of the feed."""
        return self._venue.instruments

    @property
    def day(self) -> int:
        """Number of the day (UTC) since 1970."""
        return self._venue.day

    @property
    def latency(self) -> int:
        """Above 0 if requests or reports take time."""
        return self._venue.latency

    def submit(self, account: str, request: VenueRequest, at: int) -> None:
        """Send a request of an account at `at`, or now if that is over."""
        self._play(at)
        self._venue.submit(account, request, at)

    def take_updates(self) -> list[VenueUpdate]:
        """Return the updates that are due since the last call."""
        return self._venue.take_updates()

    def phase(self, symbol: str) -> MarketPhase:
        """Return an instrument's phase: HALTED while its data is not reliable. Raises KeyError."""
        phase = self._venue.phase(symbol)
        return MarketPhase.HALTED if symbol in self._unreliable else phase

    def reference_price(self, symbol: str) -> int | None:
        """Return the last trade's price, else the middle of the book, in 1e-9; None before either. Raises KeyError."""
        self._play(self.clock.now())
        return self._venue.reference_price(symbol)


def _nothing() -> None:
    pass
