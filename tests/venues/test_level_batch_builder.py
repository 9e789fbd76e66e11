from __future__ import annotations

from hftlab.events import ASK, BID, CANCEL, F_LAST, F_MBP, MODIFY
from hftlab.instruments import UNIT
from hftlab.venues.level_batch_builder import BadNumber, EventHead, LevelBatchBuilder
from tests.batches import COIN, SHARE


def builder_of(*events: list[tuple[str, str]], instrument: int = 0) -> LevelBatchBuilder:
    """One event for each list of levels, in lines from 1 on."""
    builder = LevelBatchBuilder()
    builder.add_instrument(COIN)
    builder.add_instrument(SHARE)
    for line, levels in enumerate(events, 1):
        builder.add(EventHead(10 * line, 20 * line, line, line, instrument), MODIFY, BID, F_MBP, levels)
        builder.end(line)
    return builder


class TestTake:
    def test_converts_all_events_and_starts_anew(self) -> None:
        builder = builder_of([("1.01", "2"), ("1.02", "0")], [("3", "0.5")])
        batch, bad = builder.take()
        assert bad is None
        assert batch.price.tolist() == [1_010_000_000, 1_020_000_000, 3 * UNIT]
        assert batch.size.tolist() == [2000, 0, 500]
        assert batch.action.tolist() == [MODIFY, CANCEL, MODIFY]
        assert batch.flags.tolist() == [F_MBP, F_MBP | F_LAST, F_MBP | F_LAST]
        assert (batch.ts_event.tolist(), batch.ts_recv.tolist()) == ([10, 10, 20], [20, 20, 40])
        assert len(builder) == 0
        assert len(builder.take()[0]) == 0

    def test_an_event_without_levels_is_one_row(self) -> None:
        builder = builder_of()
        builder.add(EventHead(1, 2, 3, 4), MODIFY, ASK, 0)
        builder.end(4)
        batch, _ = builder.take()
        assert (batch.side.tolist(), batch.flags.tolist()) == ([ASK], [F_LAST])

    def test_stops_before_the_first_event_with_a_bad_number(self) -> None:
        batch, bad = builder_of([("1", "1")], [("2", "2"), ("1.005", "1")], [("x", "1")]).take()
        assert len(batch) == 1
        assert bad == BadNumber(2, COIN.symbol, "price", "1.005", COIN.tick)

    def test_sizes_are_lots_of_their_own_instrument(self) -> None:
        _, bad = builder_of([("1", "0.5")], instrument=1).take()
        assert bad == BadNumber(1, SHARE.symbol, "size", "0.5", SHARE.lot)
