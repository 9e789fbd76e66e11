"""The queue positions' state, and the frame of bytes in which it travels to the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from hftlab.clock import to_milliseconds
from hftlab.protocol.enums import OrderStatus
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.queue.track import Track

__all__ = ["outcome", "pack_queue"]

VERSION: Final = 1
DIGITS: Final = 9


def pack_queue(tracks: Sequence[Track], scales: Mapping[str, Scale]) -> bytes:
    """Pack tracks as JSON, the newest first: their points are [ms since `from`, most, likely, least, own size]."""
    return msgspec.json.encode(
        {"version": VERSION, "tracks": [_track(one, scales) for one in reversed(tracks) if one.points]}
    )


def outcome(track: Track) -> str:
    """Outcome of an order: resting, filled, canceled, expired, or changed."""
    if track.ended is None:
        return "resting"
    record = track.record
    return record.status.lower() if record.is_final else "changed"


def _track(track: Track, scales: Mapping[str, Scale]) -> dict[str, Any]:
    record = track.record
    start = track.points[0].time
    return {
        "id": record.client_order_id,
        "symbol": record.symbol,
        "side": record.side,
        "price": record.price,
        "decimals": scales[record.symbol].price_decimals if record.symbol in scales else 2,
        "quantity": record.quantity,
        "outcome": outcome(track),
        "from": to_milliseconds(start),
        "filled": record.status is OrderStatus.FILLED,
        "points": [
            [(point.time - start) // 1_000_000, *(round(value, DIGITS) for value in point[1:])]
            for point in track.points
        ],
    }
