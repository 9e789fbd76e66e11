from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from hftlab.errors import CaptureError
from hftlab.events import EventBatch
from hftlab.instruments import BINANCE, BINANCE_USDM, UNIT, Instrument, find_instrument
from hftlab.venues import binance
from tests.shared_data import shared_data
from tests.venues.captures import (
    SNAPSHOT,
    read_until_error,
    rows_of,
    snapshot,
    ticker,
    trade,
    update,
    write_capture,
)


class TestInstrument:
    def test_of_an_unknown_symbol_takes_every_number_binance_can_write(self, path: Path) -> None:
        message = trade(1, "0.00000001", "90000000000.00000001", buyer_is_maker=True)
        message["data"]["s"] = "PEPEBTC"
        write_capture(path, message)
        reader = binance.read(path)
        assert reader.instrument == Instrument("PEPEBTC", BINANCE, tick=10, lot=10, currency="BTC")
        batch = next(reader)
        assert (batch.price.tolist(), batch.size.tolist()) == ([10], [9_000_000_000_000_000_001])

    def test_can_be_given(self, path: Path) -> None:
        coarse = Instrument("BTCUSDT", BINANCE, tick=UNIT, lot=UNIT, currency="USDT")
        write_capture(path, trade(1, "100", "7.000", buyer_is_maker=True))
        batch = next(binance.read(path, instrument=coarse))
        assert (batch.instruments, batch.size.tolist()) == ((coarse,), [7])

    def test_is_found_behind_a_snapshot(self, path: Path) -> None:
        write_capture(path, snapshot(10, {"100.1": "2"}, {}), ticker(10, ("1", "1"), ("2", "1"), e="bookTicker"))
        assert binance.detect_instrument(path) == find_instrument("BTCUSDT", BINANCE_USDM)


GOOD = SNAPSHOT, update(11, 12, {"99": "4"}, {})


@pytest.mark.parametrize("separator", [b"\t", b"  ", b" \t "])
def test_what_is_between_time_and_message_may_be_any_white_space(path: Path, separator: bytes) -> None:
    wanted = rows_of(EventBatch.concat(binance.read(write_capture(path, *GOOD))))
    lines = gzip.decompress(path.read_bytes()).splitlines()
    path.write_bytes(gzip.compress(b"".join(line.replace(b" ", separator, 1) + b"\n" for line in lines)))
    assert rows_of(EventBatch.concat(binance.read(path))) == wanted


