from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest

from hftlab.ingest import import_capture
from hftlab.recorder.raw_frames import RawFrames, _File
from hftlab.venues.recognition import recognise_format


class TestRawFrames:
    def test_a_file_a_symbol_and_a_line_a_frame(self, tmp_path: Path) -> None:
        frames = RawFrames(tmp_path / "raw", ["BTCUSDT", "A/B"])
        frames.add("BTCUSDT", 17, b'{"a":1}')
        frames.add("A/B", 18, b'{"a":\n2}')
        frames.add("BTCUSDT", 19, b"{}")
        frames.add("ELSE", 20, b"{}")
        frames.close()
        assert gzip.decompress((tmp_path / "raw/BTCUSDT.gz").read_bytes()) == b'17 {"a":1}\n19 {}\n'
        assert gzip.decompress((tmp_path / "raw/A%2FB.gz").read_bytes()) == b'18 {"a": 2}\n'
        assert len(list((tmp_path / "raw").iterdir())) == 2

    def test_of_a_killed_process_all_is_there_but_the_last_second(self, tmp_path: Path) -> None:
        frames = RawFrames(tmp_path / "raw", ["A"])
        for tenths in range(35):
            frames.add("A", tenths * 100_000_000, b"{}")
        on_disk = zlib.decompressobj(31).decompress((tmp_path / "raw/A.gz").read_bytes())
        assert on_disk.splitlines()[-1] == b"3000000000 {}"
        frames.close()

    def test_a_disk_that_fails_is_a_problem_of_its_symbol(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        frames = RawFrames(tmp_path / "raw", ["A", "B"])

        def full(self: _File, line: bytes, ts_recv: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(_File, "add", full)
            frames.add("A", 1, b"{}")
        frames.add("A", 2, b"{}")
        frames.add("B", 3, b"{}")
        frames.close()
        assert frames.problem == "the raw frames of A end early (No space left on device): free some room on the disk"
        assert gzip.decompress((tmp_path / "raw/B.gz").read_bytes()) == b"3 {}\n"


def test_they_are_imported_by_looking(tmp_path: Path) -> None:
    """The snapshot may be longer than what is looked at of a file, and come before any stream."""
    levels = ",".join(f'["{price}.00000000","1.00000000"]' for price in range(10_000, 20_000))
    snapshot = f'{{"lastUpdateId":5,"bids":[],"asks":[{levels}]}}'
    update = (
        '{"e":"depthUpdate","E":1760000000000,"s":"BTCUSDT","U":6,"u":6,"b":[["9999.00000000","2.00000000"]],"a":[]}'
    )
    frames = RawFrames(tmp_path / "raw", ["BTCUSDT"])
    for number, payload in enumerate((snapshot, update, f'{{"stream":"btcusdt@depth","data":{update}}}')):
        frames.add("BTCUSDT", 1_760_000_000_000_000_000 + number, payload.encode())
    frames.close()
    path = tmp_path / "raw/BTCUSDT.gz"
    imported = import_capture(recognise_format(path), path, tmp_path / "again")
    assert imported.stats["updates_applied"] == 1
    assert imported.session.market_data.collect()["symbol"].unique().to_list() == ["BTCUSDT"]
