"""Markets in which own orders stand: recorded rows, and what becomes of own orders among them."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy.typing as npt

from hftlab.backtest.reports import ReportRow

__all__ = ["Core", "Entry"]


class Entry(NamedTuple):
    """Own order that enters, in ticks and lots. The enumerations are those of hftlab.book.matching.entries."""

    number: int
    """The order's, above 0 and never used before."""
    instrument: int
    owner: int
    """The account's number, above 0."""
    side: int
    """events.BID or events.ASK."""
    type: int
    """EntryType; a stop is entered when it has been released, as MARKET or LIMIT."""
    in_force: int
    """InForce."""
    price: int
    """Ticks; 0 of MARKET."""
    lots: int
    display: int = 0
    """Lots shown at a time of an ICEBERG."""
    post_only: int = 0
    prevention: int = 0
    """Prevention."""


class Core(Protocol):
    """Recorded market with own orders in it. Times are ns of the venue's clock and never go back.

    Recorded rows are played up to and including a time before anything is entered at that time. What becomes of own
    orders comes out of `take()` as rows of hftlab.backtest.reports.REPORT.
    """

    def play(self, until: int, *, stop: bool = False) -> int:
        """Play the recorded rows up to and including `until`; returns the time reached.

        With `stop` it ends with the first row that has made a report: the rows of the same time behind it are played by
        the next call.
        """
        ...

    def end_event(self) -> bool:
        """Play what is left of the event that the last row was of, as far as that is of the same time.

        It ends before with a trade that reaches a stop, and then returns False.
        """
        ...

    def next_time(self) -> int | None:
        """Return the venue's time of the next recorded row; None at the end."""
        ...

    def enter(self, entry: Entry, at: int) -> None:
        """Enter an order: it takes what it crosses, and what is left rests, or ends by its time in force."""
        ...

    def cancel(self, number: int, at: int) -> None:
        """Cancel what is open of an order; a report REFUSED if it is not there."""
        ...

    def replace(self, number: int, lots: int, price: int, at: int) -> None:
        """Change an order's open lots and price (ticks). It keeps its place if only its lots fall."""
        ...

    def set_stops(self, instrument: int, buy: int | None, sell: int | None) -> None:
        """Set the nearest stop prices (ticks) of an instrument: play() ends with a trade that reaches one."""
        ...

    @property
    def reached(self) -> int:
        """Time (ns) that play() has reached."""
        ...

    def take(self) -> npt.NDArray[Any]:
        """Return the reports since the last call, oldest first."""
        ...

    def take_rows(self) -> list[ReportRow]:
        """Return what take() would, as tuples of Python's numbers."""
        ...

    def ahead(self, number: int) -> int:
        """Return the lots that stand ahead of a resting order now, as far as the core knows. Raises KeyError."""
        ...

    def best(self, instrument: int) -> tuple[int | None, int | None]:
        """Return the best bid and ask of the recorded book, in ticks."""
        ...

    def last(self, instrument: int) -> int | None:
        """Return the price of the last recorded trade, in ticks."""
        ...

    def checkpoint(self) -> Any:
        """Copy everything that changes, for restore()."""
        ...

    def restore(self, checkpoint: Any) -> None:
        """Go back, or forward, to a checkpoint of this core; it can be used any number of times."""
        ...
