"""Two venues around one price, dislocations planted among them, and the slow, obvious arithmetic of what they give."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import numpy as np

US = 1_000
START = 1_700_000_000_000_000_000
TICK, FEE = Decimal("0.01"), Decimal("0.003")
HALF_SPREAD = 5
DEPTH = 3
VENUES = ("NASDAQ", "NYSE")

Ladder = list[tuple[int, int]]
"""(price in ticks, shares) of each level, best first."""


class State(NamedTuple):
    """A venue's book from `at` (ns) on."""

    at: int
    venue: str
    bids: Ladder
    asks: Ladder


class Planted(NamedTuple):
    """What has to be found; `edges` are (ns after it opened, shares, dollars) whenever these or the prices change."""

    buy_venue: str
    sell_venue: str
    opened: int
    closed: int
    edges: list[tuple[int, int, Decimal]]


class Plan(NamedTuple):
    """From the step `first` and until the step `back` a venue's prices are `ticks` away."""

    first: int
    back: int
    venue: str
    ticks: int


def plant(seed: int, steps: int = 2000) -> tuple[list[State], list[Planted]]:
    """Both venues quote, one after the other, around a price that moves by at most a tick a step."""
    chance = np.random.default_rng(seed)
    plans = _plans(chance, steps)
    shifts = {(step, plan.venue): plan.ticks for plan in plans for step in range(plan.first, plan.back)}
    states: list[State] = []
    moments: dict[tuple[int, str], int] = {}
    now, mid = START, 20_000
    for step in range(steps):
        mid += int(chance.integers(-1, 2))
        for venue in VENUES:
            now += int(chance.integers(1, 500)) * US
            moments[step, venue] = now
            states.append(_state(chance, now, venue, mid + shifts.get((step, venue), 0)))
    return states, [_planted(plan, states, moments) for plan in plans]


def _plans(chance: np.random.Generator, steps: int) -> list[Plan]:
    plans, step = [], 2
    while step < steps - 50:
        back = step + int(chance.integers(1, 20))
        away = int(chance.choice([-1, 1]) * chance.integers(2 * HALF_SPREAD + 4, 30))
        plans.append(Plan(step, back, str(chance.choice(VENUES)), away))
        step = back + int(chance.integers(1, 40))
    return plans


def _state(chance: np.random.Generator, at: int, venue: str, mid: int) -> State:
    sizes = chance.integers(1, 40, (2, DEPTH)) * 100
    bids = [(mid - HALF_SPREAD - level, int(size)) for level, size in enumerate(sizes[0])]
    asks = [(mid + HALF_SPREAD + level, int(size)) for level, size in enumerate(sizes[1])]
    return State(at, venue, bids, asks)


def _planted(plan: Plan, states: list[State], moments: dict[tuple[int, str], int]) -> Planted:
    opened, closed = moments[plan.first, plan.venue], moments[plan.back, plan.venue]
    (other,) = set(VENUES) - {plan.venue}
    buy, sell = (other, plan.venue) if plan.ticks > 0 else (plan.venue, other)
    edges: list[tuple[int, int, Decimal]] = []
    books: dict[str, State] = {}
    last: tuple[object, ...] = ()
    for state in states:
        books[state.venue] = state
        if opened <= state.at < closed:
            asks, bids = books[buy].asks, books[sell].bids
            edge = gain(asks, bids)
            if last != (last := (asks[0][0], bids[0][0], *edge)):
                edges.append((state.at - opened, *edge))
    return Planted(buy, sell, opened, closed, edges)


def gain(asks: Ladder, bids: Ladder) -> tuple[int, Decimal]:
    """Shares and dollars after fees, a hundred at a time: the cheapest offer to the best bid as long as that pays."""
    offers = [ticks * TICK for ticks, size in asks for _ in range(size // 100)]
    wants = [ticks * TICK for ticks, size in bids for _ in range(size // 100)]
    gains = [100 * (bid - ask - 2 * FEE) for ask, bid in zip(offers, wants, strict=False)]
    good = [one for one in gains if one > 0]
    return 100 * len(good), sum(good, Decimal(0))


def levels(ladder: Ladder) -> list[tuple[float, float]]:
    return [(float(ticks * TICK), float(size)) for ticks, size in ladder]
