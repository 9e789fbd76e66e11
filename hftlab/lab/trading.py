"""Trading of a notebook: hftlab.client.trading.Trading as plain calls that wait."""

from __future__ import annotations

from typing import Protocol

from hftlab.client import Client
from hftlab.client.order import Order
from hftlab.client.trading import Trading
from hftlab.lab.background import background
from hftlab.protocol import PortfolioUpdate
from hftlab.suggesting import Suggesting
from hftlab.trading.account_views import Fills, Orders, Positions
from hftlab.trading.blotter import TrackedOrder
from hftlab.trading.order_handle import OrderHandle

__all__ = ["LabOrder", "LabTrading"]


class LabOrder(OrderHandle):
    """An order of a notebook's client: a handle whose calls wait for what becomes of it."""

    def __init__(self, tracked: TrackedOrder, trading: LabTrading) -> None:
        super().__init__(tracked)
        self._trading = trading

    def wait(self, *statuses: str, timeout: float | None = None) -> LabOrder:
        """Wait until the order has had one of these statuses since the call, or is final; returns the order.

        Without statuses it waits for the end: FILLED, CANCELED, REJECTED or EXPIRED. An order that ends otherwise than
        was waited for is returned as well: look at its `status`. Raises HftlabError after `timeout` seconds (None is
        no limit), and NetworkError when the connection has ended for good.
        """
        return self._trading.wait(self, *statuses, timeout=timeout)

    def cancel(self, *, timeout: float = 10.0) -> LabOrder:
        """Cancel what is left of the order; see LabTrading.cancel."""
        self._trading.cancel(self, timeout=timeout)
        return self

    def replace(
        self,
        *,
        quantity: float | None = None,
        price: float | None = None,
        stop_price: float | None = None,
        new_client_order_id: str | None = None,
        timeout: float = 10.0,
    ) -> LabOrder:
        """Change the order's quantity or prices; see LabTrading.replace."""
        self._trading.replace(
            self,
            quantity=quantity,
            price=price,
            stop_price=stop_price,
            new_client_order_id=new_client_order_id,
            timeout=timeout,
        )
        return self


class ClientOwner(Protocol):
    """Notebook client, which is closed when nothing refers to it any more."""

    @property
    def inner(self) -> Client:
        """The hftlab.Client."""


