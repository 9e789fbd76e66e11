"""Order updates reach the connections of their account, and nobody else's.

A source yields a private message as Timed(at, message, account); whoever signs in as that account receives it. On one
machine a client signs in by name, with the key that the server leaves for its user.
"""

import hftlab as hl
from hftlab.clock import to_milliseconds
from hftlab.lab import LabServer
from hftlab.protocol import OrderStatus, OrderType, OrderUpdate, Side, UpdateType
from hftlab.source import Timed

SECOND = 1_000_000_000


class Orders:
    """One order a second, of alice and of bob in turn."""

    name = "orders"
    recorded = False
    symbols = ("AAPL",)

    def __init__(self) -> None:
        self.clock = hl.Clock(speed=100)
        self._number = 0
        self._next = self.clock.now() + SECOND

    def next_time(self) -> int:
        return self._next

    def advance(self, until: int) -> list[Timed[OrderUpdate]]:
        due = []
        while self._next <= until:
            due.append(Timed(self._next, self._update(), ("alice", "bob")[self._number % 2]))
            self._number += 1
            self._next += SECOND
        return due

    def _update(self) -> OrderUpdate:
        return OrderUpdate(
            timestamp=to_milliseconds(self._next),
            order_id=str(self._number),
            client_order_id=f"{('alice', 'bob')[self._number % 2]}-{self._number}",
            symbol="AAPL",
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            status=OrderStatus.NEW,
            quantity=100.0,
            filled_quantity=0.0,
            remaining_quantity=100.0,
            price=175.25,
            update_type=UpdateType.NEW,
        )


def orders_of(server: LabServer, account: str) -> list[str]:
    """Client order IDs of the first three order updates that an account receives."""
    with hl.connect(server.url, account=account) as client:
        found: list[str] = []
        while len(found) < 3:
            message = client.next_message(timeout=30)
            if isinstance(message, OrderUpdate):
                found.append(message.client_order_id)
        return found


def main() -> None:
    with hl.serve(Orders(), port=0) as server:
        for account in ("alice", "bob"):
            orders = orders_of(server, account)
            print(account, orders)
            assert all(order.startswith(account) for order in orders)


if __name__ == "__main__":
    main()
