"""A session's market as rows, or why it has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.backtest.market_rows import market_rows
from hftlab.errors import SessionError
from hftlab.events import F_LAST
from tests.backtest.recorded_blocks import all_blocks
from tests.backtest.test_event_rows import write
from tests.batches import COIN, SHARE, Row, make_batch
from tests.session.sessions import write_session

BATCH = make_batch(
    [Row("A", "B", 100, 5, F_LAST, 0, order=1), Row("A", "B", 100, 5, F_LAST, 1, order=1)], [COIN, SHARE]
)


class TestEvents:
    def test_all_symbols_or_some(self, tmp_path: Path) -> None:
        session = write(tmp_path / "session", [BATCH])
        (block,) = all_blocks(market_rows(session))
        assert block.batch.instrument_id.tolist() == [0, 1]
        (block,) = all_blocks(market_rows(session, "SHARE"))
        assert block.batch.instrument_id.tolist() == [1]

    def test_an_unknown_symbol_is_an_error_that_names_the_nearest(self, tmp_path: Path) -> None:
        session = write(tmp_path / "session", [BATCH])
        with pytest.raises(SessionError, match=r"SHARD.*SHARE"):
            market_rows(session, ["COIN", "SHARD"])


def test_a_session_without_a_market_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="nothing to fill orders from"):
        market_rows(write_session(tmp_path / "session", []))
