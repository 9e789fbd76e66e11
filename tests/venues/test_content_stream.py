"""Content of plain and packed files, read into memory that is there."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from hftlab.errors import CaptureError
from hftlab.venues.content_stream import ContentStream, check_content

CONTENT = bytes(range(256)) * 4000
PACKINGS = {
    "plain": bytes,
    "gzip": lambda data: gzip.compress(data, 1),
    "zstd": lambda data: bytes(pa.Codec("zstd").compress(data, asbytes=True)),
}


def read(path: Path, size: int) -> tuple[bytes, bool, list[int]]:
    found, told = b"", list[int]()
    view = memoryview(bytearray(size))
    with ContentStream(path, told.append) as stream:
        while count := stream.readinto(view):
            found += view[:count]
        return found, stream.is_torn, told


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("size", [10_000, 1 << 20, 1 << 21])
def test_content_comes_in_whole_views(tmp_path: Path, packing: str, size: int) -> None:
    (tmp_path / "a").write_bytes(PACKINGS[packing](CONTENT))
    check_content(tmp_path / "a")
    found, is_torn, told = read(tmp_path / "a", size)
    assert (found, is_torn, told[-1]) == (CONTENT, False, (tmp_path / "a").stat().st_size)


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_stream_that_ends_too_early_is_torn(tmp_path: Path, packing: str) -> None:
    (tmp_path / "a").write_bytes(PACKINGS[packing](CONTENT)[:-9])
    found, is_torn, _ = read(tmp_path / "a", 1000)
    assert is_torn
    assert CONTENT.startswith(found)


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_damage_is_told(tmp_path: Path, packing: str) -> None:
    whole = PACKINGS[packing](CONTENT)
    (tmp_path / "a").write_bytes(whole + whole[:4] + b"\xff" * 99)
    with pytest.raises(CaptureError, match=rf"a: the {packing} data is damaged .*fetch"):
        read(tmp_path / "a", 1000)


def test_paths_that_are_not_content(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="does not exist"):
        check_content(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"BZh" + bytes(99))
    with pytest.raises(CaptureError, match="packed with bzip2"):
        check_content(tmp_path / "a")
