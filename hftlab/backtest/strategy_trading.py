"""Trading of a strategy: orders that are sent without waiting."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from hftlab.errors import ServerError
from hftlab.protocol.enums import Side
from hftlab.protocol.order_messages import CancelAll, CancelOrder, NewOrder, PortfolioUpdate, ReplaceOrder
from hftlab.suggesting import Suggesting
from hftlab.trading.account_views import Fills, Orders, Positions
from hftlab.trading.blotter import Blotter, TrackedOrder
from hftlab.trading.order_arguments import client_order_id_text, new_order, replacement
from hftlab.trading.order_handle import OrderHandle

__all__ = ["StrategyOrder", "StrategyTrading"]

Send = Callable[[NewOrder | CancelOrder | ReplaceOrder | CancelAll], None]


class StrategyOrder(OrderHandle):
    """Order of a strategy: a handle that shows what the strategy has been told of it."""

    def __init__(self, tracked: TrackedOrder, trading: StrategyTrading) -> None:
        super().__init__(tracked)
        self._trading = trading

    def cancel(self) -> None:
        """Ask for what is left of it to be cancelled."""
        self._trading.cancel(self)

    def replace(
        self, *, quantity: float | None = None, price: float | None = None, stop_price: float | None = None
    ) -> None:
        """Ask for another quantity or price; see StrategyTrading.replace()."""
        self._trading.replace(self, quantity=quantity, price=price, stop_price=stop_price)


class StrategyTrading(Suggesting):
    """Orders, positions and fills of a strategy's account, as it has been told of them.

    Requests are sent at once and return before anything has become of them. Order ids count up, so that a run can be
    repeated. `send` takes the messages, `now` tells the time, and order ids begin with `prefix`.
    """

    def __init__(
        self, blotter: Blotter, send: Send, now: Callable[[], int], symbols: Sequence[str], prefix: str = "S"
    ) -> None:
        self._blotter, self._send, self._now, self._symbols = blotter, send, now, symbols
        self._prefix = prefix
        self._numbers = itertools.count(1)

    # --- requests ---

    def buy(self, symbol: str, quantity: float, price: float | None = None, **terms: Any) -> StrategyOrder:
        """Send a buy order: a LIMIT order if there is a `price`, else a MARKET order.

        `terms` are those of client.trading.buy(): order_type, stop_price, display_quantity, time_in_force, post_only,
        self_trade_prevention, client_order_id. Raises ValueError or TypeError for terms that make no sense, and
        ServerError for a client_order_id that is another order's (at a live venue the client's "error" event tells).
        """
        return self._place(Side.BUY, symbol, quantity, price, **terms)

    def sell(self, symbol: str, quantity: float, price: float | None = None, **terms: Any) -> StrategyOrder:
        """Send a sell order; its arguments and errors are those of buy()."""
        return self._place(Side.SELL, symbol, quantity, price, **terms)

    def cancel(self, order: OrderHandle | str) -> None:
        """Ask for what is left of an order to be cancelled, given as itself or by its client order id."""
        name = order.client_order_id if isinstance(order, OrderHandle) else client_order_id_text(order)
        self._send(CancelOrder(timestamp=1.0, client_order_id=name))

    def replace(
        self,
        order: OrderHandle | str,
        *,
        quantity: float | None = None,
        price: float | None = None,
        stop_price: float | None = None,
        new_client_order_id: str | None = None,
    ) -> None:
        """Ask for another whole quantity (filled part included) or other prices; what is left out stays as it is.

        The order has another client order id from then on, and is found by the earlier ones as well.
        """
        name = order.tracked.record.client_order_id if isinstance(order, OrderHandle) else client_order_id_text(order)
        new = self._next_id() if new_client_order_id is None else new_client_order_id
        message = replacement(name, new, quantity=quantity, price=price, stop_price=stop_price)
        tracked = self._blotter.find(name)
        if tracked is not None:
            self._blotter.replace(tracked, new)
        try:
            self._send(message)
        except ServerError:
            self._blotter.keep(new)
            raise

    def cancel_all(self, symbol: str | None = None) -> None:
        """Ask for all open orders of the account to be cancelled, or those in one symbol."""
        self._send(CancelAll(timestamp=1.0, symbol=symbol))

    def _place(
        self,
        side: Side,
        symbol: str,
        quantity: float,
        price: float | None,
        *,
        order_type: str | None = None,
        stop_price: float | None = None,
        display_quantity: float | None = None,
        time_in_force: str = "DAY",
        post_only: bool = False,
        self_trade_prevention: str | None = None,
        client_order_id: str | None = None,
    ) -> StrategyOrder:
        message = new_order(
            side,
            symbol,
            quantity,
            price,
            order_type=order_type,
            stop_price=stop_price,
            display_quantity=display_quantity,
            time_in_force=time_in_force,
            post_only=post_only,
            self_trade_prevention=self_trade_prevention,
            client_order_id=self._next_id() if client_order_id is None else client_order_id,
        )
        known = self._blotter.find(message.client_order_id)
        tracked = self._blotter.track(message, self._now())
        try:
            self._send(message)
        except ServerError as error:
            if tracked is not known:
                self._blotter.refuse(tracked, str(error), self._now())
            raise
        return self._handle(tracked)

    def _next_id(self) -> str:
        return f"{self._prefix}-{next(self._numbers)}"

    # --- state ---

    @property
    def orders(self) -> Orders[StrategyOrder]:
        """All orders of the account that the strategy knows: open ones, and the newest 10,000 that are final."""
        return Orders(self._blotter, self._handle)

    @property
    def open_orders(self) -> Orders[StrategyOrder]:
        """Orders that are not final."""
        return Orders(self._blotter, self._handle, only_open=True)

    @property
    def positions(self) -> Positions:
        """Positions by symbol; one that has not been traded is FLAT."""
        return Positions(self._blotter, lambda: self._symbols)

    @property
    def portfolio(self) -> PortfolioUpdate | None:
        """The newest PORTFOLIO_UPDATE: value, cash, buying power and profits; None before the first."""
        return self._blotter.portfolio

    @property
    def fills(self) -> Fills:
        """The newest 100,000 fills that the strategy has been told of, oldest first."""
        return Fills(self._blotter)

    def _handle(self, tracked: TrackedOrder) -> StrategyOrder:
        return StrategyOrder(tracked, self)

    def __repr__(self) -> str:
        return f"StrategyTrading({len(self.open_orders)} open orders, {len(self.fills)} fills)"
