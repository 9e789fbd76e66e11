"""Short ways to write event arrays as other programs make them, without anything of hftlab in `ival` and `fval`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hftlab.events import EventBatch
from hftlab.instruments import UNIT
from hftlab.venues import hftbacktest
from hftlab.venues.hftbacktest import event_format as form

BOTH = form.EXCH | form.LOCAL
BID, ASK = form.BUY, form.SELL


Rows = list[tuple[str, str, float, float, int]]


class Event(NamedTuple):
    """One row: the kind with its side, price, quantity; times in ms, the second of both by default the first + 1."""

    ev: int
    px: float = 0.0
    qty: float = 0.0
    order: int = 0
    exch: int = 1
    local: int = 0
    ival: int = 0
    clocks: int = BOTH


def make_array(*events: Event) -> Any:
    array = np.zeros(len(events), form.EVENT_DTYPE)
    for row, one in zip(array, events, strict=True):
        row["ev"], row["px"], row["qty"] = one.ev | one.clocks, one.px, one.qty
        row["order_id"], row["ival"] = one.order, one.ival
        row["exch_ts"], row["local_ts"] = one.exch * 1_000_000, (one.local or one.exch + 1) * 1_000_000
    return array


def write_array(path: Path, *events: Event) -> Path:
    """Write an .npz, or an .npy if that is the ending."""
    if path.suffix == ".npy":
        np.save(path, make_array(*events))
    else:
        np.savez_compressed(path, data=make_array(*events))
    return path


def read_rows(path: Path, *events: Event, **options: Any) -> Rows:
    """The action, side, price, size and flags of each row that a file of these events gives."""
    batch = EventBatch.concat(hftbacktest.read(write_array(path, *events), **options))
    instrument = batch.instruments[0]
    letters = ((chr(action), chr(side)) for action, side in zip(batch.action, batch.side, strict=True))
    numbers = zip(batch.price.tolist(), batch.size.tolist(), batch.flags.tolist(), strict=True)
    return [
        (*pair, price / UNIT, float(instrument.size(size)), flags)
        for pair, (price, size, flags) in zip(letters, numbers, strict=True)
    ]
