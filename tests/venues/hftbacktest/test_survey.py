from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.errors import CaptureError
from hftlab.instruments import UNIT, find_instrument
from hftlab.venues.hftbacktest import detect_instrument
from hftlab.venues.hftbacktest import event_format as form
from tests.venues.hftbacktest.arrays import BID, Event, write_array


def level(price: float, size: float) -> Event:
    return Event(form.DEPTH | BID, price, size)


def test_tick_and_lot_have_the_decimals_of_the_numbers(tmp_path: Path) -> None:
    """Also those that a computer has computed."""
    path = write_array(tmp_path / "zzt-perp.npz", level(0.1 + 0.2, 1e5), level(1e6 + 0.7, 0.125), level(5, 0))
    found = detect_instrument(path)
    assert (found.symbol, found.venue.name, found.currency) == ("ZZT", "HFTBACKTEST", "")
    assert (found.tick, found.lot) == (UNIT // 10, UNIT // 1000)
    assert detect_instrument(path, "ABC").symbol == "ABC"


def test_trades_and_clearings_do_not_make_the_tick_finer(tmp_path: Path) -> None:
    trade = Event(form.TRADE | BID, 1.00005, 0.5)
    path = write_array(tmp_path / "zzt.npz", level(1.5, 2.0), trade, Event(form.DEPTH_CLEAR | BID, 1.55555))
    assert (detect_instrument(path).tick, detect_instrument(path).lot) == (UNIT // 10, UNIT // 10)
    assert detect_instrument(write_array(path, trade)).tick == UNIT // 10**5


def test_a_known_symbol_has_its_own_tick_or_a_finer_one(tmp_path: Path) -> None:
    path = tmp_path / "btcusdt.npz"
    assert detect_instrument(write_array(path, level(60_000.1, 0.5))) == find_instrument("BTCUSDT")
    finer = detect_instrument(write_array(path, level(60_000.125, 0.5)))
    assert (finer.venue.name, finer.tick) == ("BINANCE", UNIT // 1000)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("brk.b_20240101.npz", "BRK.B"), ("BF.B.npz", "BF.B"), ("AAPL.npz", "AAPL"), ("btcusdt.v2.npy", "BTCUSDT")],
)
def test_the_class_of_a_share_is_part_of_its_symbol(tmp_path: Path, name: str, symbol: str) -> None:
    assert detect_instrument(write_array(tmp_path / name, level(1.0, 1.0))).symbol == symbol


def test_a_name_without_a_symbol(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="does not begin with a symbol: name it by `instrument`"):
        detect_instrument(write_array(tmp_path / "_.npz", level(1.0, 1.0)))
    with pytest.raises(CaptureError, match="name the symbol by `instrument`"):
        detect_instrument(write_array(tmp_path / f"{'A' * 200}.npz", level(1.0, 1.0)))
