"""Sessions that end earlier than others."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hftlab.events import EventBatch
from hftlab.instruments import Instrument
from hftlab.session import Session, open_session
from hftlab.session.event_table import EventTable
from hftlab.session.writer import SessionWriter
from tests.session.sessions import replayed


def cut(session: Session, until: int, folder: Path) -> Session:
    """Write what a session had received up to a time (ns) as one of its own."""
    source = session.manifest.source
    writer = SessionWriter(folder, source=source)
    for at, message in replayed(session):
        if at <= until:
            writer.append(message, at)
    if "events" in session.manifest.tables:
        instruments = [Instrument.from_dict(one) for one in source["instruments"]]
        rows = session.events.filter(pl.col("ts_recv") <= until).drop("symbol").collect()
        table = EventTable(writer)
        table.add(EventBatch.from_polars(rows, instruments))
        table.flush()
    writer.close()
    return open_session(folder)
