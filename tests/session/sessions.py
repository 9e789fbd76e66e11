"""Helpers that write small sessions and read them back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from hftlab.protocol import MarketData, Message
from hftlab.session import Session, SessionWriter, open_session
from hftlab.session.lock import SessionLock
from hftlab.source import timed
from tests.protocol.conftest import market_data, symbol
from tests.strategies import nanoseconds

Received = tuple[int, Message]


def numbered(number: int) -> MarketData:
    """Message whose id, price and volume are its number."""
    return market_data(symbol(price=1.0 + number, volume=float(number)), id=f"md_{number}")


def write_session(folder: Path, received: Iterable[Received], *, segment_bytes: int | None = None) -> Session:
    """Record messages at their times, into one part a table or into one for every `segment_bytes` of the journal."""
    writer = SessionWriter(folder, source={"name": "test"}, segment_bytes=segment_bytes or 0)
    for ts_recv, message in received:
        writer.append(message, ts_recv)
        if segment_bytes is not None:
            writer.commit()
    writer.close()
    return open_session(folder)


def replayed(session: Session) -> list[Received]:
    """Return all messages of a replay, each with the next_time() that announced it."""
    source = session.replay(float("inf"))
    received: list[Received] = []
    while (at := source.next_time()) is not None:
        due = timed(source.advance(at), at)
        assert all(item.at == at for item in due)
        received += [(at, item.message) for item in due]
    return received


def kill(writer: SessionWriter) -> None:
    """Leave a writer as the end of its process does: its files are closed, and nothing is deleted."""
    writer._journal.abandon()
    for lock in writer._locks:
        let_go(lock)


def let_go(lock: SessionLock) -> None:
    """Close the file of a lock, as the end of its process does."""
    for descriptor in lock.descriptors():
        os.close(descriptor)
    lock._descriptor = None


def crashed(writer: SessionWriter, folder: Path) -> Path:
    """Copy what would be on disk if the process ended now, then close the writer properly."""
    shutil.copytree(writer.folder, folder)
    writer.close()
    return folder


def receptions(messages: SearchStrategy[Message], max_size: int = 8) -> SearchStrategy[list[Received]]:
    """Draw messages with times that never decrease."""
    pairs = st.lists(st.tuples(nanoseconds(), messages), max_size=max_size)
    return pairs.map(lambda drawn: list(zip(sorted(at for at, _ in drawn), (one for _, one in drawn), strict=True)))