class TestErrors:
    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            (b"7", "does not start with a receive time in ns: a line is `<ns> <JSON>`"),
            (b"wss://ws.kraken.com <-> 1618678132.38", "(this looks like a Kraken capture)"),
            (b'1618678132.5: {"event":"heartbeat"}', "(this looks like a Kraken capture)"),
            (b"12345678901 {}", "('12345678901' is not a time from 2001 on in s, ms, \u00b5s or ns)"),
            (b"nonsense", "does not start with a receive time in ns"),
            (b'{"stream": 1}', "does not start with a receive time in ns"),
            (b"99999999999999999999 {}", "does not start with a receive time in ns"),
            (b"0 {}", "does not start with a receive time in ns"),
            (b"-1 {}", "does not start with a receive time in ns"),
            (b"1700000000 ", "is not a Binance message (Input data was truncated): a line is `<ns> <JSON>`"),
            (
                b'1700000000 {"stream":',
                "(Input data was truncated): a line is `<ns> <JSON>`, and this one is cut off: go on with what was "
                "read before it, or remove it",
            ),
            (b"1700000000 [1]", "is not a Binance message (Expected `object`, got `array`)"),
            (b'1700000000 {"stream":"\xff"}', "is not a Binance message"),
            (b'1700000000 {"data":' + b"[" * 100_000, "is not a Binance message (maximum recursion depth exceeded"),
            (b'1700000000 {"stream":"btcusdt@trade"}', "is not a Binance message"),
            (b'1700000000 {"stream":"btcusdt@trade","data":{"s":"BTCUSDT"}}', "missing required field `T`"),
            (b'1700000000 {"lastUpdateId":-1}', "is not a Binance message (Expected `int` >= 0 - at `$.lastUpdateId`)"),
        ],
    )
    def test_a_line_that_is_none_is_named_after_all_before_it(self, path: Path, bad: bytes, said: str) -> None:
        write_capture(path, *GOOD, bad, update(13, 14, {"98": "4"}, {}))
        batch, error = read_until_error(path)
        assert len(batch) == 5
        assert error.startswith(f"{path}, line 3: ")
        assert said in error

    @pytest.mark.parametrize(
        ("levels", "said"),
        [
            (
                {"98.0000000001": "4"},
                "has the price '98.0000000001', which has more than the nine decimals that hftlab holds",
            ),
            (
                {"98": "0.0000000001"},
                "has the size '0.0000000001', which has more than the nine decimals that hftlab holds",
            ),
            ({"97": "1", "98": "four"}, "has the size 'four', which is not a decimal number without a sign"),
            ({"-98": "4"}, "has the price '-98', which is not a decimal number"),
            ({"1e999": "4"}, "has the price '1e999', which is not"),
            ({"99999999999": "4"}, "has the price '99999999999', which is too large for int64"),
            ({"98": "99999999999999999999"}, "has the size '99999999999999999999', which is too large for int64"),
            ({"98\n": "4"}, "has the price '98\\n', which is not"),
        ],
    )
    def test_a_number_that_does_not_fit_is_named_too(self, path: Path, levels: dict[str, str], said: str) -> None:
        write_capture(path, *GOOD, update(13, 14, levels, {}), update(15, 16, {"97": "bad"}, {}))
        batch, error = read_until_error(path)
        assert len(batch) == 5
        assert error.startswith(f"{path}, line 3: {said}")

    def test_a_held_update_is_blamed_at_its_own_line(self, path: Path) -> None:
        write_capture(path, update(11, 12, {"bad": "4"}, {}), SNAPSHOT)
        batch, error = read_until_error(path)
        assert len(batch) == 4
        assert error.startswith(f"{path}, line 1: ")

    def test_a_truncated_file_gives_its_events_first(self, path: Path) -> None:
        write_capture(path, *GOOD)
        path.write_bytes(path.read_bytes()[:-4])
        batch, error = read_until_error(path)
        assert len(batch) == 5
        assert "line 3: the gzip data ends too early" in error

    @pytest.mark.parametrize("snapshots", [(), (snapshot(3, {}, {}),)])
    def test_depth_without_a_snapshot_that_joins_it(self, path: Path, snapshots: tuple[dict[str, Any], ...]) -> None:
        message = trade(1, "100", "1", buyer_is_maker=True)
        write_capture(path, update(10, 12, {"1": "1"}, {}), *snapshots, message)
        batch, error = read_until_error(path)
        assert len(batch) == 1
        assert "has 1 depth updates and no depth snapshot that matches them" in error

    def test_two_symbols(self, path: Path) -> None:
        other = update(13, 14, {}, {})
        other["data"]["s"] = "ETHUSDT"
        write_capture(path, *GOOD, other)
        assert (
            "line 3: has a message of ETHUSDT in a capture of BTCUSDT: keep one symbol in a file"
            in read_until_error(path)[1]
        )

    def test_paths_that_are_no_capture_are_refused_at_once(self, tmp_path: Path) -> None:
        write_capture(tmp_path / "answers", {"result": None, "id": 1})
        (tmp_path / "empty").touch()
        (tmp_path / "plain.gz").write_bytes(b"1 {}\n")
        for name, said in (
            ("nowhere", "does not exist"),
            (".", "is a folder"),
            ("plain.gz", "is not gzip though its name says so"),
            ("empty", "has no Binance message of depth, trade or bookTicker"),
            ("answers", "has no Binance message of depth, trade or bookTicker"),
        ):
            with pytest.raises(CaptureError, match=said):
                binance.read(tmp_path / name)

    def test_a_capture_cut_in_the_middle_gives_what_it_has(self, path: Path) -> None:
        whole = shared_data("binance/spot_btcusdt_20240808.gz")
        path.write_bytes(whole.read_bytes()[:300_000])
        batch, error = read_until_error(path)
        expected = EventBatch.concat(binance.read(whole))
        assert 1_000 < len(batch) < len(expected)
        assert rows_of(batch) == rows_of(expected[: len(batch)])
        assert "the gzip data ends too early" in error
