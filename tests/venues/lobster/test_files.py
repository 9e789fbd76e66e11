"""Which files make a pair, and what is said where they do not."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from hftlab.errors import CaptureError
from hftlab.events import EventBatch
from hftlab.venues import lobster
from tests.shared_data import shared_data
from tests.venues.captures import rows_of
from tests.venues.lobster_pairs import NAME, Levels, Message, write_pair

MESSAGES: list[Message] = [(34200.0 + number, 1, number + 1, 10, 1_000 + number, 1) for number in range(50)]
BOOKS: list[tuple[Levels, Levels]] = [
    ({1_000 + number: 10, 999 + number: 10} if number else {1_000: 10}, {2_000: 1, 2_001: 1}) for number in range(50)
]
MESSAGE, ORDERBOOK = NAME.format("message"), NAME.format("orderbook")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_pair(tmp_path, MESSAGES, BOOKS)


def rows(path: Path) -> list[tuple[str, str, float, float, int]]:
    return rows_of(EventBatch.concat(lobster.read(path)))


def read_until_error(path: Path, **options: object) -> tuple[EventBatch, str]:
    batches: list[EventBatch] = []
    with pytest.raises(CaptureError) as caught:
        batches.extend(lobster.read(path, **options))  # type: ignore[arg-type]
    return EventBatch.concat(batches), str(caught.value)


def zipped(path: Path, *names: str) -> Path:
    archive_path = path.with_name("pair.zip")
    with zipfile.ZipFile(archive_path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(path.with_name(name), name)
        archive.writestr("readme.txt", "about these")
    return archive_path


class TestForms:
    def test_gzip_and_zip_read_as_plain(self, path: Path) -> None:
        plain = rows(path)
        assert len(plain) == len(EventBatch.concat(lobster.read(path, chunk=7)))
        archive = zipped(path, ORDERBOOK, MESSAGE)
        assert rows(archive) == plain
        for name in (MESSAGE, ORDERBOOK):
            path.with_name(f"{name}.gz").write_bytes(gzip.compress(path.with_name(name).read_bytes()))
        assert rows(path.with_name(f"{MESSAGE}.gz")) == plain

    def test_an_order_book_of_another_name_can_be_given(self, path: Path) -> None:
        plain = rows(path)
        other = path.with_name(ORDERBOOK).rename(path.with_name("book.csv"))
        assert rows(path) != plain
        assert rows_of(EventBatch.concat(lobster.read(path, orderbook=other))) == plain

    def test_lines_may_end_as_on_windows_and_the_last_not_at_all(self, path: Path) -> None:
        plain = rows(path)
        for one in (path, path.with_name(ORDERBOOK)):
            one.write_bytes(one.read_bytes().replace(b"\n", b"\r\n").rstrip())
        assert rows(path) == plain

    def test_progress_rises_to_the_size_of_the_file(self, path: Path) -> None:
        for one in (path, zipped(path, MESSAGE, ORDERBOOK)):
            seen: list[int] = []
            list(lobster.read(one, progress=seen.append))
            assert seen == sorted(seen)
            assert seen[-1] == one.stat().st_size


class TestErrors:
    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            ("34251.0,1,99,10", "has '34251.0,1,99,10', not 6 numbers: it is cut off, or not a LOBSTER file"),
            ("34251.0,1,99,10,1000,", "has '34251.0,1,99,10,1000,', not 6 numbers"),
            ("34251.0,1,99,10,1000,x", "not 6 numbers"),
            ("nan,1,99,10,1000,1", "not 6 numbers"),
            ("34251.0,1,99,10,1000,0", "has 34251,1,99,10,1000,0, which is not a LOBSTER message"),
            ("34251.0,1,99,0,1000,1", "not a LOBSTER message"),
            ("34251.0,1,99,10.5,1000,1", "not a LOBSTER message"),
            ("34251.0,1,-99,10,1000,1", "not a LOBSTER message"),
            ("34251.0,1,99,10,5000000000,1", "not a LOBSTER message"),
            ("86400.0,1,99,10,1000,1", "not a LOBSTER message"),
        ],
    )
    @pytest.mark.parametrize("chunk", [1, 50, 1000])
    def test_a_line_that_is_none_is_named_after_all_before_it(
        self, path: Path, bad: str, said: str, chunk: int
    ) -> None:
        good = rows(path)
        with path.open("a") as file:
            file.write(f"{bad}\n34252.0,1,100,10,1000,1\n")
        books = path.with_name(ORDERBOOK)
        books.write_text(books.read_text() + 2 * (books.read_text().splitlines()[-1] + "\n"))
        batch, error = read_until_error(path, chunk=chunk)
        assert rows_of(batch) == good
        assert error.startswith(f"{path}, line 51: ")
        assert said in error

    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            ("1,2,3", "has '1,2,3', not 8 numbers"),
            ("1,2,3,4,5,6,7,-8", "has no LOBSTER order book: fetch it again"),
            ("1,2,3,4,5,6,-7,8", "has no LOBSTER order book"),
        ],
    )
    def test_a_bad_line_of_the_order_book_is_named_too(self, path: Path, bad: str, said: str) -> None:
        good = rows(path)
        with path.open("a") as file:
            file.write("34251.0,1,99,10,1000,1\n")
        books = path.with_name(ORDERBOOK)
        with books.open("a") as file:
            file.write(f"{bad}\n")
        batch, error = read_until_error(path)
        assert rows_of(batch) == good
        assert error.startswith(f"{books}, line 51: {said}")

    def test_an_order_book_of_other_columns(self, path: Path) -> None:
        path.with_name(ORDERBOOK).write_text("1,2,3,4,5,6\n" * 50)
        batch, error = read_until_error(path)
        assert len(batch) == 0
        assert "line 1: has no LOBSTER order book" in error

    def test_a_truncated_gzip_file_gives_its_events_first(self, path: Path) -> None:
        packed = path.with_name(f"{MESSAGE}.gz")
        packed.write_bytes(gzip.compress(path.read_bytes())[:-4])
        path.with_name(ORDERBOOK).unlink()
        batch, error = read_until_error(packed)
        assert len(batch) == 50
        assert "line 51: the gzip data ends too early" in error

    @pytest.mark.parametrize("name", [MESSAGE, ORDERBOOK])
    def test_files_that_do_not_end_together(self, path: Path, name: str) -> None:
        good = rows(path)
        short = path.with_name(name)
        short.write_text("".join(short.read_text().splitlines(keepends=True)[:30]))
        batch, error = read_until_error(path, chunk=20)
        assert batch.sequence[-1] == 30
        assert rows_of(batch) == good[: len(batch)]
        assert error == f"{path} and its order book differ in length after line 30: fetch both again"

    def test_a_damaged_archive(self, path: Path) -> None:
        archive = zipped(path, MESSAGE, ORDERBOOK)
        whole = bytearray(archive.read_bytes())
        cut = path.with_name("cut.zip")
        cut.write_bytes(whole[:-30])
        with pytest.raises(CaptureError, match="is not a complete zip archive"):
            lobster.read(cut)
        at = whole.find(b"message_2.csv") + 60
        whole[at : at + 40] = bytes(40)
        flipped = path.with_name("flipped.zip")
        flipped.write_bytes(whole)
        assert "in the archive is damaged" in read_until_error(flipped)[1]

    def test_paths_that_are_no_pair_are_refused_at_once(self, path: Path) -> None:
        folder = path.parent
        (folder / NAME.format("message").replace("AAPL", "NONE")).touch()
        (folder / MESSAGE.replace("AAPL", "A" * 129)).touch()
        (folder / "AAPL_2012-13-21_1_2_message_1.csv").write_text("1,1,1,1,1,1\n")
        (folder / "text.csv").write_text("time,price\n")
        (folder / "MSFT_2012-06-21_1_2_message_1.csv").write_text("time,price\n")
        for name, said in (
            ("nowhere", "does not exist"),
            (ORDERBOOK, "is the order book of a pair: name the message file beside it"),
            ("text.csv", "has no symbol and date in its name: name it TICKER_DATE_START_END_message_LEVEL.csv"),
            (MESSAGE.replace("AAPL", "A" * 129), "has no symbol and date in its name"),
            (MESSAGE.replace("AAPL", "NONE"), "has no messages: fetch it again"),
            ("AAPL_2012-13-21_1_2_message_1.csv", "has no date in its name"),
            ("MSFT_2012-06-21_1_2_message_1.csv", "line 1: has 'time,price', not 6 numbers"),
        ):
            with pytest.raises(CaptureError, match=said):
                lobster.read(folder / name)
        with pytest.raises(CaptureError, match="holds 0 message and 1 orderbook files"):
            lobster.read(zipped(path, ORDERBOOK))
        with pytest.raises(ValueError, match="chunk must be 1 or more messages"):
            lobster.read(path, chunk=0)

    def test_an_order_book_that_is_not_there_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(CaptureError, match="has no order book beside it"):
            list(lobster.read_books(write_pair(tmp_path, MESSAGES)))


def test_a_real_archive_cut_short_is_refused(tmp_path: Path) -> None:
    whole = shared_data("lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip")
    path = tmp_path / "cut.zip"
    path.write_bytes(whole.read_bytes()[:300_000])
    with pytest.raises(CaptureError, match="is not a complete zip archive"):
        lobster.read(path)
