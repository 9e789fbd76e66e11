"""The demo: simulate, serve, record, replay, compare and report in one run, without a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from hftlab import analysis
from hftlab.client import LatencyHistogram, Metrics
from hftlab.clock import in_words, wall_time
from hftlab.lab import connect, record, serve
from hftlab.protocol import DataType, MarketData, MarketDataSymbol
from hftlab.report import Comparison, Pictures, compare, write_report
from hftlab.report.comparison import Gap
from hftlab.session import Session
from hftlab.simulator import Exchange
from hftlab.version import __version__

__all__ = ["Demo", "run_demo"]

EVERYTHING: Final = (DataType.QUOTES, DataType.TRADES, DataType.ORDER_BOOK, DataType.STATISTICS)


class Demo(NamedTuple):
    """Result of a run: what the comparison has found, the session, and the page that shows both."""

    session: Session
    report: Path
    comparison: Comparison
    json_bytes: int
    latency: LatencyHistogram


def run_demo(
    folder: Path, *, seconds: float = 10.0, speed: float = 10.0, seed: int = 7, step: Callable[[str], object] = str
) -> Demo:
    """Record `seconds` of the simulated exchange into `folder`/session, replay it `speed` times as fast, and compare.

    `step` is called with the name of each step. A session of an earlier run in that folder is replaced.
    """
    step(f"recording {seconds:g} s of the simulated exchange")
    session, metrics, pictures = _record(folder / "session", seconds, seed)
    step(f"replaying at {speed:g}x")
    gaps = _gaps(session)
    # What the client has missed is missing from the recording as well, but for the end of the stream.
    lost = max(sum(gap.missing for gap in gaps), metrics.messages_lost)
    comparison = compare(_recorded(session), _replayed(session, speed), lost=lost, gaps=gaps)
    step("writing the report")
    facts = {
        "recorded": in_words(wall_time())[: len("2026-01-02 03:04")] + " UTC",
        "hftlab": __version__,
        "seed": str(seed),
        "again with": f"hftlab demo --seed {seed} --seconds {seconds:g}",
    }
    return Demo(
        session=session,
        report=write_report(folder / "report.html", session, pictures, comparison, facts),
        comparison=comparison,
        json_bytes=metrics.bytes_received,
        latency=metrics.latency["network"],
    )


def _gaps(session: Session) -> list[Gap]:
    rows = analysis.sequence_gaps(session.market_data).filter(pl.col("missing") > 0)
    return [Gap(*row) for row in rows.select(*Gap._fields).collect().rows()]


def _record(folder: Path, seconds: float, seed: int) -> tuple[Session, Metrics, Pictures]:
    with serve(Exchange(seed), port=0) as server, connect(server.url) as client:
        recording = record(client, folder, overwrite=True)
        client.subscribe(client.offered_symbols, data_types=EVERYTHING, frequency=0)
        # The exchange sends ten times a second, so the number of messages is a measure of the time.
        client.messages(count=round(seconds * 10), timeout=seconds * 3)
        session = recording.stop()
        return session, client.metrics, Pictures.of(client, next(iter(session.manifest.symbols), ""))


def _recorded(session: Session) -> list[list[MarketDataSymbol]]:
    source = session.replay(float("inf"))
    contents = []
    while (at := source.next_time()) is not None:
        contents += [message.symbols for message in source.advance(at) if isinstance(message, MarketData)]
    return contents


def _replayed(session: Session, speed: float) -> list[list[MarketDataSymbol]]:
    with serve(session.replay(speed), port=0) as server, connect(server.url) as client:
        client.subscribe(session.manifest.symbols, data_types=EVERYTHING, frequency=0, wait=0)
        client.wait_for_replay(timeout=60 + 3 * session.duration / speed)
        return [message.symbols for message in client.messages() if isinstance(message, MarketData)]
