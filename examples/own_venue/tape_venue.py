"""Decoder of a format of one's own, "tape": a line an event of an order, behind a first line that names the symbol.

    #tape AAPL
    1767364200000000000 add 17 buy 175.25 100

Its package names this module as an entry point (pyproject.toml), and `hftlab import` knows the format by looking.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

import hftlab as hl

what = "lines `<ns> <add|cancel|trade> <order> <buy|sell> <price> <size>` behind `#tape SYMBOL`"

COLUMNS = ["time", "action", "order_id", "side", "price", "size"]


def recognises(head: bytes) -> bool:
    """Tell a file by its beginning."""
    return head.startswith(b"#tape ")


def read(path: Path) -> Iterator[hl.EventBatch]:
    """Yield the events of a file; hftlab makes books, messages and a session of them."""
    first, *lines = path.read_text().splitlines()
    frame = pl.DataFrame([line.split() for line in lines], schema=COLUMNS, orient="row")
    yield hl.EventBatch.from_frame(frame.with_columns(pl.col("time").cast(pl.Int64)), instrument=first.split()[1])
