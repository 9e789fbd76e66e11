"""Random orders for the matching engine, and its output in the reference's form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from hftlab.bench.reference_engine import ReferenceEngine
from hftlab.bench.reference_queues import FAR
from hftlab.book.matching import MatchingEngine, Result
from hftlab.book.matching.entries import ENTRY, Action, EntryType, InForce, Prevention, Trigger
from hftlab.events import ASK, BID, F_LAST
from hftlab.instruments import NASDAQ, UNIT, Instrument

SHARES = (
    Instrument("ONE", NASDAQ, tick=UNIT // 100, lot=UNIT, currency="USD"),
    Instrument("TWO", NASDAQ, tick=UNIT // 20, lot=UNIT, currency="USD"),
)


class Step(NamedTuple):
    """A row of ENTRY in the making; `which` picks an earlier order for CANCEL and REPLACE."""

    action: int = Action.NEW
    instrument: int = 0
    owner: int = 0
    side: int = BID
    type: int = EntryType.LIMIT
    in_force: int = InForce.DAY
    price: int = 0
    size: int = 0
    stop: int = 0
    display: int = 0
    post_only: int = 0
    prevention: int = Prevention.NONE
    trigger: int = Trigger.TRADE
    trail: int = 0
    trail_step: int = 0
    all_or_none: int = 0
    which: int = 0


LIFT = 100
"""How many ticks below those of a stream its negative twin lies: its prices are around 0."""


def steps(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.fixed_dictionaries(fields).map(lambda values: Step(**values))


PRICES = st.integers(95, 105)
NEW = steps(
    instrument=st.sampled_from([0, 0, 0, 1]),
    owner=st.integers(0, 3),
    side=st.sampled_from([BID, ASK]),
    type=st.sampled_from([EntryType.LIMIT] * 4 + list(EntryType)),
    in_force=st.sampled_from([InForce.DAY] * 4 + list(InForce)),
    price=PRICES,
    size=st.integers(1, 30),
    stop=PRICES,
    display=st.integers(1, 9),
    post_only=st.sampled_from([0, 0, 0, 0, 0, 1]),
    prevention=st.sampled_from(list(Prevention)),
)
STOPS = steps(
    owner=st.integers(0, 2),
    side=st.sampled_from([BID, ASK]),
    type=st.sampled_from([EntryType.STOP, EntryType.STOP_LIMIT]),
    in_force=st.sampled_from([InForce.DAY, *InForce]),
    price=PRICES,
    size=st.integers(1, 30),
    stop=st.one_of(st.just(0), PRICES),
    trigger=st.sampled_from(list(Trigger)),
    trail=st.integers(0, 4),
    trail_step=st.integers(0, 3),
)
WHOLES = steps(
    owner=st.integers(0, 3),
    side=st.sampled_from([BID, ASK]),
    in_force=st.sampled_from([InForce.DAY, InForce.GTC]),
    price=PRICES,
    size=st.integers(1, 60),
    prevention=st.sampled_from(list(Prevention)),
    all_or_none=st.just(1),
)
CHANGES = steps(
    action=st.sampled_from([Action.CANCEL, Action.REPLACE, Action.REPLACE]),
    owner=st.sampled_from([0, 0, 0, 0, 1]),
    price=PRICES,
    size=st.integers(1, 30),
    stop=st.one_of(st.just(0), PRICES),
    which=st.integers(1, 12),
)
ODD = steps(
    action=st.integers(-1, 10),
    instrument=st.integers(-1, 2),
    owner=st.integers(0, 1),
    side=st.sampled_from([BID, ASK, 0]),
    type=st.integers(-1, 5),
    in_force=st.integers(-1, 4),
    price=st.integers(-1, 100),
    size=st.integers(-1, 2000),
    stop=st.integers(-1, 100),
    display=st.integers(-1, 2),
    post_only=st.integers(-1, 2),
    prevention=st.integers(-1, 5),
    trigger=st.integers(-1, 3),
    trail=st.integers(-1, 2),
    trail_step=st.integers(-1, 2),
    all_or_none=st.integers(-1, 2),
    which=st.integers(0, 3),
)
ORDERS = st.lists(st.one_of(NEW, NEW, NEW, STOPS, WHOLES, CHANGES), max_size=30)
CALL, UNCROSS, HALT, RESUME = (Step(action) for action in (Action.CALL, Action.UNCROSS, Action.HALT, Action.RESUME))
EPISODES = st.one_of(
    ORDERS,
    ORDERS.map(lambda orders: [CALL, *orders, UNCROSS]),
    st.tuples(ORDERS, PRICES).map(lambda one: [CALL, *one[0], Step(Action.UNCROSS, price=one[1])]),
    st.tuples(PRICES, st.integers(0, 4), ORDERS).map(
        lambda one: [Step(Action.BAND, price=one[0], size=one[1]), *one[2]]
    ),
    ORDERS.map(lambda orders: [HALT, *orders[:2], RESUME, *orders]),
    ORDERS.map(lambda orders: [Step(Action.CLOSE), *orders[:2], RESUME, *orders]),
    st.lists(ODD, max_size=3),
)
STREAMS = st.lists(EPISODES, max_size=6).map(lambda episodes: [step for episode in episodes for step in episode])


def random_stream(seed: int, rows: int) -> list[Step]:
    """A longer stream of orders alone, the later ones at prices that drift, with a command now and then."""
    random = np.random.default_rng(seed)
    drift = np.cumsum(random.integers(-1, 2, rows))
    stream: list[Step] = []
    for row in range(rows):
        kind, price = random.random(), int(100 + drift[row] // 4 + random.integers(-5, 6))
        if kind < 0.02:
            stream += [CALL] if random.random() < 0.7 else [HALT, CALL]
        elif kind < 0.07:
            stream.append(UNCROSS)
        elif kind < 0.08:
            stream.append(Step(Action.BAND, price=price, size=int(random.integers(0, 6))))
        elif kind < 0.30:
            which, size = 1 + int(0.6 * random.integers(max(row - 25, 0), row + 1)), int(random.integers(1, 30))
            action = Action.CANCEL if random.random() < 0.5 else Action.REPLACE
            stream.append(Step(action, which=which, price=price, size=size, stop=price))
        else:
            stream.append(_random_order(random, price))
    return stream


def _random_order(random: np.random.Generator, price: int) -> Step:
    types, times = [EntryType.LIMIT, *EntryType], [InForce.DAY, InForce.DAY, *InForce]
    kind = random.random()
    order = Step(
        instrument=int(random.random() < 0.2),
        owner=int(random.integers(0, 4)),
        side=BID if random.random() < 0.5 else ASK,
        type=types[random.integers(len(types))],
        in_force=times[random.integers(len(times))],
        price=price,
        size=int(random.integers(1, 30)),
        stop=price + int(random.integers(-3, 4)),
        display=int(random.integers(1, 9)),
        post_only=int(random.random() < 0.1),
        prevention=int(random.integers(0, 5)),
    )
    if kind < 0.1:
        return order._replace(type=EntryType.LIMIT, in_force=InForce.GTC, post_only=0, all_or_none=1)
    if order.type in (EntryType.STOP, EntryType.STOP_LIMIT) and kind < 0.8:
        numbers = random.integers(0, [len(Trigger), 5, 3, 2])
        trigger, trail, step, given = numbers.tolist()
        stop = order.stop if given or not trail else 0
        return order._replace(trigger=trigger, trail=trail, trail_step=step, stop=stop, post_only=0)
    return order


def entries_of(steps: Sequence[Step]) -> np.ndarray[Any, Any]:
    """Rows of ENTRY; the time of row n is 1000 n ns."""
    entries = np.zeros(len(steps), ENTRY)
    for row, step in enumerate(steps):
        for name, value in step._asdict().items():
            entries[row]["id" if name == "which" else name] = value
        entries[row]["time"] = 1000 * (row + 1)
    return entries


def lowered(entries: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same rows `LIFT` ticks lower; prices that are not given stay so."""
    lower = entries.copy()
    for name in ("price", "stop"):
        lower[name] = np.where(entries[name] == 0, 0, entries[name] - LIFT)
    return lower


