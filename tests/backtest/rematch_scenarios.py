"""Random recordings of orders and prints, with own requests between their events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from hypothesis import strategies as st

from hftlab.backtest.core import Entry
from hftlab.book.matching.entries import EntryType, InForce
from hftlab.events import ASK, BID, F_LAST
from tests.backtest.recorded_blocks import GivenRows
from tests.backtest.rematch_oracle import Recorded, RematchOracle
from tests.batches import COIN, SHARE, Row, make_batch

INSTRUMENTS = (COIN, SHARE)
MILLISECOND = 1_000_000

Draw = tuple[int, int, int, int, int]
"""Kind of a step, and numbers of which it is made."""

_KINDS = "AAAAAAACMMTTTTTTTTTTHXRFZ"
_OWN = "EEEEEEKPP"


class Venue(Protocol):
    """Whatever takes own requests."""

    def enter(self, entry: Entry, at: int) -> None: ...
    def cancel(self, number: int, at: int) -> None: ...
    def replace(self, number: int, lots: int, price: int, at: int) -> None: ...


@dataclass(frozen=True)
class Request:
    """Own request at a time (ns)."""

    name: str
    arguments: tuple[Any, ...]
    at: int

    def send(self, venue: Venue) -> None:
        getattr(venue, self.name)(*self.arguments, self.at)


@dataclass
class Scenario:
    """Rows of a recording and, by the number of rows that come before it, own requests."""

    rows: list[Row] = field(default_factory=list)
    requests: list[tuple[int, Request]] = field(default_factory=list)

    def market(self, cuts: Sequence[int] = ()) -> GivenRows:
        """The rows in one block, or in several that end with events."""
        batch = make_batch(self.rows, INSTRUMENTS)
        ends = np.flatnonzero(batch.flags & F_LAST) + 1
        edges = sorted({0, len(batch), *(int(ends[cut % len(ends)]) for cut in cuts)})
        return GivenRows(batch[start:end] for start, end in pairwise(edges))


class _Recorder:
    """Makes rows that fit what the recording has so far, which a market without own orders tells."""

    def __init__(self, wild: str) -> None:
        self.wild = wild
        self.truth, self.scenario = RematchOracle(), Scenario()
        self.time, self.orders, self.number = 1, 0, 0

    def add_event(self, rows: Sequence[Row]) -> None:
        rows = [row._replace(time=self.time, flags=0) for row in rows]
        rows[-1:] = [row._replace(flags=F_LAST) for row in rows[-1:]]
        for number, row in enumerate(rows):
            self.truth.play(row, rows[number + 1] if number + 1 < len(rows) else None)
        self.scenario.rows += rows

    def add_request(self, name: str, *arguments: Any) -> None:
        self.scenario.requests.append((len(self.scenario.rows), Request(name, arguments, self.time * MILLISECOND)))
        self.time += 1

    def step(self, kind: str, a: int, b: int, c: int, d: int) -> None:
        self.time += d % 2
        instrument, letter = int(a % 5 == 0), "BA"[b % 2]
        if kind in _OWN:
            self._own(kind, instrument, a, b, c, d)
        elif kind == "A":
            self.orders += 1
            # Buyers and sellers overlap: here a recording may be crossed.
            ticks = 97 + c % 5 if letter == "B" else 104 - c % 5
            self.add_event([Row("A", letter, ticks, 1 + a % 9, order=self.orders // 2, instrument=instrument)])
        elif kind in "CM":
            self._change(kind, instrument, a, b, c)
        elif kind in "TF":
            self.add_event(list(self._print(kind, instrument, letter, a, b, c, d)))
        elif kind == "H":
            self.add_event([Row("T", letter, 98 + c % 5, 1 + a % 9, instrument=instrument, off_tick=d % 3)])
        elif kind == "X":
            self.add_event([Row("T", "N", 98 + c % 5, 1 + a % 9, instrument=instrument, off_tick=d % 3)])
        elif kind == "R" and a % 4 == 0:
            self.add_event([Row("R", instrument=instrument)])
        elif kind == "Z":
            wild = Row(
                self.wild[a % len(self.wild)], "BAN"[b % 3], 95 + c % 10, d % 9, order=c % 9, instrument=instrument
            )
            self.add_event([wild._replace(off_tick=int(d % 7 == 0))])

    def _own(self, kind: str, instrument: int, a: int, b: int, c: int, d: int) -> None:
        if kind == "E":
            self.number += 1
            type_ = EntryType([0, 0, 0, 0, 0, 0, 1, 4][d % 8])
            in_force = InForce([0, 1, 1, 1, 1, 1, 2, 3][a % 8]) if type_ == EntryType.LIMIT else InForce.GTC
            price = 0 if type_ == EntryType.MARKET else (98 if b % 2 == 0 else 99) + c % 5
            display = 1 + a % 4 if type_ == EntryType.ICEBERG else 0
            rests = type_ == EntryType.LIMIT and in_force <= InForce.GTC
            side = (BID, ASK)[b % 2]
            entry = Entry(self.number, instrument, 1 + a % 3, side, type_, in_force, price, 1 + d % 14, display)
            self.add_request("enter", entry._replace(post_only=int(rests and c % 4 == 0)))
        elif kind == "K":
            self.add_request("cancel", max(self.number + 1 - a % 5, 1))
        else:
            self.add_request("replace", max(self.number + 1 - a % 5, 1), 1 + b % 14, 96 + c % 10)

    def _change(self, kind: str, instrument: int, a: int, b: int, c: int) -> None:
        found = self._orders(instrument)
        if not found:
            return
        order_id, known = found[a % len(found)]
        letter = chr(known.side)
        if kind == "C":
            lots = known.left if b % 2 else 1 + b % known.left
            self.add_event([Row("C", letter, known.price, lots, order=order_id, instrument=instrument)])
        else:
            ticks = known.price + (c % 5 - 2 if b % 2 else 0)
            self.add_event([Row("M", letter, ticks, b % 12, order=order_id, instrument=instrument)])

    def _print(self, kind: str, instrument: int, letter: str, a: int, b: int, c: int, d: int) -> Iterator[Row]:
        """An aggressor of a side, whose fills are booked at once or at the end, by C or by M rows."""
        resting = ASK if letter == "B" else BID
        sign = 1 if resting == ASK else -1
        found = [one for one in self._orders(instrument) if one[1].side == resting]
        makers = sorted(found, key=lambda one: sign * one[1].price)[int(c % 4 == 0) :]
        lots, bookings = 1 + d % 20, []
        for order_id, known in makers:
            size = min(lots, known.left - known.booked)
            if size <= 0:
                break
            lots -= size
            fill = Row("F", chr(resting), known.price, size, order=order_id, instrument=instrument)
            if kind == "T" and (not bookings or b % 3):
                yield Row("T", letter, known.price + (a % 7 == 0), size, instrument=instrument)
            yield fill
            booking = fill._replace(action="C")
            if c % 3 == 0:
                left = known.left - size + (3 if a % 2 and size == known.left else 0)
                booking = fill._replace(action="M", lots=left)
            bookings.append(booking)
            if b % 3:
                yield booking
        if not b % 3:
            yield from bookings

    def _orders(self, instrument: int) -> list[tuple[int, Recorded]]:
        return [(key[1], known) for key, known in self.truth.recorded.items() if key[0] == instrument]


def _scenario(draws: Sequence[Draw], kinds: str) -> Scenario:
    # A fill that no row takes off the book is one for the matching, and none for the books.
    recorder = _Recorder("ACMTF" if "E" in kinds else "ACMT")
    for kind, *numbers in draws:
        recorder.step(kinds[kind % len(kinds)], *numbers)
    return recorder.scenario


def scenarios(*, with_own: bool = True, longest: int = 60) -> st.SearchStrategy[Scenario]:
    numbers = st.integers(0, 2**16)
    draws = st.lists(st.tuples(numbers, numbers, numbers, numbers, numbers), min_size=longest // 3, max_size=longest)
    kinds = _KINDS + _OWN if with_own else _KINDS
    return draws.map(lambda drawn: _scenario(drawn, kinds))
