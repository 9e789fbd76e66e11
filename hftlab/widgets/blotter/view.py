"""The view of an account: orders, fills, positions and the portfolio, with buttons that cancel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, ClassVar

from hftlab.widgets.blotter.frame import BlotterState, pack_blotter, read_blotter
from hftlab.widgets.blotter.picture import blotter_svg
from hftlab.widgets.core.account import TradingClient
from hftlab.widgets.core.commands import Commands
from hftlab.widgets.core.freshness import check_fresh
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.core.paper import is_paper
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.view import Reply, View

__all__ = ["BlotterView"]


class BlotterView(View):
    """An account's orders, fills, positions and portfolio; the setting `refused` is for the page alone.

    The page cancels with {"cancel": client order id} and {"cancel_all": true}, each with a `number`, and is answered by
    {"heard": number}. A single order is cancelled however late the kernel hears of it, since the page names it; that
    all are cancelled must have been asked for within the last two seconds.
    """

    page: ClassVar[Path] = Path(__file__).with_name("blotter.js")

    def __init__(self, client: TradingClient, rate: float = 4) -> None:
        super().__init__(client, rate, refused={"count": 0, "text": ""})
        self._account = client.trading
        self._scales: dict[str, Scale] = {}
        self._commands = Commands(lambda: self.changed())

    def snapshot(self) -> bytes:
        """Pack the account's current state; see pack_blotter."""
        commands = self._commands
        if commands.refusals != self.settings["refused"]["count"]:
            self.settings = {**self.settings, "refused": {"count": commands.refusals, "text": commands.refused}}
        return pack_blotter(self._read(), self._scales)

    def picture(self) -> Picture:
        """Draw the account's current state as a static picture."""
        return Picture(blotter_svg(self._read(), self._scales, paper=is_paper(self.client)), "the blotter")

    def notice(self) -> str:
        """Return nothing: an account without orders is an empty table."""
        return ""

    @property
    def ages(self) -> bool:
        """False: an account that does nothing has nothing new."""
        return False

    def checked(self, name: str, value: Any) -> Any:  # noqa: ARG002
        """Refuse every change. Raises ValueError."""
        raise ValueError(f"{name} is not changed by the page")

    def receive(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> Reply | None:  # noqa: ARG002
        """Begin to cancel, and tell the page that it was heard. Raises ValueError."""
        account = self._account
        if isinstance(order := content.get("cancel"), str):
            self._commands.put(lambda: account.cancel(order))
        elif content.get("cancel_all") is True:
            check_fresh(content.get("age", inf), "the orders were not cancelled")
            self._commands.put(account.cancel_all, only_newest="all")
        else:
            return None
        return {"heard": content.get("number")}, []

    def close(self) -> None:
        """Leave out what has not begun."""
        self._commands.clear()

    def _read(self) -> BlotterState:
        state = read_blotter(self._account)
        for row in state.orders:
            self._learn(row.symbol, row.price, row.stop_price)
        for fill in state.fills:
            self._learn(fill.symbol, fill.price)
        for position in state.positions:
            self._learn(position.symbol, position.current_price)
        return state

    def _learn(self, symbol: str, *prices: float | None) -> None:
        scale = self._scales.setdefault(symbol, Scale())
        scale.learn((price for price in prices if price is not None), ())
