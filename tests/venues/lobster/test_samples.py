"""Both free LOBSTER samples: every line of the order book, through the compiled books.

Nasdaq, 2012-06-21: the first 999 messages of AAPL with ten levels, and the whole day of AMZN with five.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from hftlab.book import BookSet, Tops
from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, COLUMNS, F_LAST, FILL, NO_SIDE, NONE, EventBatch
from hftlab.instruments import Instrument
from hftlab.venues import lobster
from tests.shared_data import shared_data

IntArray = npt.NDArray[np.int64]

AAPL = "lobster/AAPL_2012-06-21_34200000_57600000_message_10.csv"
AMZN = "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"


class Truth(NamedTuple):
    """(lines, levels) each: ticks and lots of the order book."""

    bid_ticks: IntArray
    bid_lots: IntArray
    ask_ticks: IntArray
    ask_lots: IntArray


def truth_of(path: Path, instrument: Instrument) -> Truth:
    columns = (np.concatenate(parts) for parts in zip(*lobster.read_books(path), strict=True))
    bid_prices, bid_sizes, ask_prices, ask_sizes = columns
    return Truth(bid_prices // instrument.tick, bid_sizes, ask_prices // instrument.tick, ask_sizes)


def equal_levels(tops: Tops, truth: Truth) -> npt.NDArray[np.bool_]:
    """(lines, levels): where price and size of both sides are the order book's."""
    pairs = (getattr(tops, name) == values for name, values in truth._asdict().items())
    return np.logical_and.reduce(list(pairs))


class Changes(NamedTuple):
    """What each message does to the book, straight from the file: A, C, or N."""

    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: IntArray
    size: IntArray


def raw_messages(path: Path) -> npt.NDArray[np.float64]:
    """The file's own numbers, read without hftlab."""
    content = path.read_bytes()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            (member,) = (name for name in archive.namelist() if "_message_" in name)
            content = archive.read(member)
    return pl.read_csv(content, has_header=False, schema={str(n): pl.Float64 for n in range(6)}).to_numpy()


def changes_of(path: Path) -> Changes:
    _, kind, _, size, price, direction = raw_messages(path).astype(np.int64).T
    action = np.select([kind == 1, kind <= 4], [ADD, CANCEL], NONE).astype(np.uint8)
    return Changes(action, np.where(direction > 0, BID, ASK).astype(np.uint8), price * 100_000, size)


@pytest.mark.parametrize(
    ("name", "lines", "follow_directly", "with_a_reveal"),
    [(AAPL, 998, 680, 318), (AMZN, 155_934, 122_094, 33_840)],
)
def test_every_line_follows_from_the_line_before_and_the_message(
    name: str, lines: int, follow_directly: int, with_a_reveal: int
) -> None:
    """Each line on its own: a book is cleared, set to the line before, and given the message.

    What comes out is the line, or the line but for its last level, which came in from below: no third case.
    """
    path = shared_data(name)
    instrument = lobster.read(path).instrument
    truth, changes = truth_of(path, instrument), changes_of(path)
    checked = direct = revealed = 0
    for start in range(0, lines, 20_000):
        stop = min(start + 20_000, lines)
        before = Truth(*(column[start:stop] for column in truth))
        after = Truth(*(column[start + 1 : stop + 1] for column in truth))
        batch = lines_as_events(before, Changes(*(column[start + 1 : stop + 1] for column in changes)), instrument)
        tops = BookSet().trace(batch, after.bid_lots.shape[1])
        equal = equal_levels(tops, after).all(axis=1)
        checked += len(equal)
        direct += int(equal.sum())
        revealed += int((~equal & is_reveal(tops, after)).sum())
    assert (checked, direct, revealed) == (lines, follow_directly, with_a_reveal)
    assert direct + revealed == checked


