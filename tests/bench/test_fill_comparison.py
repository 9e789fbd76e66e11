"""The same orders in hftbacktest and in the fill core: every difference has its reason."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from hftlab.backtest import FillModel
from hftlab.backtest.blocks import MarketRows
from hftlab.backtest.collapsed_rows import CollapsedRows
from hftlab.backtest.market_rows import market_rows
from hftlab.bench.fill_comparison import Comparison, compare_fills
from hftlab.errors import HftlabError
from hftlab.ingest import import_capture
from tests.backtest.recorded_days import orders
from tests.shared_data import shared_data

needs_peer = pytest.mark.skipif(
    importlib.util.find_spec("hftbacktest") is None,
    reason="needs hftbacktest: pip install --no-deps 'hftbacktest>=2.4.4'",
)


def simulated(seconds: float) -> MarketRows:
    return CollapsedRows(market_rows(orders(seconds)))


def check(found: Comparison) -> None:
    """All orders fill alike, or have a reason; many are alike."""
    assert "unexplained" not in found.reasons
    assert found.same + sum(found.reasons.values()) == found.orders
    assert found.same > found.orders / 3
    assert min(found.filled, found.filled_by_peer) > 0


@needs_peer
@pytest.mark.parametrize(
    ("model", "seconds"), [("power(2)", 30), *(pytest.param(name, 300, marks=pytest.mark.soak) for name in
    ("risk_averse", "power(2)", "power2(3)", "power3(3)"))],
)  # fmt: skip
def test_on_the_simulated_exchange(model: str, seconds: float) -> None:
    found = compare_fills(simulated(seconds), FillModel.parse(model), lots=100)
    check(found)
    assert any("whole" in reason for reason in found.reasons)


@needs_peer
@pytest.mark.soak
@pytest.mark.parametrize("model", ["risk_averse", "power(2)"])
@pytest.mark.parametrize(
    ("format_name", "name", "lots"),
    [
        ("lobster", "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip", 100),
        ("binance", "binance/usdm_btcusdt_20240808.gz", 50),
    ],
)
def test_on_real_captures(model: str, format_name: str, name: str, lots: int, tmp_path: Path) -> None:
    rows = market_rows(import_capture(format_name, shared_data(name), tmp_path / "session").session)
    check(compare_fills(CollapsedRows(rows) if rows.holds(0) == "orders" else rows, FillModel.parse(model), lots=lots))


def test_without_the_peer_it_says_which_and_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hftbacktest", None)
    with pytest.raises(HftlabError, match="hftbacktest, which is not installed: pip install --no-deps 'hftbacktest"):
        compare_fills(simulated(20), FillModel("risk_averse"), lots=100)
