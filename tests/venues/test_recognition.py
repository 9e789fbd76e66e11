"""A file's content tells its format, and every reader refuses the files of the others with what they look like."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hftlab.errors import CaptureError
from hftlab.events import COLUMNS, EventBatch
from hftlab.ingest import FORMATS
from hftlab.venues import itch
from hftlab.venues.recognition import READABLE, Guess, explaining, looks_like, recognise, recognise_format
from tests.shared_data import shared_data
from tests.venues.look_alikes import FILES, FRAMED_FEEDS, PACKETS, READABLE_FILES, zipped

READERS: dict[str, ModuleType] = FORMATS


def pa_zstd(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


NAME = "ZZT_2024-01-02_34200000_57600000_message_1.csv"
"""A name that LOBSTER's reader takes; the others do not look at it."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / NAME


def rows_until_error(reader: ModuleType, path: Path) -> tuple[int, str]:
    rows = 0
    with pytest.raises(CaptureError) as caught:
        for batch in reader.read(path):
            rows += len(batch)
    return rows, str(caught.value)


def test_every_format_that_is_imported_is_described() -> None:
    assert READABLE.keys() == FORMATS.keys() == READABLE_FILES.keys()


class TestRecognition:
    @pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
    @pytest.mark.parametrize("name", READABLE_FILES)
    def test_a_file_that_hftlab_reads(self, path: Path, name: str, packed: bool) -> None:
        content, what = READABLE_FILES[name]
        path.write_bytes(gzip.compress(content) if packed else content)
        assert recognise(path) == Guess(name, what)
        assert recognise_format(path) == name

    @pytest.mark.parametrize("pack", [bytes, gzip.compress, pa_zstd], ids=["plain", "gzip", "zstd"])
    @pytest.mark.parametrize("name", PACKETS)
    def test_itch_in_packets(self, path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
        content, what = PACKETS[name]
        path.write_bytes(pack(content))
        is_read = pack is not pa_zstd or "pcap" in name
        assert recognise(path) == (Guess("itch", what) if is_read else Guess(None, f"{what} packed with zstd"))
        if is_read:
            assert sum(map(len, itch.read(path))) == (0 if name == "mold-blank-session" else 19)

    def test_what_is_packed_twice_is_not_read(self, path: Path) -> None:
        content, what = next(item for name, item in PACKETS.items() if "pcap" in name)
        path.write_bytes(gzip.compress(pa_zstd(content)))
        assert recognise(path) == Guess(None, f"{what} packed with zstd and then with gzip: unpack it once")

    @pytest.mark.parametrize("name", FRAMED_FEEDS)
    def test_other_feeds_in_packets(self, path: Path, name: str) -> None:
        content, wanted, what = FRAMED_FEEDS[name]
        path.write_bytes(content)
        assert recognise(path) == Guess(wanted, what)
        if wanted is not None:
            assert sum(map(len, FORMATS[wanted].read(path))) == 19

    def test_of_a_snapshot_that_is_longer_than_what_is_looked_at(self, path: Path) -> None:
        levels = ",".join(f'["{price}.00000000","1.00000000"]' for price in range(10_000))
        path.write_bytes(f'1760000000000000000 {{"lastUpdateId":5,"bids":[{levels}],"asks":[]}}\n'.encode())
        assert recognise_format(path) == "binance"

    @pytest.mark.parametrize("name", FILES)
    def test_a_file_that_hftlab_does_not_read(self, path: Path, name: str) -> None:
        content, what = FILES[name]
        path.write_bytes(content)
        found = recognise(path)
        assert found.format is None
        assert what in found.what
        assert bool(what) == bool(found.what)

    @pytest.mark.parametrize("name", READABLE_FILES)
    def test_layers_of_gzip_and_empty_members_do_not_matter(self, path: Path, name: str) -> None:
        content, what = READABLE_FILES[name]
        empty = gzip.compress(b"")
        for packed in (gzip.compress(gzip.compress(content)), empty + gzip.compress(content) + bytes(512) + empty):
            path.write_bytes(packed)
            assert recognise(path) == Guess(name, what)

    def test_of_databento_packed_or_not(self, path: Path) -> None:
        binary = b"DBN\x01" + bytes(100) + b"GLBX.MDP3"
        for content, what in ((binary, "Databento's DBN"), (READABLE_FILES["dbn"][0], "Databento's CSV")):
            for data in (content, pa.Codec("zstd").compress(content, asbytes=True)):
                path.write_bytes(data)
                assert recognise(path) == Guess("dbn", what)

    def test_a_zip_archive_that_is_cut(self, path: Path) -> None:
        path.write_bytes(zipped(messages=READABLE_FILES["lobster"][0])[:-9])
        assert recognise(path).format is None
        assert "not whole" in recognise(path).what

    def test_a_zip_of_a_lobster_pair_is_read_and_another_has_to_be_unpacked(self, path: Path) -> None:
        path.write_bytes(zipped(readme=b"About LOBSTER.\n", messages=READABLE_FILES["lobster"][0]))
        assert recognise(path) == Guess("lobster", "LOBSTER's files in a zip archive")
        path.write_bytes(zipped(data=READABLE_FILES["hftbacktest"][0]))
        assert recognise(path) == Guess("hftbacktest", "hftbacktest's event array")
        path.write_bytes(zipped(nothing=b""))
        assert recognise(path) == Guess(None, "an empty file in a zip archive, which has to be unpacked")

    @pytest.mark.parametrize("ending", [b"", b"\r\n", b"\n\n \n", b"\0" * 600, b"\0\0\n", b"\n\x1a", b"\n\t\n"])
    @pytest.mark.parametrize("name", ["binance", "kraken", "lobster"])
    def test_marks_of_editors_and_tapes_do_not_matter(self, path: Path, name: str, ending: bytes) -> None:
        content = READABLE_FILES[name][0]
        path.write_bytes(b"\xef\xbb\xbf\r\n\n" + content.replace(b"\n", b"\r\n").rstrip() + ending)
        assert recognise(path).format == name

    @pytest.mark.parametrize(
        ("name", "wanted"),
        [
            ("itch/12302019_SNIPPET.NASDAQ_ITCH50", "itch"),
            ("binance/spot_btcusdt_20240808.gz", "binance"),
            ("binance/usdm_btcusdt_20240808.gz", "binance"),
            ("kraken/book1000_20210417.gz", "kraken"),
            ("lobster/AAPL_2012-06-21_34200000_57600000_message_10.csv", "lobster"),
            ("lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip", "lobster"),
        ],
    )
    def test_of_real_captures(self, name: str, wanted: str) -> None:
        assert recognise_format(shared_data(name)) == wanted

    @pytest.mark.parametrize(
        ("folder", "format_name", "what"),
        [
            ("iex/DeepPlus", "iex", "a pcap capture of IEX's DEEP+"),
            ("iex/Tops.v1.6", "iex", "a pcap capture of IEX's TOPS"),
            ("nyse", "nyse", "a pcap capture of NYSE's Integrated Feed"),
            ("nasdaq", "itch", "a pcap capture of TotalView-ITCH 5.0 in MoldUDP64 packets"),
        ],
    )
    def test_of_real_packets(self, folder: str, format_name: str, what: str) -> None:
        self.check_all(folder, Guess(format_name, what))

    def check_all(self, folder: str, wanted: Guess) -> None:
        files = sorted(shared_data(folder).rglob("*.pcap"))
        assert files
        assert {recognise(file) for file in files} == {wanted}

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.binary(max_size=300))
    def test_any_bytes_are_something_or_nothing_and_print(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        assert recognise(path).what.isprintable()
        assert looks_like(path, "itch").isprintable()


class TestErrors:
    def test_a_file_of_no_format_lists_what_it_could_be(self, path: Path) -> None:
        path.write_bytes(FILES["parquet"][0])
        with pytest.raises(CaptureError, match=r"it looks like a Parquet file\. .*binance: .*; itch: .*; kraken: .*"):
            recognise_format(path)
        path.write_bytes(FILES["random"][0])
        with pytest.raises(CaptureError, match=r"its content was not recognised\. .*; lobster: "):
            recognise_format(path)

    def test_paths_that_are_no_files(self, tmp_path: Path) -> None:
        with pytest.raises(CaptureError, match=r"cannot be read .*: check the path"):
            recognise(tmp_path / "absent")
        with pytest.raises(CaptureError, match="is a folder"):
            recognise(tmp_path)

    def test_the_file_of_the_expected_format_may_be_damaged(self, path: Path) -> None:
        path.write_bytes(READABLE_FILES["kraken"][0])
        assert looks_like(path, "kraken") == "it begins like such a file: fetch it again, it may be damaged"
        assert looks_like(path, "itch") == "it looks like a capture of Kraken's messages: read it as 'kraken'"

    def test_an_error_about_a_file_of_the_format_stays(self, path: Path) -> None:
        path.write_bytes(READABLE_FILES["kraken"][0])
        with pytest.raises(CaptureError, match=r"^line 1\Z"), explaining(path, "kraken"):
            raise CaptureError("line 1")
        with pytest.raises(CaptureError, match=r"^line 1; it looks like .* 'kraken'\Z"), explaining(path, "binance"):
            raise CaptureError("line 1")


MARKS: dict[str, Callable[[bytes], bytes]] = {
    "byte-order mark": lambda content: b"\xef\xbb\xbf" + content,
    "marks of joined files": lambda content: content.replace(b"\n", b"\n\xef\xbb\xbf"),
    "CRLF": lambda content: content.replace(b"\n", b"\r\n"),
    "blank lines": lambda content: b"\n" + content.replace(b"\n", b"\n \t\n\n"),
    "spaces around": lambda content: b" " + content.replace(b"\n", b" \n\t"),
    "no newline at the end": lambda content: content.rstrip(b"\n"),
    "zeros at the end": lambda content: content + bytes(5000),
    "end of file of DOS": lambda content: content + b"\x1a",
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "zeros behind": lambda content: gzip.compress(content) + bytes(5000),
    "zeros between": lambda content: gzip.compress(content[:50]) + bytes(512) + gzip.compress(content[50:]),
    "empty members": lambda content: gzip.compress(b"") + gzip.compress(content) + gzip.compress(b""),
    "twice": lambda content: gzip.compress(gzip.compress(content)),
}


class TestTolerance:
    """What one reader passes over, every reader does, and the rows are the same."""

    @pytest.mark.parametrize("name", ["binance", "kraken", "lobster"])
    @pytest.mark.parametrize("mark", MARKS)
    def test_of_marks_in_text(self, path: Path, name: str, mark: str) -> None:
        self.check(path, name, MARKS[mark])

    @pytest.mark.parametrize("name", READABLE_FILES)
    @pytest.mark.parametrize("packing", PACKINGS)
    def test_of_packings(self, path: Path, name: str, packing: str) -> None:
        self.check(path.with_name(NAME + ".gz"), name, PACKINGS[packing])

    def check(self, path: Path, name: str, change: Callable[[bytes], bytes]) -> None:
        content = READABLE_FILES[name][0]
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
        wanted = EventBatch.concat(READERS[name].read(path))
        path.write_bytes(change(content))
        found = EventBatch.concat(READERS[name].read(path))
        assert len(found) == len(wanted) > 0
        for column in COLUMNS:
            if column != "sequence":  # of some formats the line
                assert getattr(found, column).tolist() == getattr(wanted, column).tolist()
        assert recognise(path).format == name


class TestReaders:
    """Each reader refuses what is not its own, before any row."""

    @pytest.mark.no_cover
    @pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("empty")])
    def test_refuse_look_alikes(self, path: Path, name: str) -> None:
        path = path.with_name(NAME + ".gz") if name.endswith("-gzip") else path
        content, what = FILES[name]
        path.write_bytes(content)
        for reader, module in READERS.items():
            rows, said = rows_until_error(module, path)
            assert rows == 0, reader
            assert what in said, reader
            assert said.isprintable(), reader

    @pytest.mark.parametrize(("reader", "symbol"), [("binance", b"BTCUSDT"), ("kraken", b"XBT/USD")])
    @pytest.mark.parametrize("bad", [rb"\u001b[31mX", b"", b" X", b"X" * 200])
    def test_refuse_an_impossible_symbol_in_its_line(self, path: Path, reader: str, symbol: bytes, bad: bytes) -> None:
        content = READABLE_FILES[reader][0]
        damaged = content.replace(b'"' + symbol + b'"', b'"' + bad + b'"')
        path.write_bytes(damaged)
        rows, said = rows_until_error(READERS[reader], path)
        assert rows == 0
        assert "line 1: has a symbol that cannot be" in said
        assert said.isprintable()
        path.write_bytes(content + damaged)
        rows, said = rows_until_error(READERS[reader], path)
        assert rows == sum(map(len, READERS[reader].read(self.rewritten(path, content))))
        assert said.isprintable()

    def rewritten(self, path: Path, content: bytes) -> Path:
        path.write_bytes(content)
        return path

    @pytest.mark.parametrize("name", READABLE_FILES)
    @pytest.mark.parametrize("reader", READERS)
    def test_refuse_each_others_files_and_say_who_reads_them(self, path: Path, reader: str, name: str) -> None:
        content, what = READABLE_FILES[name]
        path.write_bytes(content)
        if reader == name:
            assert sum(map(len, READERS[reader].read(path))) > 0
            return
        rows, said = rows_until_error(READERS[reader], path)
        assert rows == 0
        assert said.endswith(f"; it looks like {what}: read it as {name!r}")

    @pytest.mark.parametrize("folder", ["iex", "nyse", "binance", "kraken", "lobster"])
    def test_of_itch_refuses_every_real_file_of_another_format(self, folder: str) -> None:
        for file in sorted(one for one in shared_data(folder).rglob("*") if one.is_file()):
            rows, said = rows_until_error(itch, file)
            assert rows == 0
            assert recognise(file).what in said

    @pytest.mark.parametrize("reader", ["binance", "kraken", "lobster"])
    @pytest.mark.parametrize("folder", ["iex", "nyse", "nasdaq", "itch"])
    def test_of_text_refuse_every_real_binary_file(self, reader: str, folder: str) -> None:
        for file in sorted(one for one in shared_data(folder).rglob("*") if one.is_file()):
            rows, said = rows_until_error(READERS[reader], file)
            assert rows == 0
            assert recognise(file).what in said