def lines_as_events(before: Truth, changes: Changes, instrument: Instrument) -> EventBatch:
    """For each line an R, an A for each level of the line before (an N for none), and the message; F_LAST on that.

    One order stands for a level, whose id says side and price; an order that is added joins it.
    """
    count, levels = before.bid_lots.shape
    rows = {name: np.zeros((count, 2 * levels + 2), dtype) for name, dtype in COLUMNS.items()}
    prices = np.concatenate([before.bid_ticks, before.ask_ticks], axis=1) * instrument.tick
    sizes = np.concatenate([before.bid_lots, before.ask_lots], axis=1)
    rows["action"][:, 0], rows["side"][:, 0] = CLEAR, NO_SIDE
    rows["action"][:, 1:-1] = np.where(sizes > 0, ADD, NONE)
    rows["side"][:, 1:-1] = np.repeat(np.array([BID, ASK], np.uint8), levels)
    rows["price"][:, 1:-1], rows["size"][:, 1:-1] = prices, sizes
    for name, values in changes._asdict().items():
        rows[name][:, -1] = values
    rows["order_id"][:] = 2 * rows["price"].astype(np.uint64) + (rows["side"] == ASK) + 1
    rows["order_id"][changes.action == ADD, -1] += np.uint64(1 << 62)
    rows["flags"][:, -1] = F_LAST
    return EventBatch(**{name: values.ravel() for name, values in rows.items()}, instruments=(instrument,))


def is_reveal(tops: Tops, truth: Truth) -> npt.NDArray[np.bool_]:
    """Where all is equal, except that a side that lacks its last level has one in the order book."""
    good = np.ones(len(truth.bid_lots), np.bool_)
    for name in ("bid", "ask"):
        ticks, lots = getattr(tops, f"{name}_ticks"), getattr(tops, f"{name}_lots")
        true_ticks, true_lots = getattr(truth, f"{name}_ticks"), getattr(truth, f"{name}_lots")
        equal = (ticks == true_ticks) & (lots == true_lots)
        good &= equal[:, :-1].all(axis=1) & (equal[:, -1] | (lots[:, -1] == 0))
    return good


class TestWholeReconstruction:
    @pytest.mark.parametrize(
        ("name", "lines", "revealed", "fell_out"), [(AAPL, 999, 318, 328), (AMZN, 155_935, 33_840, 35_386)]
    )
    def test_with_reveals_every_level_of_every_line_is_right(
        self, name: str, lines: int, revealed: int, fell_out: int
    ) -> None:
        """Nothing is corrected: what is taken from the order book came in from below, and goes out of sight."""
        reader = lobster.read(shared_data(name))
        equal, books = compared(reader)
        assert (len(equal), int(equal.all(axis=1).sum())) == (lines, lines)
        stats = reader.stats
        assert (stats.messages, stats.revealed, stats.fell_out, stats.corrected) == (lines, revealed, fell_out, 0)
        assert (stats.unknown_orders, stats.differing_sizes, stats.repeated_orders) == (0, 0, 0)
        assert not books[reader.instrument].anomalies

    @pytest.mark.parametrize(("name", "best", "all_levels", "unknown"), [(AAPL, 955, 113, 4), (AMZN, 1_436, 90, 8_476)])
    def test_from_the_first_line_alone_it_drifts(self, name: str, best: int, all_levels: int, unknown: int) -> None:
        """Of 999 and 155,935 lines: the files do not tell what happens out of sight, so that stale orders pile up."""
        reader = lobster.read(shared_data(name), follow=False)
        equal, _ = compared(reader)
        assert (int(equal[:, 0].sum()), int(equal.all(axis=1).sum())) == (best, all_levels)
        assert reader.stats.unknown_orders == unknown


def compared(reader: lobster.Reader) -> tuple[npt.NDArray[np.bool_], BookSet]:
    """(lines, levels): which levels of the books made by the reader are the order book's, and the books at the end."""
    truth = truth_of(reader.path, reader.instrument)
    books, equal = BookSet(), np.zeros(truth.bid_lots.shape, np.bool_)
    for batch in reader:
        tops = books.trace(batch, truth.bid_lots.shape[1])
        lines = batch.sequence[tops.rows] - 1
        if lines[0] >= 0:
            equal[lines] = equal_levels(tops, Truth(*(column[lines] for column in truth)))
    return equal, books


def test_messages_by_type() -> None:
    for name, types in (
        (AAPL, {"1": 471, "3": 369, "4": 98, "5": 61}),
        (AMZN, {"1": 77_381, "2": 450, "3": 66_685, "4": 8_974, "5": 2_445}),
    ):
        reader = lobster.read(shared_data(name))
        shares = sum(int(batch.size[batch.action == FILL].sum()) for batch in reader)
        assert reader.stats.types == types
        assert shares == visible_shares(reader.path)


def visible_shares(path: Path) -> int:
    messages = raw_messages(path)
    return int(messages[messages[:, 1] == 4, 3].sum())
