"""Short recordings of Kraken for the tests of its native wire, and the checksums that the venue gave."""

from __future__ import annotations

import gzip
import json
from itertools import islice
from pathlib import Path

from hftlab.ingest import import_capture
from hftlab.session import Session
from tests.shared_data import shared_data
from tests.venues.kraken_captures import snapshot, update, write_capture

__all__ = ["CAPTURE", "cut_capture", "imported", "small_session", "venue_checksums"]

CAPTURE = "kraken/book1000_20210417.gz"


def cut_capture(folder: Path, lines: int) -> Path:
    """Write the first lines of the real capture, of API v1."""
    path = folder / "kraken.txt"
    with gzip.open(shared_data(CAPTURE), "rb") as capture:
        path.write_bytes(b"".join(islice(capture, lines)))
    return path


def imported(folder: Path, lines: int = 700) -> Session:
    """Import the first lines of the real capture."""
    return import_capture("kraken", cut_capture(folder, lines), folder / "session").session


def venue_checksums(path: Path) -> dict[str, list[int]]:
    """Return the checksums of each pair in a capture of API v1, by its v2 symbol, in their order."""
    found: dict[str, list[int]] = {}
    for line in path.read_bytes().splitlines():
        _, _, text = line.partition(b": ")
        if not text.startswith(b"["):
            continue
        *parts, _, pair = json.loads(text)
        told = [int(part["c"]) for part in parts if isinstance(part, dict) and "c" in part]
        found.setdefault(pair.replace("XBT", "BTC"), []).extend(told)
    return found


def small_session(folder: Path, updates: int = 6) -> Session:
    """Make a session of XBT/EUR: a book of two levels a side, and updates of the best bid, one a second."""
    messages = [snapshot({"100.1": "2.00", "100.0": "3.00"}, {"100.2": "1.50", "100.3": "4.00"})]
    messages += [update({"100.1": f"{at}.50"}, {}, second=at) for at in range(2, updates + 2)]
    path = write_capture(folder / "small.txt", *messages)
    return import_capture("kraken", path, folder / "small").session