class LabTrading(Suggesting):
    """Orders, positions and fills of the account that a notebook's client is signed in as.

    Each order has a client order id, by which sending it twice does nothing twice: if the connection is lost before the
    server has acknowledged a request, it is sent again once the client has reconnected. An interrupt ends the wait and
    not the order. Calls that wait cannot be made in a callback, which runs on the background loop.
    """

    def __init__(self, client: ClientOwner) -> None:
        self._client = client

    @property
    def _trading(self) -> Trading:
        return self._client.inner.trading

    # --- requests ---

    def buy(
        self,
        symbol: str,
        quantity: float,
        price: float | None = None,
        *,
        order_type: str | None = None,
        stop_price: float | None = None,
        display_quantity: float | None = None,
        time_in_force: str = "DAY",
        post_only: bool = False,
        self_trade_prevention: str | None = None,
        client_order_id: str | None = None,
        timeout: float = 10.0,
        wait: bool = True,
    ) -> LabOrder:
        """Place a buy order, and return it once the server has acknowledged it and, within a second, said what it did.

        A rejected order is returned as well: its `status` is REJECTED, and its `reason` says why. With `wait=False` the
        call returns as soon as the order is sent.

        `quantity` is in the instrument's units, prices in its currency. Without an `order_type` (MARKET, LIMIT, STOP,
        STOP_LIMIT, ICEBERG) the prices that are given say which it is: with `price` LIMIT, without MARKET, with
        `stop_price` STOP_LIMIT or STOP, with `display_quantity` ICEBERG. `time_in_force` is DAY, GTC, IOC or FOK. With
        `post_only` the order is not executed against resting ones. `self_trade_prevention` is NONE, CANCEL_NEWEST,
        CANCEL_OLDEST, CANCEL_BOTH or DECREMENT. `client_order_id` is chosen by hftlab if it is left out.

        Raises ValueError or TypeError before anything is sent, the server's error if it does not take the message,
        RateLimitExceeded while it has asked for a pause, and NetworkError if it does not answer within `timeout`
        seconds: `orders` shows later what became of the order.
        """
        return self._handle(
            background.run(
                self._trading.buy(
                    symbol,
                    quantity,
                    price,
                    order_type=order_type,
                    stop_price=stop_price,
                    display_quantity=display_quantity,
                    time_in_force=time_in_force,
                    post_only=post_only,
                    self_trade_prevention=self_trade_prevention,
                    client_order_id=client_order_id,
                    timeout=timeout,
                    wait=wait,
                )
            )
        )

    def sell(
        self,
        symbol: str,
        quantity: float,
        price: float | None = None,
        *,
        order_type: str | None = None,
        stop_price: float | None = None,
        display_quantity: float | None = None,
        time_in_force: str = "DAY",
        post_only: bool = False,
        self_trade_prevention: str | None = None,
        client_order_id: str | None = None,
        timeout: float = 10.0,
        wait: bool = True,
    ) -> LabOrder:
        """Place a sell order; its arguments, result and errors are those of buy()."""
        return self._handle(
            background.run(
                self._trading.sell(
                    symbol,
                    quantity,
                    price,
                    order_type=order_type,
                    stop_price=stop_price,
                    display_quantity=display_quantity,
                    time_in_force=time_in_force,
                    post_only=post_only,
                    self_trade_prevention=self_trade_prevention,
                    client_order_id=client_order_id,
                    timeout=timeout,
                    wait=wait,
                )
            )
        )

    def cancel(self, order: OrderHandle | str, *, timeout: float = 10.0) -> LabOrder | None:
        """Cancel what is left of an order, given as itself or by its client order id.

        Returns the order (None if this client does not know it): look at its `status`, since it may have been filled
        before. Cancelling a cancelled order does nothing. Raises the server's error if it does not know the order, and
        NetworkError if it does not answer within `timeout` seconds.
        """
        return self._known(background.run(self._trading.cancel(order, timeout=timeout)))

    def replace(
        self,
        order: OrderHandle | str,
        *,
        quantity: float | None = None,
        price: float | None = None,
        stop_price: float | None = None,
        new_client_order_id: str | None = None,
        timeout: float = 10.0,
    ) -> LabOrder | None:
        """Change an order's whole quantity (filled part included) or its prices; what is left out stays as it is.

        Returns the order (None if this client does not know it); a refused replacement leaves it as it is, with a
        `reason`. The order has `new_client_order_id` from then on, which hftlab chooses if it is left out, and is found
        by the earlier ones as well. Raises what buy() does.
        """
        changed = self._trading.replace(
            order,
            quantity=quantity,
            price=price,
            stop_price=stop_price,
            new_client_order_id=new_client_order_id,
            timeout=timeout,
        )
        return self._known(background.run(changed))

    def cancel_all(self, symbol: str | None = None, *, timeout: float = 10.0) -> list[LabOrder]:
        """Cancel all open orders of the account, or those in one symbol; returns those that this client knows of."""
        return [self._handle(order) for order in background.run(self._trading.cancel_all(symbol, timeout=timeout))]

    def wait(self, order: OrderHandle, *statuses: str, timeout: float | None = None) -> LabOrder:
        """Wait until an order has had one of these statuses, or is final; see LabOrder.wait."""
        return self._handle(background.run(self._trading.wait(order, *statuses, timeout=timeout)))

    # --- state ---

    @property
    def orders(self) -> Orders[LabOrder]:
        """All orders of the account that this client knows: open ones, and the newest 10,000 that are final."""
        return self._trading.orders.of(self._lab_order)

    @property
    def open_orders(self) -> Orders[LabOrder]:
        """Orders that are not final."""
        return self._trading.open_orders.of(self._lab_order)

    @property
    def positions(self) -> Positions:
        """Positions by symbol, such as positions["AAPL"].quantity; one that has not been traded is FLAT."""
        return self._trading.positions

    @property
    def portfolio(self) -> PortfolioUpdate | None:
        """The newest PORTFOLIO_UPDATE: value, cash, buying power and profits; None before the first."""
        return self._trading.portfolio

    @property
    def fills(self) -> Fills:
        """The newest 100,000 fills that this client has seen, oldest first."""
        return self._trading.fills

    def __repr__(self) -> str:
        return repr(self._trading)

    def _repr_html_(self) -> str:
        return self._trading._repr_html_()

    def _lab_order(self, tracked: TrackedOrder) -> LabOrder:
        return LabOrder(tracked, self)

    def _handle(self, order: Order) -> LabOrder:
        return self._lab_order(order.tracked)

    def _known(self, order: Order | None) -> LabOrder | None:
        return None if order is None else self._handle(order)
