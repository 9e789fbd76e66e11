from __future__ import annotations

import bz2
import gzip
import lzma
import random
import zlib
from pathlib import Path

import pytest

from hftlab.errors import CaptureError
from hftlab.venues.capture_file import check_readable, read_lines

# Digits of a fixed seed: they compress badly, so that the file has several blocks to be read.
DIGITS = random.Random(7)
LINES = [b"%d %d" % (number, DIGITS.getrandbits(200)) for number in range(4_000)]
TEXT = b"\n".join(LINES) + b"\n"


def lines_until_error(path: Path) -> tuple[list[bytes], str]:
    found: list[bytes] = []
    with pytest.raises(CaptureError) as caught:
        found.extend(line for _, line in read_lines(path))
    assert caught.value.path == path
    return found, str(caught.value)


def whole_lines(packed: bytes) -> list[bytes]:
    """What zlib makes of the beginning of a gzip file."""
    return zlib.decompressobj(31).decompress(packed).split(b"\n")[:-1]


class TestWholeFiles:
    def test_plain_and_gzip_read_the_same(self, tmp_path: Path) -> None:
        for name, content in (
            ("plain.txt", TEXT),
            ("packed.gz", gzip.compress(TEXT)),
            ("odd.txt", gzip.compress(TEXT)),
        ):
            path = tmp_path / name
            path.write_bytes(content)
            assert list(read_lines(path)) == list(enumerate(LINES, 1))

    def test_members_follow_one_another(self, tmp_path: Path) -> None:
        path = tmp_path / "two.gz"
        path.write_bytes(gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:]))
        assert [line for _, line in read_lines(path)] == LINES

    def test_the_last_line_needs_no_newline(self, tmp_path: Path) -> None:
        path = tmp_path / "plain"
        path.write_bytes(b"a\nc\nb")
        assert list(read_lines(path)) == [(1, b"a"), (2, b"c"), (3, b"b")]

    @pytest.mark.parametrize(
        "content",
        [
            b"a\r\nb c\r\n",
            b"\n\na\n \n\t\r\nb c\n\n",
            b"\xef\xbb\xbfa\nb c",
            b"a\n\xef\xbb\xbfb c\n",
            b"a  \n b c\t\n",
            b"a\nb c\n" + b"\0" * 70_000,
            b"a\r\nb c\r\n\r\n",
        ],
    )
    def test_what_editors_and_tapes_leave_is_not_of_the_lines(self, tmp_path: Path, content: bytes) -> None:
        for name, text in (("plain", content), ("packed.gz", gzip.compress(content))):
            path = tmp_path / name
            path.write_bytes(text)
            lines = content.split(b"\n")
            found = [(number, line) for number, line in read_lines(path) if line]
            assert [line for _, line in found] == [b"a", b"b c"]
            # The numbers are those that an editor shows.
            assert all(line in lines[number - 1] for number, line in found)

    @pytest.mark.parametrize("zeros", [1, 512, 1 << 16, 200_000])
    def test_zeros_behind_and_between_gzip_members(self, tmp_path: Path, zeros: int) -> None:
        path = tmp_path / "padded.gz"
        pad = b"\0" * zeros
        path.write_bytes(gzip.compress(TEXT[:1000]) + pad + gzip.compress(TEXT[1000:]) + pad)
        assert [line for _, line in read_lines(path)] == LINES

    @pytest.mark.parametrize("times", [2, 3])
    def test_gzip_within_gzip(self, tmp_path: Path, times: int) -> None:
        path, packed = tmp_path / "x.gz", TEXT
        for _ in range(times):
            packed = gzip.compress(packed)
        path.write_bytes(packed)
        assert [line for _, line in read_lines(path)] == LINES
        path.write_bytes(packed[:-9])
        found, said = lines_until_error(path)
        assert found == LINES[: len(found)]
        assert "ends too early" in said

    @pytest.mark.parametrize("empty", [gzip.compress(b"", mtime=0), gzip.compress(b"", mtime=0) + bytes(512)], ids=len)
    def test_empty_members_around_it(self, tmp_path: Path, empty: bytes) -> None:
        path = tmp_path / "x.gz"
        path.write_bytes(empty + gzip.compress(TEXT) + empty)
        assert [line for _, line in read_lines(path)] == LINES

    def test_progress_rises_to_the_size_of_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "packed.gz"
        path.write_bytes(gzip.compress(TEXT))
        seen: list[int] = []
        list(read_lines(path, progress=seen.append))
        assert seen == sorted(seen)
        assert len(seen) > 1
        assert seen[-1] == path.stat().st_size


