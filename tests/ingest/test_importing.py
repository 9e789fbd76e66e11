"""A venue's capture becomes a session with its events and the messages made of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hftlab.clock import in_words
from hftlab.errors import CaptureError, SessionExists
from hftlab.events import EventBatch
from hftlab.ingest import FORMATS, import_capture, importing
from hftlab.instruments import UNIT, Instrument, find_instrument
from hftlab.protocol import MarketData
from hftlab.session import event_table, open_session, recover
from hftlab.session.manifest import read_manifest
from hftlab.venues import binance, itch, lobster, nyse, pcap
from tests.command import Run
from tests.session.sessions import numbered, replayed, write_session
from tests.shared_data import shared_data
from tests.venues import kraken_captures
from tests.venues.captures import SNAPSHOT, START, trade, update, write_capture
from tests.venues.dbn.files import ES, ORDERS, mbo, metadata, write_dbn
from tests.venues.lobster_pairs import Message, write_pair
from tests.venues.look_alikes import READABLE_FILES
from tests.venues.nyse.streams import packet

MESSAGES = [
    SNAPSHOT,
    update(10, 11, {"100.01": "5"}, {}),
    trade(1, "100.02", "0.5", buyer_is_maker=False),
    update(12, 12, {}, {"100.02": "1.0", "100.03": "7"}),
]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return write_capture(tmp_path / "capture.gz", *MESSAGES)


def test_a_capture_becomes_messages_in_its_own_time(capture: Path, tmp_path: Path) -> None:
    """The capture's messages were received at 1, 2, 3 and 4 seconds."""
    session, stats = import_capture("binance", capture, tmp_path / "session")
    received = replayed(session)
    assert [at for at, _ in received] == sorted(at for at, _ in received)
    assert {at // 1_000_000_000 - START for at, _ in received} <= {1, 2, 3, 4}
    last = received[-1][1]
    assert isinstance(last, MarketData)
    (state,) = last.symbols
    assert (state.symbol, state.bid, state.bid_size, state.ask) == ("BTCUSDT", 100.01, 5.0, 100.02)
    assert [(level.price, level.size) for level in state.asks] == [(100.02, 1.0), (100.03, 7.0)]
    assert [(level.price, level.size) for level in state.bids] == [(100.01, 5.0), (100.0, 3.0)]
    (sold,) = [one for _, message in received for symbol in message.symbols for one in symbol.trades or ()]
    assert (sold.price, sold.size, sold.side) == (100.02, 0.5, "BUY")
    assert session.manifest.source["format"] == "binance"
    assert session.manifest.source["stats"] == stats
    assert "damage" not in session.manifest.source


def test_the_events_are_those_of_the_decoder(capture: Path, tmp_path: Path) -> None:
    session = import_capture("binance", capture, tmp_path / "session").session
    decoded = EventBatch.concat(binance.read(capture))
    events = session.events.collect()
    assert events.drop("symbol").equals(decoded.to_polars())
    assert events["symbol"].to_list() == ["BTCUSDT"] * len(decoded)
    assert session.manifest.rows("events") == len(decoded)
    instruments = [Instrument.from_dict(values) for values in session.manifest.source["instruments"]]
    again = EventBatch.from_polars(events, instruments)
    assert (again.instruments, again.price.tolist()) == (decoded.instruments, decoded.price.tolist())


class TestRelativePaths:
    """They are resolved when they are given; the readers read later, wherever the process then is."""

    def moved(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")

    @pytest.mark.parametrize("name", READABLE_FILES)
    def test_of_every_reader(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        path = tmp_path / "ZZT_2024-01-02_34200000_57600000_message_1.csv"
        path.write_bytes(READABLE_FILES[name][0])
        monkeypatch.chdir(tmp_path)
        reader = FORMATS[name].read(path.name)
        self.moved(tmp_path, monkeypatch)
        assert sum(map(len, reader)) == sum(map(len, FORMATS[name].read(path))) > 0
        assert reader.path == path

    def test_of_messages_and_order_books(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "day").write_bytes(READABLE_FILES["itch"][0])
        books_after = [({5_853_300: 10}, {})]
        pair = write_pair(tmp_path, [(34200.0, 1, 7, 10, 5_853_300, 1)], books_after)
        monkeypatch.chdir(tmp_path)
        messages, books = itch.messages("day"), lobster.read_books(pair.name)
        self.moved(tmp_path, monkeypatch)
        assert len(list(messages)) > 0
        assert len(list(books)) > 0


def test_progress_is_reported_up_to_the_size_of_the_file(capture: Path, tmp_path: Path) -> None:
    reported: list[int] = []
    import_capture("binance", capture, tmp_path / "session", progress=reported.append)
    assert max(reported) == capture.stat().st_size


def test_the_manifest_counts_what_was_read_and_not_what_was_looked_through(tmp_path: Path) -> None:
    """The survey of a whole capture moves the bar, but the session has no more of it than what was read."""
    updates = (update(number, number, {f"{number}.01": "1"}, {}) for number in range(11, 12_000))
    capture, folder = write_capture(tmp_path / "capture", SNAPSHOT, *updates), tmp_path / "session"
    reported: list[int] = []
    claimed: list[int] = []

    def note(done: int) -> None:
        if folder.is_dir():
            claimed.append(read_manifest(folder).source["extent"]["bytes"])
            assert claimed[-1] <= done
        else:
            reported.append(done)

    import_capture("binance", capture, folder, progress=note)
    assert capture.stat().st_size in reported
    assert 0 < claimed[0] < capture.stat().st_size


def test_events_before_the_damage_are_a_session(capture: Path, tmp_path: Path) -> None:
    """The capture is cut off; the error says where, and the manifest keeps it."""
    capture.write_bytes(capture.read_bytes()[:-12])
    with pytest.raises(CaptureError, match=r"ends too early.*messages before it are in") as caught:
        import_capture("binance", capture, tmp_path / "session")
    assert caught.value.path == capture
    session = open_session(tmp_path / "session")
    assert not session.manifest.complete
    assert session.manifest.messages > 0
    assert "ends too early" in session.manifest.source["damage"]
    assert len(replayed(session)) == session.manifest.messages


def test_events_before_a_time_that_cannot_be_are_a_session(tmp_path: Path) -> None:
    """The second packet says that it was sent at the beginning of 1970."""
    add = [
        nyse.message_bytes(
            "100", symbol_index=7, order_id=number, side="B", volume=5, price=10_000, symbol_seq_num=number
        )
        for number in (1, 2)
    ]
    mapping = nyse.message_bytes("3", symbol_index=7, symbol="ZZZ", price_scale_code=4)
    times = [1_767_364_200 * UNIT, 0]
    payloads = [packet(mapping, add[0], sent=times[0]), packet(add[1], sent=times[1])]
    with pcap.PcapWriter(tmp_path / "day.pcap") as writer:
        writer.write(pcap.Datagrams.of(payloads, times[0], pcap.Flow("192.0.2.1", 1, "233.252.0.1", 2)))
    with pytest.raises(
        CaptureError, match=r"day\.pcap: what was received at 1767364200000000000 ns .* `timestamp` is 0"
    ):
        import_capture("nyse", tmp_path / "day.pcap", tmp_path / "session")
    assert open_session(tmp_path / "session").manifest.messages == 1


def test_a_packet_capture_that_is_cut_off_says_so(tmp_path: Path, run: Run) -> None:
    start, path = 1_767_364_200 * UNIT, tmp_path / "day.pcap"
    name = nyse.message_bytes("3", symbol_index=7, symbol="SEVEN", price_scale_code=4)
    add = nyse.message_bytes("100", symbol_index=7, order_id=7, side="B", volume=5, price=10_000)
    with pcap.PcapWriter(path) as writer:
        flow = pcap.Flow("192.0.2.1", 1, "233.252.0.1", 2)
        writer.write(pcap.Datagrams.of([packet(name, add, sent=start)], start, flow))
        writer.write(pcap.Datagrams.of([packet(add, sent=start)], start + 1, flow))
    assert "is_torn" not in import_capture("nyse", path, tmp_path / "whole").stats
    path.write_bytes(path.read_bytes()[:-5])
    code, out, _ = run("import", path, "-o", tmp_path / "cut")
    assert (code, "  is torn: yes\n" in out) == (0, True)
    assert open_session(tmp_path / "cut").manifest.source["stats"]["is_torn"]


def test_messages_that_wait_for_their_interval_are_kept_before_one_that_cannot_be(tmp_path: Path) -> None:
    """With a pace that message comes at the end, where those of other symbols wait as well."""
    start = 1_767_364_200 * UNIT
    names = [
        nyse.message_bytes("3", symbol_index=at, symbol=symbol, price_scale_code=4) for at, symbol in NAMES.items()
    ]
    add = {
        at: nyse.message_bytes("100", symbol_index=at, order_id=at, side="B", volume=5, price=10_000) for at in NAMES
    }
    with pcap.PcapWriter(tmp_path / "day.pcap") as writer:
        flow = pcap.Flow("192.0.2.1", 1, "233.252.0.1", 2)
        writer.write(pcap.Datagrams.of([packet(*names, add[7], sent=start)], start, flow))
        writer.write(pcap.Datagrams.of([packet(add[8], sent=0)], start + 1, flow))
        writer.write(pcap.Datagrams.of([packet(add[9], sent=start)], start + 2, flow))
    with pytest.raises(CaptureError, match=r"`timestamp` is 0.*\(2 messages before it are in "):
        import_capture("nyse", tmp_path / "day.pcap", tmp_path / "session", pace=UNIT)
    session = open_session(tmp_path / "session")
    assert (session.manifest.symbols, session.events.collect().height) == (["SEVEN", "ZNINE"], 3)
    assert not session.manifest.source["extent"]["whole"]


NAMES = {7: "SEVEN", 8: "EIGHT", 9: "ZNINE"}


class TestFormats:
    """Every format goes through EventBatch and books to a session."""

    def test_kraken(self, tmp_path: Path) -> None:
        other = kraken_captures.snapshot({"1": "2"}, {"3": "4"}, pair="ADA/XBT")
        path = kraken_captures.write_capture(
            tmp_path / "capture.gz",
            kraken_captures.snapshot({"100.1": "2.00"}, {"100.2": "1.50"}),
            other,
            kraken_captures.update({"100.1": "7.00"}, {}, 99),
        )
        session, stats = import_capture("kraken", path, tmp_path / "session")
        assert session.manifest.symbols == ["ADA/XBT", "XBT/EUR"]
        assert [at - kraken_captures.START * UNIT for at, _ in replayed(session)] == [
            1_500_000_000,
            2_500_000_000,
            3_500_000_000,
        ]
        assert session.market_data.select("bid_size").collect()["bid_size"].to_list() == [2.0, 2.0, 7.0]
        assert (stats["checksums"], stats["checksums_differing"]) == (1, 1)
        only = import_capture("kraken", path, tmp_path / "only", symbols=["ADA/XBT"]).session
        assert (only.manifest.symbols, only.manifest.messages) == (["ADA/XBT"], 1)

    def test_lobster(self, tmp_path: Path) -> None:
        messages: list[Message] = [(34200.0, 1, 7, 10, 5_853_300, 1), (34201.0, 4, 7, 4, 5_853_300, 1)]
        session, stats = import_capture("lobster", write_pair(tmp_path, messages), tmp_path / "session")
        assert stats["types"] == {"1": 1, "4": 1}
        (first, last) = session.market_data.collect().to_dicts()
        assert (first["bid"], first["bid_size"], first["bids"][0]["orders"]) == (585.33, 10.0, 1)
        assert (last["bid_size"], last["price"], last["trades"][0]["side"]) == (6.0, 585.33, "SELL")
        assert session.duration == 1.0
        with pytest.raises(CaptureError, match="holds one symbol, as files of lobster do: leave out the symbols"):
            import_capture("lobster", tmp_path / "x", tmp_path / "other", symbols=["AAPL"])

    def test_itch(self, tmp_path: Path) -> None:
        """hftlab writes the file, and its last message is cut in the middle."""
        messages: list[Message] = [(34200.0 + at, 1, 7 + at, 10, 5_853_300 + 100 * at, 1) for at in range(20)]
        messages.append((34300.0, 1, 99, 10, 5_900_001, 1))
        whole = tmp_path / "06212012.NASDAQ_ITCH50"
        itch.write(whole, lobster.read(write_pair(tmp_path, messages)), date="2012-06-21")
        whole.write_bytes(whole.read_bytes()[:-3])
        session, stats = import_capture("itch", whole, tmp_path / "session")
        assert stats["messages"]["A"] == 21
        assert stats["truncated_bytes"] > 0
        assert session.manifest.symbols == ["AAPL"]
        assert session.market_data.select("bid").collect()["bid"].to_list()[-1] == 585.52
        # The market has no such price: no book got it, but it is among the events.
        assert stats["filtered"] == {"off-tick": 1}
        assert session.events.collect()["order_id"].to_list() == [*range(7, 27), 99]

    def test_a_real_day_cut_out_of_nasdaqs(self, tmp_path: Path) -> None:
        """The counts include all of 1,000 messages from 09:30 on 30 December 2019."""
        path = shared_data("itch/12302019_SNIPPET.NASDAQ_ITCH50")
        session, stats = import_capture("itch", path, tmp_path / "session")
        assert sum(stats["messages"].values()) == 1_000
        assert session.manifest.messages > 500
        one = session.manifest.symbols[0]
        chosen = import_capture("itch", path, tmp_path / "chosen", symbols=[one]).session
        assert chosen.manifest.symbols == [one]
        whole = session.market_data.filter(pl.col("symbol") == one).collect()
        assert chosen.market_data.drop("message").collect().equals(whole.drop("message"))

    def test_dbn(self, tmp_path: Path) -> None:
        """Orders of two contracts, in a file that is packed."""
        other = [mbo("A", "B", 17000.25, 1, 1, 8, number=9), mbo("A", "A", 17000.5, 2, 2, 8, number=9)]
        path = write_dbn(tmp_path / "a.dbn.zst", *ORDERS, *other, head=metadata(ESH4=ES, NQH4=9))
        session, stats = import_capture("dbn", path, tmp_path / "session", instrument="NQH4,tick=0.25")
        assert session.manifest.symbols == ["ESH4", "NQH4"]
        assert session.events.collect().height == len(ORDERS) + 2
        assert (stats["records"], stats["trades"]) == (len(ORDERS) + 2, 1)
        assert [level.price for level in session.book_at(2**62, "NQH4").asks()] == [17000.5]
        only = import_capture("dbn", path, tmp_path / "only", symbols=["NQH4"]).session
        assert only.manifest.symbols == ["NQH4"]

    def test_hftbacktest(self, capture: Path, tmp_path: Path) -> None:
        """The events of a session come back from its array, with the venue's times never behind its reception."""
        session = import_capture("binance", capture, tmp_path / "session").session
        array = tmp_path / "any.npz"
        np.savez_compressed(array, data=session.to_hftbacktest())
        again = import_capture("hftbacktest", array, tmp_path / "again", instrument="BTCUSDT,tick=0.01").session
        events, wanted = again.events.collect(), session.events.collect()
        assert events.drop("ts_event").equals(wanted.drop("ts_event"))
        assert again.market_data.collect().height == session.market_data.collect().height


def test_with_a_pace_a_symbol_has_one_message_an_interval_and_every_trade(capture: Path, tmp_path: Path) -> None:
    """Messages at 1, 2, 3 and 4 seconds lie in two intervals of three seconds; the second starts at 3."""
    session = import_capture("binance", capture, tmp_path / "session", pace=3_000_000_000).session
    (first, second) = session.market_data.collect().to_dicts()
    assert (first["bid_size"], first["trades"]) == (5.0, None)
    assert (second["ask_size"], [one["price"] for one in second["trades"]]) == (1.0, [100.02])
    assert session.manifest.rows("events") == len(EventBatch.concat(binance.read(capture)))


def test_events_are_written_in_parts_of_a_limited_size(
    tmp_path: Path, capture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_table, "_PART_ROWS", 5)
    monkeypatch.setattr(importing, "_CHUNK", 1)
    session = import_capture("binance", capture, tmp_path / "session").session
    assert len(session.manifest.tables["events"]) == 2
    assert session.events.drop("symbol").collect().equals(EventBatch.concat(binance.read(capture)).to_polars())


@pytest.mark.parametrize(
    ("format_name", "name", "sentence"),
    [
        (
            "betamax",
            "capture.gz",
            "unknown format 'betamax': choose one of binance, dbn, hftbacktest, iex, itch, kraken, lobster, mitch",
        ),
        *((name, "absent.gz", "absent.gz does not exist: check the path") for name in FORMATS),
        *((name, ".", "is a folder") for name in FORMATS),
        ("binance", "text.csv", "line 1.*does not start with a receive time"),
        ("kraken", "text.csv", "line 1.*does not start with a receive time"),
        ("lobster", "text.csv", "has no symbol and date in its name"),
        ("itch", "text.csv", "is not a file of TotalView-ITCH 5.0 .* a CSV file that begins with 'time,price'"),
        ("kraken", "capture.gz", "line 1.*does not start with a receive time in seconds"),
        ("lobster", "capture.gz", "has no symbol and date in its name"),
        ("itch", "capture.gz", "is not a file of TotalView-ITCH 5.0 .* Binance's messages: read it as 'binance'"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_that_is_not_a_capture_leaves_folders_as_they_were(
    capture: Path, tmp_path: Path, format_name: str, name: str, sentence: str, overwrite: bool
) -> None:
    (tmp_path / "text.csv").write_text("time,price\n1,2\n")
    folder = tmp_path / "session"
    if overwrite:
        write_session(folder, [])
    with pytest.raises(CaptureError, match=sentence):
        import_capture(format_name, tmp_path / name, folder, overwrite=overwrite)
    assert folder.exists() == overwrite


class TestInstrument:
    def test_of_a_file_with_finer_numbers_is_widened(self, tmp_path: Path) -> None:
        """BTCUSDT with three decimals, and sizes of 156 billion: recorded, and replayed as they were."""
        size = "156428937432.00"
        path = write_capture(tmp_path / "c.gz", SNAPSHOT, update(11, 11, {"99.125": size}, {}))
        session = import_capture("binance", path, tmp_path / "session").session
        (state,) = replayed(session)[-1][1].symbols
        assert [(level.price, level.size) for level in state.bids][-1] == (99.125, 156428937432.0)

    @pytest.mark.parametrize("form", ["text", "object"])
    def test_given_takes_its_place(self, capture: Path, tmp_path: Path, form: str) -> None:
        given = Instrument("BTCUSDT", binance.detect_instrument(capture).venue, UNIT // 1000, UNIT // 10_000, "USD")
        text = "BTCUSDT,tick=0.001,lot=0.0001,currency=USD"
        session = import_capture(
            "binance", capture, tmp_path / "session", instrument=text if form == "text" else given
        ).session
        assert [Instrument.from_dict(one) for one in session.manifest.source["instruments"]] == [given]

    def test_given_for_one_pair_of_kraken(self, tmp_path: Path) -> None:
        path = kraken_captures.write_capture(
            tmp_path / "c.gz",
            kraken_captures.snapshot({"100.1": "2.00"}, {}),
            kraken_captures.snapshot({"1": "2"}, {}, pair="ADA/XBT"),
        )
        source = import_capture("kraken", path, tmp_path / "s", instrument="ADA/XBT,lot=0.5").session.manifest.source
        assert [(one["tick"], one["lot"]) for one in source["instruments"]] == [
            (UNIT // 10, UNIT // 100),
            (UNIT, UNIT // 2),
        ]
        with pytest.raises(CaptureError, match="has no pair ZZ/ZZ: it has XBT/EUR, ADA/XBT"):
            import_capture("kraken", path, tmp_path / "t", instrument="ZZ/ZZ,lot=1")

    def test_given_for_lobster(self, tmp_path: Path) -> None:
        path = write_pair(tmp_path, [(34200.0, 1, 7, 10, 5_853_300, 1)])
        source = import_capture("lobster", path, tmp_path / "s", instrument="AAPL,tick=0.0001").session.manifest.source
        assert [one["tick"] for one in source["instruments"]] == [UNIT // 10_000]

    @pytest.mark.parametrize(
        ("format_name", "text", "said"),
        [
            ("binance", "ETHUSDT,tick=1", "'ETHUSDT' is not BTCUSDT"),
            ("binance", "BTCUSDT,tick=x", "tick=x must be a positive number"),
            ("itch", "AAPL,tick=1", "tells its instruments, as files of itch do"),
        ],
    )
    def test_given_wrongly_is_named(
        self, capture: Path, tmp_path: Path, format_name: str, text: str, said: str
    ) -> None:
        with pytest.raises(CaptureError, match=said):
            import_capture(format_name, capture, tmp_path / "session", instrument=text)
        assert not (tmp_path / "session").exists()

    def test_given_too_coarse_says_what_it_must_be(self, capture: Path, tmp_path: Path) -> None:
        known = find_instrument("BTCUSDT")
        assert known is not None
        with pytest.raises(CaptureError, match=r"the lot of BTCUSDT, 5: pass an instrument with lot=1, or none"):
            import_capture("binance", capture, tmp_path / "session", instrument="BTCUSDT,lot=5")


def test_a_session_that_is_there_is_replaced_only_if_asked_for(capture: Path, tmp_path: Path) -> None:
    first = import_capture("binance", capture, tmp_path / "session").session
    with pytest.raises(SessionExists):
        import_capture("binance", capture, tmp_path / "session")
    again = import_capture("binance", capture, tmp_path / "session", overwrite=True).session
    assert replayed(first) == replayed(again)


def test_the_command_prints_the_counts_of_the_import(run: Run, tmp_path: Path) -> None:
    path = kraken_captures.write_capture(
        tmp_path / "capture.gz",
        kraken_captures.snapshot({"100.1": "2.00"}, {"100.2": "1.50"}),
        kraken_captures.snapshot({"1": "2"}, {"3": "4"}, pair="ADA/XBT"),
        {"event": "heartbeat"},
    )
    status, out, err = run("import", "kraken", path, "-o", tmp_path / "session", "--symbols", "ADA/XBT", "--pace", "50")
    assert (status, err) == (0, "")
    first, *counted = out.splitlines()
    assert first.startswith(f"{tmp_path / 'session'}: 1 message of 1 symbol in ")
    assert counted == ["  lines: 3", "  snapshots: 1", "  unwanted: 1", "  events: heartbeat 1"]
    assert "1 instrument" in run("info", tmp_path / "session").out


class TestExtent:
    """The manifest says how far the capture was read, from the start of the import."""

    def test_a_capture_that_was_read_to_its_end(self, capture: Path, tmp_path: Path) -> None:
        source = import_capture("binance", capture, tmp_path / "session").session.manifest.source
        size = capture.stat().st_size
        assert source["extent"] == {"whole": True, "bytes": size, "size": size, "until": (START + 4) * 1_000_000_000}

    def test_its_symbols_are_covered_from_the_first_event_to_the_last(self, capture: Path, tmp_path: Path) -> None:
        session = import_capture("binance", capture, tmp_path / "session").session
        first, last = ((START + second) * 1_000_000_000 for second in (1, 4))
        assert session.coverage().rows() == [("BTCUSDT", first, last, 1.0, 0.0, 0, False)]
        end = session.control.filter(pl.col("event") == "end").collect()
        assert end["detail"].to_list() == [None]

    def test_the_end_of_a_damaged_one_says_why(self, capture: Path, tmp_path: Path) -> None:
        capture.write_bytes(capture.read_bytes()[:-20])
        with pytest.raises(CaptureError):
            import_capture("binance", capture, tmp_path / "session")
        session = open_session(tmp_path / "session")
        (end,) = session.control.filter(pl.col("event") == "end").collect().to_dicts()
        assert end["detail"] == session.manifest.source["damage"]
        assert end["ts_recv"] == session.coverage()["to"].item()

    def test_a_damaged_one(self, capture: Path, tmp_path: Path, run: Run) -> None:
        capture.write_bytes(capture.read_bytes()[:-12])
        assert run("import", "binance", capture, "-o", tmp_path / "session").status == 2
        assert open_session(tmp_path / "session").manifest.source["extent"]["whole"] is False
        assert "INCOMPLETE: the source was not read to its end: " in run("info", tmp_path / "session").out

    def test_a_killed_import(self, capture: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """The events that are there can be read, and `hftlab info` says what is missing."""
        monkeypatch.setattr(event_table, "_PART_ROWS", 5)
        monkeypatch.setattr(importing, "_CHUNK", 1)
        copied = tmp_path / "killed"
        flush = importing.GrowingProcessor.flush

        def copying(processor: importing.GrowingProcessor) -> list[tuple[int, MarketData]]:
            shutil.copytree(tmp_path / "session", copied)  # what a kill before the end would leave
            return flush(processor)

        monkeypatch.setattr(importing.GrowingProcessor, "flush", copying)
        import_capture("binance", capture, tmp_path / "session")
        manifest = read_manifest(copied)
        assert manifest.source["instruments"]
        assert manifest.source["extent"]["until"] >= (START + 1) * 1_000_000_000
        assert run("recover", copied).status == 0
        out = run("info", copied).out
        assert "INCOMPLETE: the process that wrote this session was killed" in out
        session = open_session(copied)
        until, events_until = session.manifest.ended, session.events.select(pl.col("ts_recv").max()).collect().item()
        assert events_until < until
        assert "not read to its end: at least " in out
        assert f"; messages up to {in_words(until)}, order-level events up to {in_words(events_until)}\n" in out
        assert f"1 symbol without a hole; the order-level events end at {in_words(events_until)}, before" in out
        instruments = [Instrument.from_dict(values) for values in session.manifest.source["instruments"]]
        assert len(EventBatch.from_polars(session.events.collect(), instruments)) > 0


def _kill(*_: object) -> None:
    raise KeyboardInterrupt


class TestOverwrite:
    """The session that is there stays until the whole capture is a session."""

    @pytest.fixture
    def old(self, tmp_path: Path) -> Path:
        return write_session(tmp_path / "session", [(1, numbered(1))]).folder

    def is_kept(self, old: Path) -> bool:
        names = {path.name for path in old.iterdir()}
        return names == {"manifest.json", "market_data", "index"} and replayed(open_session(old)) == [(1, numbered(1))]

    def test_a_damaged_capture(self, capture: Path, old: Path) -> None:
        capture.write_bytes(capture.read_bytes()[:-12])
        with pytest.raises(CaptureError, match=r"ends too early.*is kept: import to another folder"):
            import_capture("binance", capture, old, overwrite=True)
        assert self.is_kept(old)

    def test_an_interrupt(self, capture: Path, old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hftlab.ingest.importing.GrowingProcessor.flush", _kill)
        with pytest.raises(KeyboardInterrupt):
            import_capture("binance", capture, old, overwrite=True)
        assert self.is_kept(old)

    def test_an_interrupt_without_an_old_one_is_recovered(
        self, capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hftlab.ingest.importing.GrowingProcessor.flush", _kill)
        with pytest.raises(KeyboardInterrupt):
            import_capture("binance", capture, tmp_path / "new")
        assert recover(tmp_path / "new").messages > 0

    def test_a_capture_without_events(self, tmp_path: Path, old: Path, run: Run) -> None:
        path = kraken_captures.write_capture(tmp_path / "capture.gz", {"event": "heartbeat"})
        for folder in (old, tmp_path / "new"):
            status, _, err = run("import", "kraken", path, "-o", folder, "--overwrite")
            assert status == 2
            assert "capture.gz has no" in err
        assert self.is_kept(old)
        assert not (tmp_path / "new").exists()


def test_a_symbol_that_the_capture_does_not_have_is_an_error_that_names_it(tmp_path: Path, run: Run) -> None:
    path = kraken_captures.write_capture(
        tmp_path / "capture.gz", kraken_captures.snapshot({"100.1": "2.00"}, {"100.2": "1.50"})
    )
    status, out, err = run("import", "kraken", path, "-o", tmp_path / "session", "--symbols", "BTC/EUR")
    assert (status, out) == (2, "")
    assert "BTC/EUR" in err
    assert not (tmp_path / "session").exists()


def test_relative_paths_stay_what_they_were(capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory changes while a capture is imported, as a notebook's does."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    imported = import_capture(
        "binance", capture.name, "session", progress=lambda _: monkeypatch.chdir(tmp_path / "elsewhere")
    )
    assert imported.session.folder == tmp_path / "session"
    assert len(replayed(imported.session)) > 0
