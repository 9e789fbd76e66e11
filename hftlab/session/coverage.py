"""Coverage of a session: from when to when each symbol was really recorded, by the rows of the control table.

Rows that begin coverage name their symbols (null: all of the session) and hold from their own time on:

    start        a server's recording, an import or a simulation has begun
    subscribe    the server has acknowledged a subscription
    resync       the state of symbols has come anew; they were uncovered from `ts_from` to `ts_to`

Rows that end it:

    unsubscribe  nothing more of these symbols was asked for
    disconnect   nothing of these symbols (null: of any) came after `ts_from`, until a resync
    gap          messages between `ts_from` and `ts_to` did not arrive; without `ts_to` until a resync
    drop         what came between `ts_from` and `ts_to` was not recorded; without `ts_to` until a resync
    damage       what was recorded between `ts_from` and `ts_to` is lost
    clock        the time between `ts_from` and `ts_to` has not passed, or the machine was suspended
    end          the recording was stopped

A gap, a drop or a damage without `ts_from` is one moment: it has no length, and does not count. Times are clipped to
those of the session.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import polars as pl

from hftlab.clock import NANOSECONDS

__all__ = ["Hole", "Interval", "coverage_intervals", "coverage_table", "estimated_intervals", "holes", "interval_table"]

_BEGIN: Final = frozenset({"start", "subscribe", "resync"})
_BLACKOUTS: Final = frozenset({"gap", "drop", "damage", "clock", "resync"})
"""Rows that say of the time from `ts_from` to `ts_to` that it is not covered."""
_FINAL: Final = frozenset({"unsubscribe", "end"})
"""Rows after which a symbol is not expected any more: where it does not begin again, its coverage ends there."""

INTERVALS: Final = pl.Schema(
    {
        "symbol": pl.String(),
        "from": pl.Int64(),
        "to": pl.Int64(),
        "covered": pl.Boolean(),
        "why": pl.String(),
        "estimated": pl.Boolean(),
    }
)


class Interval(NamedTuple):
    """Time from `start` to `end` (ns) in which a symbol was covered, or was not; `why` is the event that ended it."""

    symbol: str
    start: int
    end: int
    covered: bool
    why: str | None = None
    is_estimated: bool = False


class Hole(NamedTuple):
    """Moment (ns) from which on some symbols were not covered any more, after they had been."""

    at: int
    symbols: tuple[str, ...]
    why: str


class _Span(NamedTuple):
    start: int
    end: int
    why: str


class _Symbol:
    """Coverage of one symbol as its control rows come, one by one."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.since: int | None = None
        self.off: tuple[int, str] | None = None
        """Time and reason of the end, while it is not covered."""
        self.uncovered: list[_Span] = []

    def begin(self, at: int) -> None:
        if self.since is not None:
            return
        if self.first is None:
            self.first = at
        if self.off is not None:
            self.uncovered.append(_Span(self.off[0], at, self.off[1]))
        self.since, self.off = at, None

    def end(self, at: int, why: str) -> None:
        if self.since is not None:
            self.since, self.off = None, (at, why)
        elif self.off is not None and why in _FINAL and self.off[1] not in _FINAL:
            # It is not waited for any more: what was missing is missing up to here.
            self.uncovered.append(_Span(self.off[0], at, self.off[1]))
            self.off = (at, why)


def coverage_intervals(rows: Iterable[Mapping[str, Any]], symbols: Iterable[str], end: int | None) -> list[Interval]:
    """Return the intervals of each symbol in the order of time, from where its coverage begins.

    `rows` are those of the control table in their order, `symbols` those of the session, `end` is the time of its last
    row (ns). A symbol that no row begins to cover has no intervals.
    """
    states: defaultdict[str, _Symbol] = defaultdict(_Symbol)
    everything = list(symbols)
    latest = 0
    for row in rows:
        event, at = row["event"], row["ts_recv"]
        latest = max(latest, at)
        named, span = row["symbols"], _blackout(row)
        if event in _BEGIN:
            for name in everything if named is None else named:
                states[name].begin(at)
        for name in list(states) if named is None else named:
            if span is not None:
                states[name].uncovered.append(span)
            if event in ("unsubscribe", "end", "disconnect") or (event in ("gap", "drop") and _is_open(row)):
                states[name].end(at, event)
    last = max(latest, end or 0)
    return [interval for name in sorted(states) for interval in _intervals(name, states[name], last)]


def _is_open(row: Mapping[str, Any]) -> bool:
    return row["ts_from"] is not None and row["ts_to"] is None


def _blackout(row: Mapping[str, Any]) -> _Span | None:
    """Return the time that a row says is not covered; None if it says so of none."""
    event, at = row["event"], row["ts_recv"]
    if row["ts_from"] is None or event not in (_BLACKOUTS | {"disconnect"}):
        return None
    # Times within a row are the clock's; those of rows go on where the clock was set back.
    shift = 0 if row["ts_clock"] is None else at - row["ts_clock"]
    start, end = row["ts_from"] + shift, at if row["ts_to"] is None else row["ts_to"] + shift
    return _Span(start, end, event) if start < end else None


