"""Trading of a client: orders out, and what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from hftlab.bounds import check_symbol
from hftlab.client.commands import Commands
from hftlab.client.order import Order
from hftlab.client.order_outcomes import has_ended, is_cancel_answered, is_placed, is_replace_answered
from hftlab.client.order_requests import UNSENT, OrderRequest, OrderRequests, Sent, may_be_placed
from hftlab.client.order_watch import OrderWatch
from hftlab.client.reporter import Reporter
from hftlab.client.supervisor import Supervisor
from hftlab.clock import wall_time
from hftlab.errors import HftlabError, NetworkError, WireError
from hftlab.html_table import facts_table
from hftlab.protocol import (
    CancelAll,
    CancelOrder,
    NewOrder,
    PortfolioUpdate,
    ReplaceOrder,
    Side,
)
from hftlab.protocol.subscribing.subscriber import Subscriber
from hftlab.protocol.symbol_argument import symbol_name
from hftlab.trading.account_views import Fills, Orders, Positions, counted
from hftlab.trading.blotter import TrackedOrder
from hftlab.trading.order_arguments import (
    OrderIds,
    client_order_id_text,
    new_order,
    replacement,
    status_set,
    timeout_seconds,
)
from hftlab.trading.order_handle import OrderHandle
from hftlab.trading.order_record import OrderRecord

__all__ = ["Trading"]

_UPDATE: Final = 1.0
"""Seconds that a call waits for the ORDER_UPDATE behind its ACK: a venue without latency sends it at once."""


class Trading:
    """Orders, positions and fills of the account that a client is signed in as.

    Each order has a client order id, by which sending it twice does nothing twice: if the connection is lost before the
    server has acknowledged a request, it is sent again once the client has reconnected. Without an answer within
    `timeout` seconds a call raises NetworkError, and what became of the order is shown by `orders` later. While there
    is no connection an order or a replacement raises NetworkError at once, and a cancellation waits for the next one.

    While the server has asked for a pause, orders and replacements raise RateLimitExceeded at once; cancellations are
    sent all the same.
    """

    def __init__(
        self, url: str, supervisor: Supervisor, commands: Commands, subscriber: Subscriber, reporter: Reporter,
        watch: OrderWatch,
    ) -> None:  # fmt: skip
        self._url, self._supervisor = url, supervisor
        self._requests = OrderRequests(url, supervisor, commands)
        self._subscriber, self._reporter, self._watch = subscriber, reporter, watch
        self._ids = OrderIds()
        self._tasks: set[asyncio.Task[None]] = set()

    # --- requests ---

    async def buy(
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
    ) -> Order:
        """Place a buy order, and return it once the server has acknowledged it and, within a second, said what it did.

        A rejected order is returned as well: its `status` is REJECTED, and its `reason` says why. With `wait=False` the
        call returns as soon as the order is sent; an error that answers it is then the order's `reason`, and reported
        as an "error".

        `quantity` is in the instrument's units, prices in its currency. Without an `order_type` it is a LIMIT order if
        there is a `price`, else a MARKET order; with a `stop_price` STOP_LIMIT or STOP; with a `display_quantity` an
        ICEBERG. `time_in_force` is DAY, GTC, IOC or FOK. With `post_only` the order is not executed against resting
        ones. `self_trade_prevention` (NONE, CANCEL_NEWEST, CANCEL_OLDEST, CANCEL_BOTH, DECREMENT) overrides the
        account's. `client_order_id` is chosen by hftlab if it is left out.

        Raises ValueError or TypeError before anything is sent, the server's error if it does not take the message,
        RateLimitExceeded while it has asked for a pause, and NetworkError if it does not answer within `timeout`
        seconds.
        """
        return await self._place(
            Side.BUY,
            symbol,
            quantity,
            price,
            timeout,
            wait=wait,
            order_type=order_type,
            stop_price=stop_price,
            display_quantity=display_quantity,
            time_in_force=time_in_force,
            post_only=post_only,
            self_trade_prevention=self_trade_prevention,
            client_order_id=client_order_id,
        )

    async def sell(
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
    ) -> Order:
        """Place a sell order; its arguments, result and errors are those of buy()."""
        return await self._place(
            Side.SELL,
            symbol,
            quantity,
            price,
            timeout,
            wait=wait,
            order_type=order_type,
            stop_price=stop_price,
            display_quantity=display_quantity,
            time_in_force=time_in_force,
            post_only=post_only,
            self_trade_prevention=self_trade_prevention,
            client_order_id=client_order_id,
        )

    async def cancel(self, order: OrderHandle | str, *, timeout: float = 10.0) -> Order | None:
        """Cancel what is left of an order, given as itself or by its client order id.

        Returns the order (None if this client does not know it) when the server has acknowledged that and, within a
        second, said what it did: look at the order's `status`, since it may have been filled before. Cancelling a
        cancelled order does nothing. Raises the server's error if it does not know the order, and NetworkError if it
        does not answer within `timeout` seconds.
        """
        tracked, name = self._named(order)
        seconds = timeout_seconds(timeout)
        await self._ask_about(tracked, is_cancel_answered, CancelOrder(timestamp=UNSENT, client_order_id=name), seconds)
        return None if tracked is None else self._handle(tracked)

    async def replace(
        self,
        order: OrderHandle | str,
        *,
        quantity: float | None = None,
        price: float | None = None,
        stop_price: float | None = None,
        new_client_order_id: str | None = None,
        timeout: float = 10.0,
    ) -> Order | None:
        """Change an order's whole quantity (filled part included) or its prices; what is left out stays as it is.

        Returns the order (None if this client does not know it) when the server has acknowledged that and, within a
        second, said what it did: a refused replacement leaves the order as it is, with a `reason`. The order has
        `new_client_order_id` from then on, which hftlab chooses if it is left out, and is found by the earlier ones as
        well. Raises what buy() does.
        """
        tracked, name = self._named(order)
        new = self._ids.next() if new_client_order_id is None else new_client_order_id
        message = replacement(name, new, quantity=quantity, price=price, stop_price=stop_price)
        seconds = timeout_seconds(timeout)
        with self._renaming(tracked, message):
            await self._ask_about(tracked, lambda record: is_replace_answered(record, new), message, seconds)
        return None if tracked is None else self._handle(tracked)

    async def cancel_all(self, symbol: str | None = None, *, timeout: float = 10.0) -> list[Order]:
        """Cancel all open orders of the account, or those in one symbol; returns those that this client knows of.

        Returns when the server has acknowledged it and, within a second, the orders have ended. Orders of other clients
        of the same account are cancelled as well. Raises NetworkError if it does not answer within `timeout` seconds.
        """
        if symbol is not None:
            check_symbol(symbol_name(symbol, "cancel_all()"))
        message = CancelAll(timestamp=UNSENT, symbol=symbol)
        seconds = timeout_seconds(timeout)
        concerned = [order for order in self.open_orders if symbol in (None, order.symbol)]
        with ExitStack() as stack:
            ends = [stack.enter_context(self._watch.watching(order.tracked, has_ended)) for order in concerned]
            await self._requests.ask(message, seconds)
            if ends:
                await asyncio.wait(ends, timeout=_UPDATE)
        return concerned

    async def request(self, message: OrderRequest, *, timeout: float = 10.0) -> None:
        """Send a request that has been made already, such as a strategy's, and wait until the server has taken it.

        Raises the server's error if it does not take it, RateLimitExceeded while it has asked for a pause, and
        NetworkError without a connection, or an answer within `timeout` seconds.
        """
        seconds, blotter = timeout_seconds(timeout), self._watch.blotter
        if isinstance(message, NewOrder):
            self._requests.check_connected()
            tracked = blotter.track(message, wall_time())
            try:
                sent = self._requests.send(message)
            except WireError as exc:
                self._refuse(tracked, exc)
                raise
            await self._acknowledged(sent, tracked, seconds)
            return
        if isinstance(message, ReplaceOrder):
            with self._renaming(blotter.find(message.client_order_id), message):
                await self._requests.ask(message, seconds)
        else:
            await self._requests.ask(message, seconds)

    async def wait(self, order: OrderHandle, *statuses: str, timeout: float | None = None) -> Order:
        """Wait until an order has had one of these statuses, or is final; see Order.wait."""
        wanted, seconds = status_set(statuses), timeout_seconds(timeout)
        tracked = self._watch.blotter.own(order.tracked) or order.tracked

        def is_reached(record: OrderRecord) -> bool:
            return record.is_final or record.status in wanted

        if is_reached(tracked.record):
            return self._handle(tracked)
        closed = asyncio.ensure_future(self._supervisor.wait_closed())
        try:
            with self._watch.watching(tracked, is_reached) as waiter:
                await asyncio.wait([waiter, closed], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                if waiter.done():
                    return self._handle(tracked)
        finally:
            closed.cancel()
        named = " or ".join(sorted(wanted)) or "final"
        if closed.done():
            raise NetworkError(f"the connection to {self._url} has ended, and {self._handle(tracked)!r} is not {named}")
        raise HftlabError(f"{self._handle(tracked)!r} is not {named} after {seconds:g} s")

    # --- state ---

    @property
    def orders(self) -> Orders[Order]:
        """All orders of the account that this client knows: open ones, and the newest 10,000 that are final."""
        return Orders(self._watch.blotter, self._handle)

    @property
    def open_orders(self) -> Orders[Order]:
        """Orders that are not final."""
        return Orders(self._watch.blotter, self._handle, only_open=True)

    @property
    def positions(self) -> Positions:
        """Positions by symbol; one that has not been traded is FLAT."""
        return Positions(self._watch.blotter, lambda: self._subscriber.offered_symbols)

    @property
    def portfolio(self) -> PortfolioUpdate | None:
        """The newest PORTFOLIO_UPDATE: value, cash, buying power and profits; None before the first."""
        return self._watch.blotter.portfolio

    @property
    def fills(self) -> Fills:
        """The newest 100,000 fills that this client has seen, oldest first."""
        return Fills(self._watch.blotter)

    def __repr__(self) -> str:
        counts = {"open order": len(self.open_orders), "position": len(self.positions), "fill": len(self.fills)}
        shown = ", ".join(counted(number, what) for what, number in counts.items())
        return f"<hftlab trading as {self._watch.blotter.account or 'nobody yet'}, {shown}>"

    def _repr_html_(self) -> str:
        facts = {"account": self._watch.blotter.account or "nobody yet", "fills": f"{len(self.fills):,}"}
        portfolio = "" if self.portfolio is None else self.portfolio._repr_html_()
        tables = [facts_table("Trading", facts), portfolio]
        return "".join([*tables, self.positions._repr_html_(), self.open_orders._repr_html_()])

    # --- sending ---

    async def _place(
        self, side: Side, symbol: str, quantity: float, price: float | None, timeout: float, *, wait: bool,
        client_order_id: str | None, **terms: Any,
    ) -> Order:  # fmt: skip
        name = self._ids.next() if client_order_id is None else client_order_id
        message = new_order(side, symbol, quantity, price, client_order_id=name, **terms)
        seconds = timeout_seconds(timeout)
        self._requests.check_connected()
        tracked = self._watch.blotter.track(message, wall_time())
        try:
            sent = self._requests.send(message)
        except WireError as exc:
            self._refuse(tracked, exc)
            raise
        if not wait:
            self._spawn(self._settle_later(sent, tracked, seconds))
            return self._handle(tracked)
        if tracked.record.order_id is not None:  # sent once more
            await self._acknowledged(sent, tracked, seconds)
            return self._handle(tracked)
        with self._watch.watching(tracked, is_placed) as updated:
            await self._acknowledged(sent, tracked, seconds)
            await _within(updated, _UPDATE)
        return self._handle(tracked)

    async def _acknowledged(self, sent: Sent, tracked: TrackedOrder, seconds: float | None) -> None:
        """Wait for the ACK of an order; an error that says that it was not placed makes it REJECTED."""
        try:
            await self._requests.answered(sent, seconds)
        except WireError as exc:
            if not may_be_placed(sent.message, exc):
                self._refuse(tracked, exc)
            raise
        self._watch.changed(self._watch.blotter.acknowledge(tracked))

    async def _settle_later(self, sent: Sent, tracked: TrackedOrder, seconds: float | None) -> None:
        try:
            await self._acknowledged(sent, tracked, seconds)
        except WireError as exc:
            self._reporter.report(exc)

    def _refuse(self, tracked: TrackedOrder, error: WireError) -> None:
        self._watch.changed(self._watch.blotter.refuse(tracked, str(error), wall_time()))

    @contextmanager
    def _renaming(self, tracked: TrackedOrder | None, message: ReplaceOrder) -> Iterator[None]:
        """Let an order be found by the id that a replacement gives it, unless the server refuses that."""
        blotter, new = self._watch.blotter, message.new_client_order_id
        if tracked is not None:
            blotter.replace(tracked, new)
        try:
            yield
        except WireError as exc:
            if not may_be_placed(message, exc):
                blotter.keep(new)
            raise

    async def _ask_about(
        self,
        tracked: TrackedOrder | None,
        is_done: Callable[[OrderRecord], bool],
        message: OrderRequest,
        seconds: float | None,
    ) -> None:
        """Ask for something about an order, and wait for what the server says of it."""
        if tracked is None or tracked.record.is_final:
            await self._requests.ask(message, seconds)
            return
        with self._watch.watching(tracked, is_done) as done:
            await self._requests.ask(message, seconds)
            await _within(done, _UPDATE)

    # --- handles ---

    def _handle(self, tracked: TrackedOrder) -> Order:
        return Order(tracked, self)

    def _named(self, order: OrderHandle | str) -> tuple[TrackedOrder | None, str]:
        """Find an order by its handle or one of its ids, and its id of now."""
        if isinstance(order, OrderHandle):
            return self._watch.blotter.own(order.tracked), order.client_order_id
        tracked = self._watch.blotter.find(client_order_id_text(order))
        return tracked, order if tracked is None else tracked.record.client_order_id

    def _spawn(self, duty: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(duty)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _within(future: asyncio.Future[None], seconds: float) -> None:
    """Wait for a future for at most some seconds."""
    if not future.done():
        await asyncio.wait([future], timeout=seconds)