def reference_run(entries: np.ndarray[Any, Any], *, halts: bool = True, signed: bool = False) -> ReferenceEngine:
    engine = ReferenceEngine(len(SHARES), halts, -FAR if signed else 1)
    for entry in entries:
        engine.take(entry)
    return engine


def compiled_run(
    entries: np.ndarray[Any, Any], *, halts: bool = True, signed: bool = False
) -> tuple[MatchingEngine, Result]:
    engine = MatchingEngine(SHARES, halts_at_band=halts, negative_prices=signed)
    return engine, engine.submit(entries)


def event_rows(result: Result) -> list[tuple[Any, ...]]:
    names = ("ts_event", "sequence", "instrument_id", "order_id", "action", "side", "price", "size", "flags")
    columns = [getattr(result.events, name).tolist() for name in names]
    return [
        (*row[:4], chr(row[4]), chr(row[5]), row[6] // SHARES[row[2]].tick, row[7], row[8] == F_LAST)
        for row in zip(*columns, strict=True)
    ]


def fill_rows(result: Result) -> list[tuple[Any, ...]]:
    return [(*row[2:5], chr(row[5]), *row[6:]) for row in result.fills.tolist()]


def update_rows(result: Result) -> list[tuple[Any, ...]]:
    return [row[2:] for row in result.updates.tolist()]
