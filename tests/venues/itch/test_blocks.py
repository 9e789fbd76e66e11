"""Blocks of a file: what a reader leaves comes again, before the bytes that follow it."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import pytest

from hftlab.errors import CaptureError
from hftlab.instruments import UNIT
from hftlab.venues.itch.blocks import Blocks, midnight_of

CONTENT = bytes(range(256)) * 16_384  # 4 MiB: several blocks


def read_in_parts(blocks: Blocks, left: int) -> bytes:
    """Take all of each block but its last `left` bytes, as a decoder does with part of a message."""
    taken = b""
    for data, end in blocks:
        blocks.used = max(0, end - left)
        taken += data[: blocks.used].tobytes()
    return taken


class TestBlocks:
    @pytest.mark.parametrize("left", [0, 1, 40_000])
    @pytest.mark.parametrize("name", ["plain", "packed.gz"])
    def test_what_is_left_joins_the_next_block(self, tmp_path: Path, name: str, left: int) -> None:
        path = tmp_path / name
        path.write_bytes(gzip.compress(CONTENT, 1) if name.endswith("gz") else CONTENT)
        blocks = Blocks(path, None)
        assert read_in_parts(blocks, left) == CONTENT[: len(CONTENT) - left]
        assert (blocks.rest, blocks.is_torn) == (left, False)

    @pytest.mark.parametrize("zeros", [1, 512, 1 << 21])
    def test_zeros_behind_gzip_members_are_not_content(self, tmp_path: Path, zeros: int) -> None:
        path, half = tmp_path / "padded.gz", len(CONTENT) // 2
        path.write_bytes(b"".join(gzip.compress(part, 1) + bytes(zeros) for part in (CONTENT[:half], CONTENT[half:])))
        blocks = Blocks(path, None)
        assert read_in_parts(blocks, 0) == CONTENT
        assert not blocks.is_torn

    @pytest.mark.parametrize("size", [len(CONTENT), len(CONTENT) - 1, 1])
    def test_the_last_block_says_so(self, tmp_path: Path, size: int) -> None:
        (tmp_path / "plain").write_bytes(CONTENT[:size])
        blocks, seen = Blocks(tmp_path / "plain", None), []
        for _, end in blocks:
            blocks.used = end - 1 if not blocks.is_last else end
            seen.append(blocks.is_last)
        assert seen.count(True) == 1
        assert seen[-1]
        assert blocks.rest == 0

    def test_a_gzip_file_that_ends_too_early_is_torn(self, tmp_path: Path) -> None:
        path = tmp_path / "torn.gz"
        path.write_bytes(gzip.compress(CONTENT, 1)[:-20])
        blocks = Blocks(path, None)
        assert CONTENT.startswith(read_in_parts(blocks, 0))
        assert blocks.is_torn

    def test_a_damaged_one_raises_after_what_is_whole(self, tmp_path: Path) -> None:
        path, data = tmp_path / "damaged.gz", bytearray(gzip.compress(CONTENT, 1))
        data[-8] ^= 1  # of the checksum
        path.write_bytes(data)
        taken = 0
        blocks = Blocks(path, None)
        with pytest.raises(CaptureError, match=r"damaged\.gz: the gzip data is damaged"):
            for _, end in blocks:
                blocks.used = end
                taken += end
        assert taken > len(CONTENT) // 2


class TestMidnight:
    @pytest.mark.parametrize("name", [
            "12302019.NASDAQ_ITCH50", "20191230.PSX_ITCH_50", "S123019-v50.txt.gz", "nasdaq-2019-12-30.itch",
            "2019-12-30.gz", "of 7 days, 2019-12-30",
        ],
    )  # fmt: skip
    def test_is_that_of_the_day_in_the_name(self, name: str) -> None:
        assert midnight_of(Path(name), None) == int(dt.datetime(2019, 12, 30, 5, tzinfo=dt.UTC).timestamp()) * UNIT

    def test_of_a_day_that_is_given_comes_first(self) -> None:
        july = int(dt.datetime(2019, 7, 1, 4, tzinfo=dt.UTC).timestamp()) * UNIT
        assert midnight_of(Path("12302019.NASDAQ_ITCH50"), "2019-07-01") == july

    @pytest.mark.parametrize("name", ["day.itch", "99999999.NASDAQ_ITCH50", "2019-13-30", "12019-12-301"])
    def test_is_0_where_the_name_has_no_day(self, name: str) -> None:
        assert midnight_of(Path(name), None) == 0