def _intervals(name: str, state: _Symbol, last: int, *, is_estimated: bool = False) -> Iterator[Interval]:
    if state.first is None:
        return
    uncovered, end = state.uncovered, last
    if state.off is not None and state.off[1] in _FINAL:
        end = state.off[0]
    elif state.off is not None:
        uncovered = [*uncovered, _Span(state.off[0], last, state.off[1])]
    at = state.first
    for hole in _joined(uncovered, state.first, end):
        if hole.start > at:
            yield Interval(name, at, hole.start, True, None, is_estimated)
        yield Interval(name, hole.start, hole.end, False, hole.why, is_estimated)
        at = hole.end
    if end > at or (at == state.first and end == at):
        yield Interval(name, at, end, True, None, is_estimated)


def _joined(spans: Iterable[_Span], first: int, last: int) -> list[_Span]:
    """Join spans that touch or overlap, within bounds; each keeps the reason of its earliest."""
    clipped = [_Span(max(start, first), min(end, last), why) for start, end, why in spans]
    joined: list[_Span] = []
    for span in sorted((span for span in clipped if span.start < span.end), key=lambda span: span.start):
        if joined and span.start <= joined[-1].end:
            joined[-1] = joined[-1]._replace(end=max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


# --- recordings whose control table names no symbols ---


def estimated_intervals(
    rows: Sequence[Mapping[str, Any]], messages: pl.DataFrame, known: Iterable[str]
) -> list[Interval]:
    """Estimate the intervals of symbols that no row begins to cover, which are all in recordings of hftlab 0.1.

    A symbol counts as covered from its first to its last message, except from a disconnect to its next message, and
    from the message before a gap in its channel to the row of the gap. `messages` has the columns message, ts_recv,
    channel and symbol, one row a message and symbol, in the order of `message`; symbols in `known` are left out.
    """
    left_out = set(known)
    by_channel = {
        channel: (frame["message"].to_numpy(), frame["ts_recv"].to_numpy(), set(frame["symbol"].unique()))
        for (channel,), frame in messages.group_by("channel", maintain_order=True)
    }
    found: list[Interval] = []
    for (symbol,), frame in sorted(messages.group_by("symbol", maintain_order=True), key=lambda pair: str(pair[0][0])):
        name = str(symbol)
        if symbol is None or name in left_out:
            continue
        numbers, times = frame["message"].to_numpy(), frame["ts_recv"].to_numpy()
        state, last = _Symbol(), int(times[-1])
        state.begin(int(times[0]))
        for row in rows:
            if row["event"] == "disconnect":
                following = bisect_right(numbers, row["message"])
                until = int(times[following]) if following < len(times) else last
                state.uncovered.append(_Span(row["ts_recv"], until, "disconnect"))
            elif row["event"] == "gap" and row["ts_from"] is None and name in by_channel.get(row["channel"], _NONE)[2]:
                of_channel, at, _ = by_channel[row["channel"]]
                # The last message before the row is the one that showed the gap.
                before = bisect_right(of_channel, row["message"]) - 1
                earlier = bisect_right(of_channel, of_channel[before] - 1) - 1 if before >= 0 else -1
                if earlier >= 0:
                    state.uncovered.append(_Span(int(at[earlier]), row["ts_recv"], "gap"))
            elif (span := _blackout(row)) is not None and name in (row["symbols"] or (name,)):
                state.uncovered.append(span)
        found += _intervals(name, state, last, is_estimated=True)
    return found


_NONE: Final[tuple[Any, Any, set[str]]] = ((), (), set())


# --- results ---


def interval_table(intervals: Iterable[Interval]) -> pl.DataFrame:
    """Return intervals as a table: symbol, from, to (ns), covered, why (null where covered), estimated."""
    return pl.DataFrame(list(intervals), schema=INTERVALS, orient="row")


def coverage_table(intervals: pl.DataFrame) -> pl.DataFrame:
    """Sum up interval_table(): symbol, from, to (ns), share, uncovered (seconds), holes, estimated; a row a symbol."""
    length = pl.col("to") - pl.col("from")
    missing = length.filter(~pl.col("covered")).sum()
    return (
        intervals.group_by("symbol", maintain_order=True)
        .agg(
            pl.col("from").min(),
            pl.col("to").max(),
            missing.alias("missing"),
            (~pl.col("covered")).sum().cast(pl.Int64).alias("holes"),
            pl.col("estimated").first(),
        )
        .select(
            "symbol",
            "from",
            "to",
            pl.when(length > 0).then(1 - pl.col("missing") / length).otherwise(1.0).alias("share"),
            (pl.col("missing") / NANOSECONDS).alias("uncovered"),
            "holes",
            "estimated",
        )
    )


def holes(intervals: Iterable[Interval]) -> list[Hole]:
    """Return the moments at which intervals without coverage begin, in the order of time; alike ones are one."""
    found: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    for one in intervals:
        if not one.covered:
            found[one.start, one.why or ""].append(one.symbol)
    return [Hole(at, tuple(sorted(names)), why) for (at, why), names in sorted(found.items())]