class TestDamage:
    @pytest.mark.parametrize("missing", [1, 8, 100, 5_000, 100_000])
    def test_a_truncated_file_gives_its_whole_lines_first(self, tmp_path: Path, missing: int) -> None:
        """The eight bytes at the end are the checksum; without them every line is there."""
        path = tmp_path / "cut.gz"
        cut = gzip.compress(TEXT)[:-missing]
        path.write_bytes(cut)
        found, said = lines_until_error(path)
        assert found == whole_lines(cut)
        assert (found == LINES) == (missing <= 8)
        assert said == (
            f"{path}, line {len(found) + 1}: the gzip data ends too early: fetch the file again, or keep what was read "
            f"before this line"
        )

    def test_a_flipped_byte_spares_the_lines_before_it(self, tmp_path: Path) -> None:
        packed = bytearray(gzip.compress(TEXT))
        middle = len(packed) // 2
        packed[middle] ^= 0xFF
        path = tmp_path / "flipped.gz"
        path.write_bytes(packed)
        found, said = lines_until_error(path)
        spared = whole_lines(bytes(packed[:middle]))
        assert spared
        assert found[: len(spared)] == LINES[: len(spared)]
        assert "the gzip data is damaged" in said

    def test_a_flipped_checksum_is_damage_after_every_line(self, tmp_path: Path) -> None:
        packed = bytearray(gzip.compress(TEXT))
        packed[-6] ^= 1
        path = tmp_path / "flipped.gz"
        path.write_bytes(packed)
        found, said = lines_until_error(path)
        assert found == LINES
        assert "the gzip data is damaged" in said

    def test_what_is_no_deflate_stops_it_in_the_middle_of_a_block(self, tmp_path: Path) -> None:
        """A second member that is broken costs nothing of the first, though both are in one block."""
        path = tmp_path / "tail.gz"
        path.write_bytes(gzip.compress(b"a\nb\n") + b"not gzip")
        found, said = lines_until_error(path)
        assert found == [b"a", b"b"]
        assert "line 3: the gzip data is damaged" in said

    def test_rubbish_behind_zeros_is_damage(self, tmp_path: Path) -> None:
        path = tmp_path / "tail.gz"
        path.write_bytes(gzip.compress(b"a\nb\n") + b"\0" * 100 + b"not gzip")
        found, said = lines_until_error(path)
        assert found == [b"a", b"b"]
        assert "line 3: the gzip data is damaged" in said

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
    def test_utf_16_is_named(self, tmp_path: Path, encoding: str) -> None:
        path = tmp_path / "wide.txt"
        path.write_bytes("\ufeffa\nb\n".encode(encoding))
        assert lines_until_error(path) == ([], f"{path}, line 1: is text in UTF-16: save the file as UTF-8")


class TestPaths:
    def test_each_says_what_to_do(self, tmp_path: Path) -> None:
        (tmp_path / "text.gz").write_bytes(TEXT)
        (tmp_path / "empty.gz").touch()
        for name, said in (
            ("nowhere.gz", "does not exist: check the path"),
            (".", "is a folder: name a capture file in it"),
            ("text.gz", "is not gzip though its name says so: rename it, or fetch it again"),
            ("empty.gz", "is not gzip though its name says so: rename it, or fetch it again"),
        ):
            with pytest.raises(CaptureError) as caught:
                check_readable(tmp_path / name)
            assert str(caught.value) == f"{tmp_path / name} {said}"

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (lzma.compress(TEXT), "packed with xz"),
            (bz2.compress(TEXT), "packed with bzip2"),
            (bytes.fromhex("28b52ffd") + TEXT, "packed with zstd"),
            (bytes.fromhex("04224d18") + TEXT, "packed with lz4"),
            (bytes.fromhex("377abcaf271c0004"), "a 7z archive"),
            (b"Rar!\x1a\x07\x01\x00", "a rar archive"),
            (b"PK\x03\x04", "a zip archive"),
        ],
    )
    @pytest.mark.parametrize("name", ["capture.gz", "capture", "capture.txt"])
    def test_another_packing_is_named_whatever_the_name(
        self, tmp_path: Path, content: bytes, said: str, name: str
    ) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(CaptureError) as caught:
            check_readable(path)
        assert str(caught.value) == f"{path} is {said}: unpack it, and name the file that was in it"

    def test_a_zip_archive_passes_where_its_reader_looks_into_it(self, tmp_path: Path) -> None:
        path = tmp_path / "pair.zip"
        path.write_bytes(b"PK\x03\x04")
        check_readable(path, zipped=True)
