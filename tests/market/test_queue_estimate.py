"""The estimate against queues whose order is known: one of the test's own, and those of the simulated exchange."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.clock import NANOSECONDS, Clock
from hftlab.market.queue_estimate import QueueEstimate
from hftlab.protocol.enums import OrderType, Side
from hftlab.simulator import Exchange
from hftlab.trading.venue import New, OrderTerms

OWN = "own"

actions = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 50)),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("reduce"), st.integers(0, 30)),
        st.tuples(st.just("trade"), st.integers(1, 60)),
    ),
    max_size=60,
)


class Queue:
    """First in, first out: [name, size] each, the front first; one's own order is among them."""

    def __init__(self, ahead: list[int]) -> None:
        self.orders: list[list] = [*([None, size] for size in ahead), [OWN, 10]]

    def others(self) -> int:
        return sum(size for name, size in self.orders if name is None)

    def ahead(self) -> int:
        sizes = [size for _, size in self.orders]
        return sum(sizes[: [name for name, _ in self.orders].index(OWN)])

    def do(self, action: str, number: int) -> int:
        """Do something; returns what has traded ahead of one's own order."""
        foreign = [order for order in self.orders if order[0] is None]
        if action == "add":
            self.orders.append([None, number])
        elif action == "trade":
            traded = 0
            while self.orders[0][0] is None and number > 0:
                size = min(number, self.orders[0][1])
                self.orders[0][1] -= size
                number, traded = number - size, traded + size
                if not self.orders[0][1]:
                    del self.orders[0]
            return traded
        elif foreign:
            order = foreign[number % len(foreign)]
            order[1] = 0 if action == "cancel" else order[1] // 2
            self.orders = [each for each in self.orders if each[1]]
        return 0


@given(st.lists(st.integers(1, 50), max_size=6), actions)
def test_the_truth_lies_between_the_bounds(ahead: list[int], steps: list[tuple[str, int]]) -> None:
    queue = Queue(ahead)
    estimate = QueueEstimate(queue.ahead())
    for action, number in steps:
        traded = queue.do(action, number)
        estimate.observe(queue.others(), traded)
        assert estimate.optimistic <= queue.ahead() <= estimate.risk_averse
        assert estimate.optimistic <= estimate.pro_rata <= estimate.risk_averse


@given(st.lists(st.integers(1, 50), max_size=6), actions, st.integers(1, 10))
def test_the_upper_bound_holds_also_where_the_level_is_rarely_seen(
    ahead: list[int], steps: list[tuple[str, int]], every: int
) -> None:
    queue = Queue(ahead)
    estimate = QueueEstimate(queue.ahead())
    traded = 0
    for number, step in enumerate(steps):
        traded += queue.do(*step)
        if number % every == 0:
            estimate.observe(queue.others(), traded)
            traded = 0
            assert queue.ahead() <= estimate.risk_averse


def test_a_cancellation_is_shared_by_where_the_size_stands() -> None:
    estimate = QueueEstimate(100)
    estimate.observe(150)  # 50 more behind
    estimate.observe(120)  # 30 cancelled: a fifth of everything
    assert (estimate.risk_averse, estimate.pro_rata, estimate.optimistic) == (100, 80, 70)
    estimate.observe(100, traded=20)
    assert (estimate.risk_averse, estimate.pro_rata, estimate.optimistic) == (80, 60, 50)
    assert repr(estimate) == "QueueEstimate(60 ahead, 50 to 80)"
    estimate.filled()
    assert (estimate.risk_averse, estimate.pro_rata, estimate.optimistic) == (0, 0, 0)


def test_where_it_joined_may_be_uncertain() -> None:
    estimate = QueueEstimate(100, least=60)
    assert (estimate.risk_averse, estimate.pro_rata, estimate.optimistic) == (100, 80, 60)
    assert QueueEstimate(40, least=60).optimistic == 40
    fresh = QueueEstimate(100, least=60, others=70)  # the order itself may be in the 100
    assert (fresh.risk_averse, fresh.pro_rata, fresh.optimistic) == (100, 65, 60)
    fresh.observe(70)
    assert (fresh.risk_averse, fresh.pro_rata, fresh.optimistic) == (70, 65, 60)


def test_the_queues_of_the_simulated_exchange() -> None:
    """Orders at the ten best bids of a market: the engine's book knows their true places."""
    start, step = 1_767_364_200 * NANOSECONDS, NANOSECONDS // 1000
    exchange = Exchange(7, ["AAPL"], clock=Clock(start, paused=True), interval=step)
    exchange.advance(start)
    book = exchange.books["AAPL"]
    estimates = {price: QueueEstimate(size) for price, size, _ in book.bids(10)}
    for number, price in enumerate(estimates):
        cents = round(price * 100)
        terms = OrderTerms(
            symbol="AAPL", side=Side.BUY, type=OrderType.LIMIT, quantity=100 * 10**9, price=cents * 10**7
        )
        exchange.submit("alice", New(f"own-{number}", terms), start)
    account = max(resting.owner for resting in book.queue("B"))
    compared = between = moved = 0
    for number in range(1, 800):
        trades = [
            trade
            for message in exchange.advance(start + number * step)
            for symbol in message.symbols
            for trade in symbol.trades or ()
            if trade.side == Side.SELL
        ]
        levels = {price: size for price, size, _ in book.bids(50)}
        for own in [resting for resting in book.queue("B") if resting.owner == account]:
            price = next(
                one for one in estimates if round(one * 100) == round(own.price * book.instrument.tick / 10**7)
            )
            estimate, truth = estimates[price], book.ahead(own.id)
            before = estimate.risk_averse
            estimate.observe(levels[price] - own.size, sum(trade.size for trade in trades if trade.price == price))
            assert truth <= estimate.risk_averse
            between += estimate.optimistic <= truth
            moved += estimate.risk_averse < before
            compared += 1
    assert between == compared
    assert moved > 0
    assert any(each.optimistic < each.pro_rata < each.risk_averse for each in estimates.values())
