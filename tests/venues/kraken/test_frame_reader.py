"""Captures of Kraken's API v2: what each line becomes, in both forms of lines, and what is wrong with others."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from hftlab.book import BookSet
from hftlab.errors import CaptureError
from hftlab.events import F_LAST, F_MAYBE_BAD_BOOK, F_MBP, F_SNAPSHOT, EventBatch
from hftlab.ingest import import_capture
from hftlab.instruments import UNIT, Instrument
from hftlab.venues import kraken
from hftlab.venues.recognition import recognise_format
from tests.venues.captures import rows_of
from tests.venues.kraken_captures import CONNECTION, REQUEST, snapshot
from tests.venues.kraken_frames import OracleBook, ack, book_frame, trade_frame

START = 1_790_358_500  # s
LAST, LEVEL, SNAP, DOUBT = F_LAST, F_MBP, F_MBP | F_SNAPSHOT, F_MAYBE_BAD_BOOK
STATUS = b'{"channel":"status","type":"update","data":[{"system":"online"}]}'
HEARTBEAT = b'{"channel":"heartbeat"}'
BIDS = {"100.1": "2.00000000", "100.0": "3.00000000"}
ASKS = {"100.2": "1.50000000"}


def frames(*, depth: int = 10, wrong: bool = False) -> list[bytes]:
    """Return a session of one pair: its answer, a snapshot, an update and trades."""
    book = OracleBook(depth)
    book.apply(BIDS.items(), ASKS.items(), is_snapshot=True)
    first = book_frame("snapshot", BIDS, ASKS, book.checksum())
    change = {"100.1": "0.00000000", "99.9": "4.00000000"}
    book.apply(change.items(), [], is_snapshot=False)
    second = book_frame("update", change, {}, book.checksum() ^ wrong)
    trades = [trade_frame("snapshot", 1, 2), trade_frame("update", 3, side="sell")]
    return [STATUS, ack(depth), HEARTBEAT, first, second, *trades]


def write(path: Path, payloads: list[bytes], form: str = "{}.5: ") -> Path:
    """Write a frame a line, received a second after the other; bytes of other lines as they are."""
    lines = [
        payload if payload.startswith(b"wss") else form.format(START + number).encode() + payload
        for number, payload in enumerate(payloads)
    ]
    text = b"\n".join(lines) + b"\n"
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def read_whole(path: Path, **options: object) -> tuple[EventBatch, kraken.Reader | kraken.FrameReader]:
    reader = kraken.read(path, **options)  # type: ignore[arg-type]
    return EventBatch.concat(reader), reader


@pytest.mark.parametrize(("name", "form"), [("k.txt", "{}.5: "), ("k.gz", "{}500000000 "), ("k.txt", "{}.5:")])
def test_of_a_session_in_every_form(tmp_path: Path, name: str, form: str) -> None:
    path = write(tmp_path / name, [CONNECTION, REQUEST, *frames()], form)
    assert recognise_format(path) == "kraken"
    batch, reader = read_whole(path)
    assert isinstance(reader, kraken.FrameReader)
    assert rows_of(batch) == [
        ("R", "N", 0.0, 0.0, F_SNAPSHOT),
        ("A", "B", 100.1, 2.0, SNAP),
        ("A", "B", 100.0, 3.0, SNAP),
        ("A", "A", 100.2, 1.5, SNAP | LAST),
        ("C", "B", 100.1, 0.0, LEVEL),
        ("M", "B", 99.9, 4.0, LEVEL | LAST),
        ("T", "A", 100.5, 0.5, LAST),
    ]
    assert batch.sequence.tolist() == [6, 6, 6, 6, 7, 7, 3]
    assert (batch.ts_recv // UNIT).tolist() == [START + second for second in (5, 5, 5, 5, 6, 6, 8)]
    assert reader.instruments == (Instrument("BTC/USD", kraken.KRAKEN, UNIT // 10, 10, "USD"),)
    assert str(reader.verification) == "2 of 2 checksums match"
    stats = reader.stats
    assert (stats.connections, stats.requests, stats.snapshots, stats.updates, stats.trades) == (1, 1, 1, 1, 1)
    assert stats.events == {"status": 1, "heartbeat": 1, "subscribe": 1}


def test_a_checksum_that_differs_is_counted_and_flags_the_rows(tmp_path: Path) -> None:
    batch, reader = read_whole(write(tmp_path / "k.txt", frames(wrong=True)))
    assert batch.flags.tolist()[4:] == [LEVEL | DOUBT, LEVEL | DOUBT | LAST, LAST]
    assert kraken.verify(tmp_path / "k.txt").differing == 1
    assert "the first that does not is of BTC/USD in line 5" in str(reader.verification)


def test_a_new_connection_clears_the_books(tmp_path: Path) -> None:
    batch, _ = read_whole(write(tmp_path / "k.txt", [*frames(), CONNECTION, frames()[3]]))
    assert rows_of(batch)[7:9] == [("R", "N", 0.0, 0.0, LAST), ("R", "N", 0.0, 0.0, F_SNAPSHOT)]


def test_a_new_subscription_ends_the_book_of_the_one_before(tmp_path: Path) -> None:
    """Raw frames of a live feed have no lines of connections: their books end when they were heard last."""
    batch, _ = read_whole(write(tmp_path / "k.txt", [*frames(), *frames()]))
    assert rows_of(batch)[7:9] == [("R", "N", 0.0, 0.0, LAST), ("R", "N", 0.0, 0.0, F_SNAPSHOT)]
    assert [int(at) - START for at in batch.ts_recv[7:9] // UNIT] == [len(frames()), len(frames()) + 3]


def test_an_answer_behind_its_snapshot_ends_nothing(tmp_path: Path) -> None:
    status, answer, _, first, *rest = frames()
    batch, _ = read_whole(write(tmp_path / "k.txt", [status, first, answer, *rest]))
    assert [row[0] for row in rows_of(batch)] == ["R", "A", "A", "A", "C", "M", "T"]


def test_pairs_are_selected_and_missing_ones_named(tmp_path: Path) -> None:
    other = book_frame("snapshot", {"1.5": "1.0"}, {}, OracleBook().checksum(), "ETH/USD")
    path = write(tmp_path / "k.txt", [*frames(), other])
    batch, reader = read_whole(path, symbols=["ETH/USD"])
    assert [one.symbol for one in reader.instruments] == ["ETH/USD"]
    assert len(batch) == 2
    with pytest.raises(CaptureError, match="does not have 'XRP/USD'"):
        read_whole(path, symbols=["XRP/USD"])


def test_an_instrument_may_be_given(tmp_path: Path) -> None:
    path = write(tmp_path / "k.txt", frames())
    given = Instrument("BTC/USD", kraken.KRAKEN, UNIT // 100, 1, "USD")
    batch, _ = read_whole(path, instrument=given)
    assert batch.instruments == (given,)
    assert kraken.detect_instrument(path, "BTC/USD").tick == UNIT // 10
    with pytest.raises(CaptureError, match="not a multiple of the tick"):
        read_whole(path, instrument=Instrument("BTC/USD", kraken.KRAKEN, UNIT, 1, "USD"))
    with pytest.raises(CaptureError, match="has no pair ETH/USD"):
        read_whole(path, instrument=Instrument("ETH/USD", kraken.KRAKEN, UNIT, 1, "USD"))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"hello", "line 8: does not start with a receive time"),
        (b"12: {}", "line 8: does not start with a receive time in seconds"),
        (b"1790358509.5: {", "line 8: is not a Kraken message"),
        (b'1790358509.5: {"channel":"book","type":"update","data":[{}]}', "line 8: is not a Kraken message"),
        (b"1790358509.5: " + book_frame("update", {"1": "-1"}, {}, 1), "line 8: is not a Kraken message"),
        (b"1790358509.5: " + book_frame("update", {}, {}, 1, time="now"), "line 8: is not a Kraken message"),
        (b"1790358509.5: " + json.dumps(snapshot({}, {})).encode(), "line 8: is of Kraken's WebSocket API v1"),
        (b'1790358509.5: {"event":"heartbeat"}', "line 8: is of Kraken's WebSocket API v1"),
    ],
)
def test_a_line_of_another_form_is_an_error_after_what_is_whole(tmp_path: Path, line: bytes, why: str) -> None:
    path = write(tmp_path / "k.txt", frames())
    path.write_bytes(path.read_bytes() + line + b"\n")
    reader, rows = kraken.read(path), 0
    with pytest.raises(CaptureError, match=why):
        for batch in reader:
            rows += len(batch)
    assert rows == 7


@pytest.mark.parametrize(
    ("payloads", "why"),
    [
        ([STATUS, HEARTBEAT], "has no Kraken message of a book"),
        ([STATUS, book_frame("update", {"1": "1"}, {}, 1)], "has no book snapshot"),
    ],
)
def test_a_capture_without_a_book_says_so(tmp_path: Path, payloads: list[bytes], why: str) -> None:
    with pytest.raises(CaptureError, match=why):
        read_whole(write(tmp_path / "k.txt", payloads))


def test_an_imported_session_has_its_books_and_trades(tmp_path: Path) -> None:
    path = write(tmp_path / "k.gz", frames(), "{}000000000 ")
    session = import_capture("kraken", path, tmp_path / "session").session
    assert session.manifest.symbols == ["BTC/USD"]
    last = session.market_data.collect().row(-1, named=True)
    assert (last["bid"], last["ask"]) == (100.0, 100.2)
    books = BookSet()
    instruments = [Instrument.from_dict(one) for one in session.manifest.source["instruments"]]
    books.apply(EventBatch.from_polars(session.events.collect().drop("symbol"), instruments))
    assert [level[:2] for level in books[instruments[0]].bids(5)] == [(100.0, 3.0), (99.9, 4.0)]
