"""Generated order flow as segments of IEX's DEEP+, which hftlab itself does not write."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from hftlab.events import ADD, BID, CANCEL, FILL, EventBatch
from hftlab.instruments import UNIT
from hftlab.venues.binary_layouts import Layout
from hftlab.venues.iex.layouts import FORMAT, HEADER, LAYOUTS, PROTOCOLS
from hftlab.venues.iex.segment_headers import HEADER_SIZE, LENGTH_SIZE
from hftlab.venues.message_columns import encode_frame
from hftlab.venues.pcap import Datagrams, Flow, PcapWriter

__all__ = ["write_deep_plus"]

IntArray = npt.NDArray[np.int64]

_FLOW: Final = Flow("192.0.2.1", 10_378, "233.252.0.4", 10_378)


def write_deep_plus(path: Path, flow: EventBatch) -> None:
    """Write the rows of `order_flow()` as a packet capture: a segment for the rows of one `ts_recv`."""
    rows = np.flatnonzero((flow.action == ADD) | (flow.action == CANCEL))
    kinds, sizes = _kinds(flow, rows)
    lengths = np.array([LENGTH_SIZE + LAYOUTS[kind].size if kind in LAYOUTS else 0 for kind in map(chr, range(256))])
    received = flow.ts_recv[rows]
    first = np.append(0, np.flatnonzero(np.diff(received)) + 1)
    is_first = np.zeros(len(rows), np.int64)
    is_first[first] = 1
    ends = np.cumsum(lengths[kinds] + HEADER_SIZE * is_first)
    stops = np.append(ends[first[1:] - 1], ends[-1])
    starts = np.append(0, stops[:-1])
    data = np.zeros(ends[-1], np.uint8)
    for letter in "aMRL":
        own = kinds == ord(letter)
        _put(data, LAYOUTS[letter], ends[own] - LAYOUTS[letter].size, _fields(flow, letter, rows[own], sizes[own]))
    _put_headers(data, starts, stops, np.diff(np.append(first, len(rows))), first + 1, received[first])
    with PcapWriter(path) as writer:
        flows = np.zeros(len(first), np.int32)
        writer.write(Datagrams(data, received[first], starts, stops, flows, (_FLOW,)))


def _kinds(flow: EventBatch, rows: IntArray) -> tuple[npt.NDArray[np.uint8], IntArray]:
    """Return the type of each message: added, executed, deleted, or modified to the size that is returned."""
    action, size = flow.action[rows], flow.size[rows]
    signed = pl.DataFrame({"order": flow.order_id[rows], "size": np.where(action == ADD, size, -size)})
    left = signed.select(pl.col("size").cum_sum().over("order")).to_series().to_numpy()
    is_executed = flow.action[rows - 1] == FILL
    kinds = np.where(left == 0, ord("R"), ord("M"))
    kinds[is_executed] = ord("L")
    kinds[action == ADD] = ord("a")
    return kinds.astype(np.uint8), np.where(kinds == ord("M"), left, size)


def _fields(flow: EventBatch, letter: str, rows: IntArray, sizes: IntArray) -> dict[str, Any]:
    """Return the columns of messages of one type; a modified order keeps its place."""
    symbols = np.array([one.symbol for one in flow.instruments])
    return {
        "message_type": np.full(len(rows), letter),
        "side": np.where(flow.side[rows] == BID, "8", "5"),
        "modify_flags": np.ones(len(rows), np.int64),
        "timestamp": flow.ts_event[rows],
        "symbol": symbols[flow.instrument_id[rows]],
        "order_id": flow.order_id[rows],
        "order_id_reference": flow.order_id[rows],
        "size": sizes,
        "price": flow.price[rows] / UNIT,
        "trade_id": rows,
    }


def _put_headers(
    data: npt.NDArray[np.uint8], starts: IntArray, stops: IntArray, counts: IntArray, numbers: IntArray, sent: IntArray
) -> None:
    payloads = stops - starts - HEADER_SIZE
    columns = {
        "version": np.ones(len(starts), np.int64),
        "message_protocol_id": np.full(len(starts), PROTOCOLS["deep+"]),
        "channel_id": np.ones(len(starts), np.int64),
        "session_id": np.ones(len(starts), np.int64),
        "payload_length": payloads,
        "message_count": counts,
        "stream_offset": np.cumsum(payloads) - payloads,
        "first_message_sequence_number": numbers,
        "send_time": sent,
    }
    _put(data, HEADER, starts, columns, length=False)


def _put(
    data: npt.NDArray[np.uint8], layout: Layout, at: IntArray, columns: dict[str, Any], *, length: bool = True
) -> None:
    """Write one message for each row of some columns, behind its length; fields that are not there are 0 or blank."""
    blank = {field.name: np.full(len(at), "" if field.is_text else 0) for field in layout.fields}
    frame = pl.DataFrame({name: columns.get(name, values) for name, values in blank.items()})
    data[at[:, None] + np.arange(layout.size)] = encode_frame(layout, FORMAT.order, frame)
    if length:
        data[at - LENGTH_SIZE] = layout.size
