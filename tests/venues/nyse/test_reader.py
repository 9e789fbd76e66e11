from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import hftlab as hl
from hftlab.errors import ArgumentError, CaptureError
from hftlab.events import F_LAST, EventBatch
from hftlab.venues import nyse
from hftlab.venues.nyse import Listing, message_bytes
from hftlab.venues.pcap import PcapWriter
from tests.shared_data import shared_data
from tests.venues.nyse.captures import PACKETS
from tests.venues.nyse.oracle import SECOND
from tests.venues.nyse.streams import EventWriter, datagrams, packet
from tests.venues.nyse.test_decoder import MAPPING, message
from tests.venues.nyse.test_encoder import check_same


@pytest.fixture(scope="module")
def day() -> EventBatch:
    """A few thousand events of two stocks."""
    writer, random = EventWriter(), np.random.default_rng(3)
    for stock, price, size, kind in random.integers(0, [2, 200, 99, 8], (4000, 4)).tolist():
        writer.time += 1000
        order = next(iter(writer.live)) if writer.live else 0
        if kind < 4 or not order:
            writer.add(stock, "BA"[kind % 2], 10_000 + (price if kind % 2 else -price), size + 1)
        elif kind == 4:
            writer.execute(order, 1, writer.live[order][2])
        elif kind == 5:
            writer.replace(order, writer.live[order][2], size + 1)
        else:
            writer.take(order, writer.live[order][3])
    return writer.batch()


@pytest.fixture
def path(day: EventBatch, tmp_path: Path) -> Path:
    nyse.write(tmp_path / "day.pcap", day)
    return tmp_path / "day.pcap"


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """A capture that begins behind the mappings."""
    payloads = [
        packet(message_bytes("2", id=3, source_time=1_600_000_000)),
        packet(message("100", order_id=1, price=123_400, volume=300, side="S"), message("102", order_id=2)),
    ]
    return captured(tmp_path / "cut.pcap", payloads)


def captured(path: Path, payloads: list[bytes]) -> Path:
    with PcapWriter(path) as writer:
        writer.write(datagrams(payloads))
    return path


class TestRealPackets:
    @pytest.mark.parametrize(("feed", "name"), PACKETS)
    def test_are_read_and_counted(self, feed: str, name: str) -> None:
        reader = hl.venues.nyse.read(shared_data(f"nyse/{feed}/{name}Message.pcap"), price_scale=4)
        rows = sum(map(len, reader))
        stats = reader.stats
        # A cut of one packet has no order that was added before, and trades of auctions are not printed.
        assert rows == (name in ("AddOrder", "CrossTrade"))
        assert (stats.packets, stats.other_datagrams, stats.malformed) == (1, 0, 0)
        assert stats.messages.total() == 1 + (name == "CrossTrade")
        assert stats.unknown_orders.total() == (name in ("DeleteOrder", "OrderExecution", "ReplaceOrder"))

    def test_of_an_order_added_are_a_row(self) -> None:
        path = shared_data("nyse/IntegratedFeed.Pillar.v2.5/AddOrderMessage.pcap")
        (batch,) = nyse.read(path, mapping={0x1366: ("TEST", 4)})
        assert batch.to_polars().row(0, named=True) == {
            # The packet was captured at 0x621684AF s and 0x0002B551 us.
            "ts_event": 0x621684AF * SECOND + 0x0A936400,
            "ts_recv": 0x621684AF * SECOND + 0x0002B551 * 1000,
            "sequence": 0xCFB5,
            "instrument_id": 0,
            "order_id": 0x000101000000A6E9,
            "action": ord("A"),
            "side": ord("B"),
            "price": 0x0098BD90 * 100_000,
            "size": 0x04B0,
            "flags": F_LAST,
        }
        assert batch.instruments[0].symbol == "TEST"

    def test_of_a_cross_are_a_trade_without_a_side(self) -> None:
        path = shared_data("nyse/IntegratedFeed.Pillar.v2.5/CrossTradeMessage.pcap")
        (batch,) = nyse.read(path, price_scale=4)
        row = batch.to_polars().row(0, named=True)
        assert (chr(row["action"]), chr(row["side"]), row["price"], row["size"]) == ("T", "N", 999_000_000_000, 100)
        assert batch.instruments[0].symbol == "#25093"

    def test_without_a_mapping_say_what_to_give(self) -> None:
        path = shared_data("nyse/IntegratedFeed.Pillar.v2.5/AddOrderMessage.pcap")
        with pytest.raises(
            CaptureError, match=r"no symbol index mapping .* its 1 messages .* give mapping=.*price_scale"
        ):
            list(nyse.read(path))

    def test_give_their_mapping(self) -> None:
        path = shared_data("nyse/IntegratedFeed.Xdp.v2.1/SymbolIndexMappingMessage.pcap")
        assert nyse.read_mapping(path) == {0x0491: Listing("ABG", 4, 7)}


