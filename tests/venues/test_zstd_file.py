from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from hftlab.errors import CaptureError
from hftlab.venues.zstd_file import head_of_zstd, is_zstd, opened, unpacked

TEXT = b"Nothing of any venue.\n" * 9999


def packed(text: bytes = TEXT) -> bytes:
    return bytes(pa.Codec("zstd").compress(text, asbytes=True))


@pytest.mark.parametrize("content", [TEXT, packed(), packed(TEXT[:99]) + packed(TEXT[99:]), gzip.compress(TEXT)])
def test_the_content_comes_in_blocks(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    told: list[int] = []
    assert b"".join(unpacked(tmp_path / "a", 1000, told.append)) == TEXT
    assert told[-1] == len(content)


@pytest.mark.parametrize("content", [packed()[:-9], gzip.compress(TEXT)[:-9]])
def test_damage_comes_after_what_is_whole(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(OSError):
        list(unpacked(tmp_path / "a", 1000))


def test_other_packings_are_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"BZh" + bytes(99))
    with pytest.raises(CaptureError, match="packed with bzip2"):
        next(unpacked(tmp_path / "a", 1000))


def test_the_head_is_as_much_as_is_whole() -> None:
    assert head_of_zstd(packed(), 50) == TEXT[:50]
    assert TEXT.startswith(head_of_zstd(packed()[:-9], 10**9))
    assert len(head_of_zstd(packed(TEXT[:3000]) + packed(TEXT)[:-9], 10**9)) > 2000
    assert head_of_zstd(b"\x28\xb5\x2f\xfd" + bytes(9), 50) == b""


def test_signs_of_zstd() -> None:
    """A skippable frame may come first."""
    assert is_zstd(packed())
    assert is_zstd(b"\x51\x2a\x4d\x18")
    assert not is_zstd(b"\x28\xb5\x2f")


def test_blocks_of_any_size_are_a_file() -> None:
    with opened(iter([b"a", b"", b"bcd"])) as file:
        assert (file.read(2), file.read()) == (b"ab", b"cd")
