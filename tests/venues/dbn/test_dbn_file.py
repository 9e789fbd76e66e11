from __future__ import annotations

import gzip
from pathlib import Path

import databento_dbn
import numpy as np
import pytest

from hftlab.errors import CaptureError
from hftlab.venues import dbn
from tests.venues.dbn.files import ORDERS, START, mbo, metadata, trade, whole, write_dbn


@pytest.mark.parametrize("version", [1, 2, 3])
def test_all_versions_of_the_format(tmp_path: Path, version: int) -> None:
    path = write_dbn(tmp_path / "a.dbn", *ORDERS, head=metadata(version=version))
    assert len(whole(path)) == len(ORDERS)
    assert whole(path).instruments[0].symbol == "ESH4"


def test_what_is_whole_comes_first(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "a.dbn", *ORDERS)
    path.write_bytes(path.read_bytes()[:-20])
    rows = 0
    with pytest.raises(CaptureError, match="ends within a record"):
        for batch in dbn.read(path):
            rows += len(batch)
    assert rows == len(ORDERS) - 1


def test_a_packed_file_that_is_cut(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "a.dbn.zst", *ORDERS * 99)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(CaptureError):
        list(dbn.read(path))


def test_without_the_package_the_error_says_how_to_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_dbn(tmp_path / "a.dbn", *ORDERS)
    monkeypatch.setitem(__import__("sys").modules, "databento_dbn", None)
    with pytest.raises(CaptureError, match=r"run `pip install 'hftlab\[dbn\]'`"):
        dbn.read(path)


def test_kinds_may_take_turns(tmp_path: Path) -> None:
    """As in what was recorded live; also more of one kind than are compared at a time."""
    system = databento_dbn.SystemMsg(START, "Heartbeat")
    many = [mbo("A", "B", 4500.25, 1, number) for number in range(1, 9000)]
    path = write_dbn(tmp_path / "a.dbn", system, *many, system, system, trade("B", 4500.25, 2, 9), *many[:1])
    reader = dbn.read(path)
    assert sum(map(len, reader)) == 9001
    assert reader.stats.unread == 3


def test_records_with_a_time_of_sending_are_longer(tmp_path: Path) -> None:
    record = bytearray(bytes(mbo("A", "B", 4500.25, 3, 7)) + bytes(8))
    record[0] = len(record) // 4
    path = write_dbn(tmp_path / "a.dbn", bytes(record), bytes(record), head=metadata(ts_out=True))
    assert whole(path).order_id.tolist() == [7, 7]


def test_a_record_without_a_length(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "a.dbn", *ORDERS[:1], bytes(56))
    with pytest.raises(CaptureError, match="DBN"):
        list(dbn.read(path))


def test_undefined_times_are_those_of_the_other_clock(tmp_path: Path) -> None:
    record = np.frombuffer(bytes(ORDERS[1]), databento_dbn.MBOMsg._dtypes).copy()
    record["ts_event"] = databento_dbn.UNDEF_TIMESTAMP
    assert whole(write_dbn(tmp_path / "a.dbn", record.tobytes())).ts_event.tolist() == record["ts_recv"].tolist()


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "a.dbn", *ORDERS)
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert len(whole(path)) == len(ORDERS)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(CaptureError, match="is not a whole DBN file"):
        list(dbn.read(path))
