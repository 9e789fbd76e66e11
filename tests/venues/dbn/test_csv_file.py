from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.errors import CaptureError
from hftlab.events import COLUMNS
from hftlab.venues import dbn
from tests.venues.dbn.files import ORDERS, whole, write_csv, write_dbn


@pytest.mark.parametrize("pretty", [True, False])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.zst"])
def test_csv_gives_the_same(tmp_path: Path, name: str, pretty: bool) -> None:
    wanted = whole(write_dbn(tmp_path / "a.dbn", *ORDERS))
    found = whole(write_csv(tmp_path / name, *ORDERS, pretty=pretty))
    for column in COLUMNS:
        assert getattr(found, column).tolist() == getattr(wanted, column).tolist(), column
    assert found.instruments[0].symbol == "ESH4"


def test_a_row_of_another_form(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", *ORDERS, pretty=True)
    path.write_text(path.read_text() + "what,is,this\n" + path.read_text().splitlines()[1] + "\n")
    reader, found = dbn.read(path), []
    with pytest.raises(CaptureError, match=r"not a whole CSV file of Databento \(row 11 has 3 of 15 columns"):
        found.extend(reader)
    assert sum(map(len, found)) == len(ORDERS)


def test_a_file_that_is_cut_off_in_the_middle_of_a_row(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", *ORDERS, pretty=True)
    path.write_text(path.read_text()[:-40])
    reader, found = dbn.read(path), []
    with pytest.raises(CaptureError, match=r"row 10 has \d+ of 15 columns"):
        found.extend(reader)
    assert sum(map(len, found)) == len(ORDERS) - 1


@pytest.mark.parametrize("bad", [b"\xff\xfe,1", b"1,\xc3"])
def test_a_file_with_bytes_that_are_no_text(tmp_path: Path, bad: bytes) -> None:
    path = write_csv(tmp_path / "a.csv", *ORDERS, pretty=True)
    path.write_bytes(path.read_bytes() + bad + b"\n" + path.read_bytes())
    reader, found = dbn.read(path), []
    with pytest.raises(CaptureError, match="is not a whole CSV file of Databento"):
        found.extend(reader)
    assert sum(map(len, found)) == len(ORDERS)


@pytest.mark.parametrize("padding", ["\0" * 100, "\x1a", "\n\n", "\x1a" + "\0" * 10 + "\n"])
def test_what_tapes_and_tools_leave_behind_the_last_row(tmp_path: Path, padding: str) -> None:
    path = write_csv(tmp_path / "a.csv", *ORDERS, pretty=True)
    path.write_text(path.read_text() + padding)
    assert len(whole(path)) == len(ORDERS)


@pytest.mark.parametrize("symbol", ["NA", "NAN", "NULL", "BRK.B", "BRK B", "测试"])
def test_any_symbol_is_one(tmp_path: Path, symbol: str) -> None:
    """Also what other tables write for no value: NA and NAN are listed in New York."""
    path = tmp_path / "a.csv"
    path.write_text(
        f"ts_event,rtype,publisher_id,instrument_id,action,side,price,size,symbol\n7,0,1,9,T,B,1.5,2,{symbol}\n"
    )
    assert [one.symbol for one in dbn.read(path).instruments] == [symbol]


def test_a_file_may_lack_what_is_not_needed(tmp_path: Path) -> None:
    """Times of reception, flags, sequences and symbols; each record is then an event."""
    path = tmp_path / "a.csv"
    path.write_text(
        "ts_event,rtype,publisher_id,instrument_id,action,side,price,size\n7,0,1,9,T,B,1.5,2\n8,0,1,9,T,A,,2\n"
    )
    batch = whole(path)
    assert (batch.instruments[0].symbol, batch.price.tolist()) == ("9", [1_500_000_000, 0])
    assert batch.ts_recv.tolist() == batch.ts_event.tolist() == [7, 8]
    assert batch.flags.tolist() == [128, 128]


def test_columns_that_are_missing_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("ts_event,rtype,publisher_id,instrument_id\n1,0,1,2\n")
    with pytest.raises(CaptureError, match="lacks Databento's columns price, size"):
        dbn.read(path)


def test_kinds_may_take_turns(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", *ORDERS[:3], pretty=False)
    line = path.read_text().splitlines()[1].replace(",160,", ",18,")
    path.write_text(path.read_text() + f"{line}\n{path.read_text().splitlines()[2].replace(',7,', ',70,')}\n")
    reader = dbn.read(path)
    assert sum(map(len, reader)) == 4
    assert reader.stats.unread == 1
