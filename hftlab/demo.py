"""The demo: simulate, serve, record, replay, compare and report in one run, without a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from hftlab import analysis
from hftlab.client import LatencyHistogram
from hftlab.lab import LabClient, connect, record, serve
from hftlab.protocol import DataType, MarketData, MarketDataSymbol
from hftlab.report import write_report
from hftlab.session import Session
from hftlab.simulator import Exchange

__all__ = ["Demo", "run_demo"]

EVERYTHING: Final = (DataType.QUOTES, DataType.TRADES, DataType.ORDER_BOOK, DataType.STATISTICS)


class Demo(NamedTuple):
    """Result of a run: `lost` counts sequences missing in the live stream, `differing` the replayed messages that are
    missing or not equal to the recorded ones."""

    session: Session
    report: Path
    recorded: int
    replayed: int
    lost: int
    differing: int
    json_bytes: int
    latency: LatencyHistogram

    @property
    def is_perfect(self) -> bool:
        """True if something was recorded, nothing was lost, and the replay equals the recording."""
        return self.recorded > 0 and not self.lost and not self.differing


def run_demo(
    folder: Path, *, seconds: float = 10.0, speed: float = 10.0, seed: int = 7, step: Callable[[str], object] = str
) -> Demo:
    """Record `seconds` of the simulated exchange into `folder`/session, replay it `speed` times as fast, and compare.

    `step` is called with the name of each step. A session of an earlier run in that folder is replaced.
    """
    step(f"recording {seconds:g} s of the simulated exchange")
    session, client = _record(folder / "session", seconds, seed)
    step(f"replaying at {speed:g}x")
    recorded = _recorded(session)
    replayed = _replayed(session, speed)
    step("writing the report")
    report = write_report(folder / "report.html", session, client)
    missing = analysis.sequence_gaps(session.market_data).select(pl.col("missing").sum()).collect().item()
    return Demo(
        session=session,
        report=report,
        recorded=len(recorded),
        replayed=len(replayed),
        lost=int(missing or 0) + client.metrics.messages_lost,
        differing=_differing(recorded, replayed),
        json_bytes=client.metrics.bytes_received,
        latency=client.metrics.latency["network"],
    )


def _record(folder: Path, seconds: float, seed: int) -> tuple[Session, LabClient]:
    with serve(Exchange(seed), port=0) as server, connect(server.url) as client:
        recording = record(client, folder, overwrite=True)
        client.subscribe(client.offered_symbols, data_types=EVERYTHING, frequency=0)
        # The exchange sends ten times a second, so the number of messages is a measure of the time.
        client.messages(count=round(seconds * 10), timeout=seconds * 3)
        return recording.stop(), client


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


def _differing(recorded: list[list[MarketDataSymbol]], replayed: list[list[MarketDataSymbol]]) -> int:
    unequal = sum(one != other for one, other in zip(recorded, replayed, strict=False))
    return unequal + abs(len(recorded) - len(replayed))