class TestReading:
    @pytest.mark.parametrize("chunk", [4, 100, 1 << 20])
    def test_gives_what_was_written_whatever_the_chunk(self, path: Path, day: EventBatch, chunk: int) -> None:
        batches = list(nyse.read(path, chunk=chunk))
        assert max(map(len, batches)) <= chunk
        assert all(batch.flags[-1] & F_LAST for batch in batches)
        check_same(EventBatch.concat(batches), day)

    def test_of_gzip_equals_plain(self, path: Path, day: EventBatch) -> None:
        zipped = path.with_suffix(".pcap.gz")
        assert nyse.write(zipped, [day], version="2.1").skipped == 0
        check_same(EventBatch.concat(nyse.read(zipped)), day)

    def test_keeps_only_the_symbols_asked_for(self, path: Path, day: EventBatch) -> None:
        reader = nyse.read(path, symbols=["DEF.A"])
        batch = EventBatch.concat(reader)
        assert len(batch) == np.count_nonzero(day.instrument_id == 1)
        assert [one.symbol for one in reader.instruments] == ["DEF.A"]
        assert reader.stats.unknown_orders.total() == 0

    def test_names_symbols_that_the_capture_does_not_have(self, path: Path) -> None:
        with pytest.warns(UserWarning, match="does not have 'XYZ'"):
            list(nyse.read(path, symbols=["ABC", "XYZ"]))
        with pytest.raises(CaptureError, match="does not have 'XYZ'"):
            list(nyse.read(path, symbols=["XYZ"]))

    def test_of_a_truncated_capture_goes_up_to_the_last_whole_packet(self, path: Path, day: EventBatch) -> None:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        reader = nyse.read(path)
        assert 100 < len(EventBatch.concat(reader)) < len(day)
        assert reader.capture.is_torn

    def test_tells_the_bytes_consumed(self, path: Path) -> None:
        told: list[int] = []
        list(nyse.read(path, progress=told.append))
        assert told[-1] == path.stat().st_size

    def test_of_a_capture_of_nothing_is_an_error(self, tmp_path: Path) -> None:
        assert nyse.write(tmp_path / "none.pcap", []).skipped == 0
        for read in (nyse.read, nyse.messages):
            with pytest.raises(CaptureError, match="it has no datagrams"):
                list(read(tmp_path / "none.pcap"))


class TestCutCaptures:
    def test_take_the_mapping_of_another(self, cut: Path, tmp_path: Path) -> None:
        morning = captured(tmp_path / "morning.pcap", [packet(MAPPING)])
        reader = nyse.read(cut, mapping=nyse.read_mapping(morning))
        (batch,) = reader
        assert (batch.instruments[0].symbol, batch.price.tolist()) == ("ZZZ", [12_340_000_000])
        # The system of the mapping leads to the time reference.
        assert reader.stats.timed_by_packet == 0

    def test_that_name_some_symbols_warn_of_the_others(self, cut: Path, tmp_path: Path) -> None:
        other = message_bytes("3", symbol_index=8, symbol="OTHER", price_scale_code=4)
        path = captured(tmp_path / "some.pcap", [packet(other), packet(message("102", order_id=2))])
        with pytest.warns(UserWarning, match="1 messages about symbols that no symbol index mapping"):
            assert list(nyse.read(path)) == []


class TestMessages:
    def test_have_all_fields_and_come_back_as_packets(self, path: Path, day: EventBatch) -> None:
        found = list(nyse.messages(path))
        adds = pl.concat([tables["100"] for tables in found])
        assert adds.columns[:6] == ["number", "packet", "ts_recv", "sequence", "symbol", "price_scale"]
        # What replaces an order is of another type.
        assert 1000 < len(adds) < np.count_nonzero(day.action == ord("A"))
        assert adds["symbol"].unique().sort().to_list() == ["ABC", "DEF.A"]
        numbers = pl.concat([tables[kind]["number"] for tables in found for kind in tables.keys() - {"packet"}])
        assert numbers.sort().to_list() == list(range(1, len(numbers) + 1))
        payloads = [payload for tables in found for payload in nyse.packet_bytes(tables, "2.5")]
        again = captured(path.with_name("again.pcap"), payloads)
        assert np.array_equal(EventBatch.concat(nyse.read(again)).ts_event, day.ts_event)

    def test_of_an_unknown_version_raise_at_once(self, path: Path) -> None:
        with pytest.raises(ArgumentError, match="version is '3'"):
            nyse.messages(path, version="3")  # type: ignore[arg-type]

    def test_may_be_named_by_the_user(self, cut: Path) -> None:
        (tables,) = nyse.messages(cut, mapping={7: ("ZZZ", 3)})
        assert tables["100"].select("symbol", "price_scale", "price").rows() == [("ZZZ", 3, 123_400)]


class TestOtherFiles:
    def test_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("time,price\n" * 5000)
        with pytest.raises(CaptureError, match="notes"):
            list(nyse.read(tmp_path / "notes.txt"))

    def test_of_other_feeds_are_refused_with_what_was_expected(self, tmp_path: Path) -> None:
        path = captured(tmp_path / "other.pcap", [b"something else, in a datagram"] * 9 + [packet()])
        with pytest.raises(CaptureError, match=r"not a capture of the NYSE Integrated Feed \(9 of its first 10"):
            list(nyse.read(path))

    def test_that_are_not_there_raise_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(CaptureError, match="does not exist"):
            nyse.read(tmp_path / "none")
