"""Scripts of requests, steps and seeks on a recorded market, and who listens to what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from hftlab.errors import ServerError
from hftlab.protocol import CancelAll, ReplaceOrder, Side
from hftlab.source import Timed
from hftlab.trading.paper_source import PaperSource
from tests.trading.printed_market import Print, cancel, new, paper

__all__ = ["NAMES", "SCRIPTS", "Listener", "straight_run"]

NAMES = ("alice", "bob")

steps = st.one_of(
    st.tuples(st.just("take"), st.integers(1, 5)),
    st.tuples(st.just("advance"), st.integers(0, 300)),
    st.tuples(st.just("until"), st.integers(0, 300)),
    st.tuples(st.just("seek"), st.integers(-200, 2400)),
)
orders = st.builds(
    lambda name, side, quantity, price, whose: ("order", whose, new(name, side, quantity, price)),
    st.sampled_from("abcdef"),
    st.sampled_from([Side.BUY, Side.SELL]),
    st.integers(1, 30),
    st.sampled_from([None, 98.0, 99.0, 100.0, 101.0]),
    st.sampled_from(NAMES),
)
changes = st.one_of(
    st.builds(lambda name, whose: ("order", whose, cancel(name)), st.sampled_from("abcdef"), st.sampled_from(NAMES)),
    st.builds(lambda whose: ("order", whose, CancelAll(timestamp=1.0)), st.sampled_from(NAMES)),
    st.builds(
        lambda name, other, price, whose: (
            "order",
            whose,
            ReplaceOrder(timestamp=1.0, client_order_id=name, new_client_order_id=other, price=price),
        ),
        st.sampled_from("abcdef"),
        st.sampled_from("abcdef"),
        st.sampled_from([98.0, 100.0, 102.0]),
        st.sampled_from(NAMES),
    ),
    st.just(("disconnect", None)),
)
prints = st.lists(
    st.builds(Print, st.integers(1, 2000), st.sampled_from([98.0, 99.0, 100.0, 101.0, 102.0]), st.integers(1, 20)),
    min_size=1,
    max_size=25,
).map(lambda rows: sorted(rows, key=lambda one: one.at))
SCRIPTS: Final[dict[str, Any]] = {
    "rows": prints,
    "script": st.lists(st.one_of(steps, orders, orders, changes), max_size=25),
    "terms": st.fixed_dictionaries(
        {
            "entry": st.sampled_from([0, 7]),
            "response": st.sampled_from([0, 13]),
            "delay": st.sampled_from([0, 5]),
        }
    ),
    "is_unpaced": st.booleans(),
}
"""Arguments of a test: the market, what is done, its latencies, and whether its clock is."""


class Listener:
    """Drives a source as a server and its clients would, and keeps what accounts have been told."""

    def __init__(self, source: PaperSource) -> None:
        self.source, self.heard = source, list[Timed[Any]]()
        self.last = -1

    def hear(self, items: Sequence[Timed[Any]]) -> None:
        for item in items:
            assert item.at >= self.last, "time goes back"
            self.last = item.at
        self.heard += [item for item in items if item.account is not None]

    def do(self, kind: str, *what: Any) -> None:
        source, trading = self.source, self.source.trading
        match kind:
            case "take":
                self.hear(source.take(*what))
            case "advance":
                self.hear(source.advance(trading.now + what[0]))
            case "until":
                until = trading.now + what[0]
                while len(some := source.take_until(until, 3)) == 3:
                    self.hear(some)
                self.hear(some)
            case "seek":
                position = what[0]
                source.seek(position)
                self.hear(source.take_passed())
                is_new = source.span is None or position < source.span[0]
                self.heard = [] if is_new else [item for item in self.heard if item.at <= position]
                self.last = position
            case "order":
                account, request = what
                try:
                    self.hear(trading.handle(account, request, 0, entered_by="wire" if account == "bob" else None))
                except ServerError:
                    self.hear(trading.collect())
            case "disconnect":
                self.hear(trading.disconnect("wire", 0))

    def state(self) -> list[list[bytes]]:
        trading = self.source.trading
        return [
            [msgspec.json.encode(item.message) for item in trading.snapshot(name, 0, with_finished=True)]
            for name in NAMES
        ]

    def run(self, script: Sequence[tuple[Any, ...]]) -> None:
        """Do all steps, and hear what is due by then."""
        for step in script:
            self.do(*step)
        self.hear(self.source.take_until(self.source.trading.now, 10_000))


def straight_run(
    other: Listener, rows: Sequence[Print], terms: dict[str, int], straight: Listener | None = None
) -> Listener:
    """Do the requests that hold in another run at their times, from the beginning to where that stands."""
    trading = other.source.trading
    straight = Listener(paper(rows, **terms)) if straight is None else straight
    for entry in trading.requests:
        straight.hear(straight.source.advance(entry.at))
        if entry.request is None:
            straight.do("disconnect")
        else:
            straight.do("order", entry.account, entry.request)
    straight.hear(straight.source.advance(trading.now))
    return straight
