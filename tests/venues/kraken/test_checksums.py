from __future__ import annotations

import numpy as np

from hftlab.book import BookSet
from hftlab.events import ADD, ASK, BID, F_LAST, F_MBP, EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.venues import kraken


def test_is_that_of_krakens_own_example() -> None:
    """Kraken, "WebSocket API v1", Book checksum: ten levels a side of 0.00000500, there is no 0.04985: 974947235.

    An eleventh level on each side must not count.
    """
    asks = [5_005 + 5 * level for level in range(11)]
    bids = [5_000, 4_995, 4_990, *(4_980 - 5 * level for level in range(8))]
    tick, lot = UNIT // 10**5, 10
    count = len(asks) + len(bids)
    zeros = np.zeros(count, np.int64)
    batch = EventBatch(
        ts_event=zeros,
        ts_recv=zeros,
        sequence=zeros,
        instrument_id=zeros,
        order_id=zeros,
        action=np.full(count, ADD, np.uint8),
        side=np.repeat(np.array([ASK, BID], np.uint8), len(asks)),
        price=np.array(asks + bids) * tick,
        size=np.full(count, 500),
        flags=np.full(count, F_MBP | F_LAST, np.uint8),
        instruments=(Instrument("A/B", kraken.KRAKEN, tick, lot, "B"),),
    )
    books = BookSet()
    books.apply(batch)
    assert kraken.checksum(books["A/B"]) == 974947235
