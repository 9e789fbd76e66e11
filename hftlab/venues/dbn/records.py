"""Records of Databento's schemas as columns, whatever they were read from.

Source: Databento, "Databento Binary Encoding" and the pages of the schemas mbo, mbp-1, mbp-10, tbbo, trades and bbo.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import NONE

__all__ = ["RTYPES", "UNDEFINED_PRICE", "Kind", "Levels", "Records", "cleaned"]

Array = npt.NDArray[Any]
Kind = Literal["mbo", "trades", "mbp", "bbo"]

RTYPES: Final[dict[int, Kind]] = {0xA0: "mbo", 0x00: "trades", 0x01: "mbp", 0x0A: "mbp", 0xC3: "bbo", 0xC4: "bbo"}
"""Types of records that are read: mbo, trades, mbp-1 (tbbo too), mbp-10, and bbo of a second and a minute."""

UNDEFINED_PRICE: Final = 2**63 - 1
_LATEST: Final = np.uint64(2**63 - 1)
_ACTIONS: Final = list(b"ACMRTFN")
_SIDES: Final = list(b"BAN")


class Levels(NamedTuple):
    """Best levels after each record: price (1e-9) and size, (records, 2 sides with the bids first, levels)."""

    prices: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]


class Records(NamedTuple):
    """Records of one kind: columns as EventBatch names them, but instrument_id is Databento's.

    `symbols` are those of a CSV file that has them.
    """

    kind: Kind
    columns: dict[str, Array]
    levels: Levels | None
    symbols: list[str] | None = None

    def __len__(self) -> int:
        return len(self.columns["ts_event"])


def cleaned(columns: dict[str, Array]) -> dict[str, Array]:
    """Return columns of EventBatch's types: undefined times are ts_recv, undefined prices 0, unknown letters N."""
    ts_recv, ts_event = columns["ts_recv"].astype(np.uint64), columns["ts_event"].astype(np.uint64)
    ts_recv = np.where(ts_recv > _LATEST, ts_event, ts_recv)
    ts_event = np.where(ts_event > _LATEST, ts_recv, ts_event)
    action, side = columns["action"].astype(np.uint8), columns["side"].astype(np.uint8)
    price = columns["price"].astype(np.int64)
    return {
        "ts_event": ts_event.astype(np.int64),
        "ts_recv": ts_recv.astype(np.int64),
        "sequence": columns["sequence"].astype(np.int64),
        "instrument_id": columns["instrument_id"].astype(np.int64),
        "order_id": columns["order_id"].astype(np.uint64),
        "action": np.where(np.isin(action, _ACTIONS), action, np.uint8(NONE)),
        "side": np.where(np.isin(side, _SIDES), side, np.uint8(ord("N"))),
        "price": np.where(price == UNDEFINED_PRICE, 0, price),
        "size": columns["size"].astype(np.int64),
        "flags": columns["flags"].astype(np.uint8),
    }
