"""Captures that are written have the events and times of the batches, on every line."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from hftlab.events import F_LAST, EventBatch
from hftlab.venues import itch, pcap
from hftlab.venues.itch.capture_writer import LINES
from tests.venues.itch.streams import batches
from tests.venues.itch.test_run_sources import same_rows


def received(batch: EventBatch, day: int = 0) -> EventBatch:
    """The batch, each event of which was received later than it happened."""
    events = np.cumsum(np.concatenate([[0], batch.flags[:-1] & F_LAST > 0]))
    times = batch.ts_event + day
    return replace(batch, ts_event=times, ts_recv=np.maximum.accumulate(times + 1000 + events // 3))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(batches())
def test_what_is_written_is_read_again(tmp_path: Path, batch: EventBatch) -> None:
    sent, path = received(batch), tmp_path / "day.pcap"
    done = itch.write(path, sent, flows=LINES)
    found = EventBatch.concat(itch.read(path))
    same_rows(found, sent, "sequence", "instrument_id")
    assert done.bytes == path.stat().st_size


def test_a_capture_has_the_day_of_its_packets_and_ends_its_session(tmp_path: Path) -> None:
    batch = EventBatch.concat(itch.read(_plain(tmp_path)))
    day = 1_577_682_000 * 10**9  # 2019-12-30 in New York
    sent = received(batch, day)
    itch.write(tmp_path / "day.pcap.gz", [sent[:5], sent[:0], sent[5:]], session="MINE")
    reader = itch.read(tmp_path / "day.pcap.gz")
    same_rows(EventBatch.concat(reader), sent, "sequence")
    assert reader.sessions == ("MINE",)
    (whole,) = pcap.read(tmp_path / "day.pcap.gz")
    assert whole.payload(len(whole) - 1)[18:] == b"\xff\xff"
    assert gzip.decompress((tmp_path / "day.pcap.gz").read_bytes())


@pytest.mark.parametrize(
    ("name", "pcap_", "is_pcap"), [("a.pcap", None, True), ("a", True, True), ("a.pcap", False, False)]
)
def test_the_name_or_the_caller_decides(tmp_path: Path, name: str, pcap_: bool | None, is_pcap: bool) -> None:
    batch = EventBatch.concat(itch.read(_plain(tmp_path)))
    itch.write(tmp_path / name, batch, pcap=pcap_)
    assert (tmp_path / name).read_bytes().startswith(b"\x4d\x3c\xb2\xa1") == is_pcap


def _plain(folder: Path) -> Path:
    from tests.venues.look_alikes import ITCH_50

    (folder / "plain").write_bytes(ITCH_50)
    return folder / "plain"
