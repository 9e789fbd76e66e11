"""The view of an order-book ladder: a row for each price step on a fixed axis, asks above, bids below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from hftlab.errors import ArgumentError, HftlabError
from hftlab.widgets.core.account import TradingClient
from hftlab.widgets.core.interfaces import StreamingClient
from hftlab.widgets.core.market_tape import tape_of
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.view import Reply, View, checked_number
from hftlab.widgets.ladder.frame import LadderState, middle_tick, pack_ladder, pack_whole_traded, read_ladder
from hftlab.widgets.ladder.order_entry import OrderEntry
from hftlab.widgets.ladder.own_orders import OwnOrders
from hftlab.widgets.ladder.picture import ladder_svg
from hftlab.widgets.ladder.volume_profile import VolumeProfile
from hftlab.widgets.queue.tracker import QueueTracker, tracker_of

__all__ = ["LadderClient", "LadderView"]

MOST_LEVELS: Final = 100
"""Levels a side in a frame, and rows a side on the page."""
MOST_GROUPED: Final = 1_000_000
"""Ticks in one price step."""
AROUND: Final = 3
"""Multiple of `depth`: the price steps on each side of the market whose traded volume is in every frame."""


class LadderClient(StreamingClient, TradingClient, Protocol):
    """A client with market data, messages that can be followed, and an account."""


class LadderView(View):
    """An order book by price.

    The settings are `symbol`, `depth` (rows a side), `group` (ticks a row), `size` (of an order) and `trading`.
    With `trading` its page may place orders of `size` and cancel them; that is decided here and never by a page.
    """

    page: ClassVar[Path] = Path(__file__).with_name("ladder.js")

    def __init__(
        self,
        client: LadderClient,
        symbol: str,
        depth: int = 10,
        rate: float = 10,
        *,
        tick: float | None = None,
        group: int = 1,
        trading: bool = False,
        size: float = 1,
    ) -> None:
        super().__init__(client, rate, symbol=symbol, depth=depth, group=group, trading=bool(trading), size=size)
        for name, value in {"depth": depth, "group": group, "size": size}.items():
            self.checked(name, checked_number(name, value))
        self._scales = {symbol: Scale(tick)}
        self._client = client
        self._tape = tape_of(client)
        self._tracker: QueueTracker | None = None
        self._profiles: dict[str, VolumeProfile] = {}
        self._orders = OwnOrders(client.trading)
        self._entry = OrderEntry(client.trading, self._orders, self._refused)

    def checked(self, name: str, value: Any) -> Any:
        """Return a new value of a setting. Raises ValueError."""
        value = super().checked(name, value)
        if name == "depth" and not (value == int(value) and 1 <= value <= MOST_LEVELS):
            raise ArgumentError(f"depth must be 1 to {MOST_LEVELS} levels a side, got {value!r}")
        if name == "group" and not (value == int(value) and 1 <= value <= MOST_GROUPED):
            raise ArgumentError(f"group must be 1 to {MOST_GROUPED:,} ticks, got {value!r}")
        if name == "size" and not 0 < value < float("inf"):
            raise ArgumentError(f"size must be above 0, got {value!r}")
        if name == "trading" and value is not self.settings["trading"]:
            raise ArgumentError("trading is decided where the ladder is made: client.ladder(..., trading=True)")
        return int(value) if name in ("depth", "group") else value

    def snapshot(self) -> bytes:
        """Pack the current book; see pack_ladder."""
        self._entry.watch()
        state, scale = self._read()
        return pack_ladder(state, scale)

    def picture(self) -> Picture:
        """Draw the current book as a static picture."""
        state, scale = self._read()
        status = str(self.client.connection_status)
        note = "STALE" if state.stale else "" if status == "CONNECTED" else status
        symbol = self.settings["symbol"]
        svg = ladder_svg(
            symbol,
            state.bids,
            state.asks,
            last=state.last,
            change_percent=state.change_percent,
            volume=state.volume,
            trade=state.trade,
            ts_event=state.ts_event,
            note=note,
            scale=scale,
            depth=self.settings["depth"],
            group=state.group,
            traded=state.traded,
            orders=state.orders,
        )
        return Picture(svg, f"{symbol}'s order book")

    def kept(self) -> bytes:
        """Pack the whole traded volume; see pack_whole_traded."""
        symbol, group = self.settings["symbol"], self.settings["group"]
        profile, tick = self._profiles.get(symbol), self._scales[symbol].tick
        if profile is None or tick is None:
            return b""
        profile.follow(tick, group)
        return pack_whole_traded(self._tape.symbol(symbol).epoch, group, profile.rows())

    def receive(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> Reply | None:
        """Obey a page: {"traded": true} asks for the whole traded volume, {"place": {...}} and {"cancel": key} trade.

        An order is refused unless the ladder was made with `trading`, or if it was asked for more than 2 s ago.
        """
        if "traded" in content:
            return {"traded": True}, [self.kept()]
        if "place" not in content and "cancel" not in content:
            return super().receive(content, buffers)
        try:
            return self._trade(content), []
        except (ValueError, HftlabError) as error:
            return {"refused": str(error), "token": content.get("token")}, []

    def _trade(self, content: Mapping[str, Any]) -> dict[str, Any]:
        if not self.settings["trading"]:
            raise ArgumentError("trading is off: make the ladder with client.ladder(..., trading=True)")
        if "cancel" in content:
            self._entry.cancel(content["cancel"])
            return {"cancelling": content["cancel"], "token": content.get("token")}
        asked = content["place"]
        if not isinstance(asked, dict):
            raise ArgumentError(f"an order is an object with side, price and size, got {asked!r}")
        key = self._entry.place(self.settings["symbol"], asked, content.get("age", float("inf")))
        self.changed()
        return {"placed": key, "token": content.get("token")}

    def _places(self) -> dict[str, float]:
        """The estimated size ahead of each own order; the queues are followed as soon as there may be one."""
        if self._tracker is None and (self.settings["trading"] or any(True for _ in self._client.trading.open_orders)):
            self._tracker = tracker_of(self._client)
        return {} if self._tracker is None else self._tracker.ahead()

    def _refused(self, reason: str) -> None:
        self.tell({"refused": reason})

    def _read(self) -> tuple[LadderState, Scale]:
        symbol, group = self.settings["symbol"], self.settings["group"]
        state = read_ladder(self.client, symbol, MOST_LEVELS)
        # A given tick is the first symbol's; a symbol that is shown later learns its own.
        scale = self._scales.setdefault(symbol, Scale())
        seen = [*state.bids, *state.asks, *([state.trade] if state.trade else [])]
        scale.learn((each[0] for each in seen), (each[1] for each in seen))
        tape = self._tape.symbol(symbol)
        facts: dict[str, Any] = {
            "trade_number": tape.printed,
            "every_trade": tape.has_every_trade,
            "epoch": tape.epoch,
            "group": group,
            "orders": self._orders.read(symbol, self._places()),
        }
        if scale.tick is not None:
            profile = self._profiles.get(symbol)
            if profile is None:
                profile = self._profiles[symbol] = VolumeProfile(tape)
            profile.follow(scale.tick, group)
            middle, around = middle_tick(state, scale.tick) // group, AROUND * self.settings["depth"]
            facts["traded"] = profile.rows(middle - around, middle + around)
            facts["traded_steps"] = profile.count
        return replace(state, **facts), scale
