"""A session is plain Parquet: polars and pyarrow read it without hftlab."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest

from hftlab.protocol import (
    JSON,
    BookDelta,
    MarketData,
    OrderStatus,
    OrderType,
    OrderUpdate,
    PortfolioUpdate,
    PositionSide,
    PositionUpdate,
    Side,
    UpdateType,
)
from hftlab.session import Session, SessionWriter, open_session
from hftlab.session.parts import scan_parts
from hftlab.session.payload_texts import texts_payloads
from hftlab.session.table_ids import TableId
from hftlab.session.tables import KEYS
from hftlab.session.tables import TABLES as TABLE_OF
from tests.protocol.conftest import level, market_data, symbol, trade
from tests.session.sessions import replayed

MS = 1_767_364_200_000.125
NS = 1_767_364_200_000_125_000
RECEIVED = NS + 5_001

APPLE = symbol(
    "AAPL",
    timestamp=MS,
    bids=[level(9.5, 100.0), level(9.25, 200.0)],
    asks=[],
    last_trade=trade(9.75),
    trades=[trade(9.5), trade(9.75)],
)
DATA = MarketData(
    timestamp=MS + 1, id="md", channel=3, sequence=2**53 - 1, symbols=[APPLE, symbol("MSFT", 20.0)], ts_recv=MS + 2
)
ORDER = OrderUpdate(
    timestamp=MS,
    order_id="o1",
    client_order_id="",
    symbol="TSLA",
    side=Side.SELL,
    order_type=OrderType.LIMIT,
    status=OrderStatus.NEW,
    quantity=3.0,
    filled_quantity=1.0,
    remaining_quantity=2.0,
    price=5.5,
    update_type=UpdateType.NEW,
)
POSITION = PositionUpdate(
    timestamp=MS,
    symbol="TSLA",
    side=PositionSide.SHORT,
    **dict.fromkeys(["quantity", "average_price", "current_price", "market_value"], 2.0),
    **dict.fromkeys(["unrealized_pnl", "realized_pnl", "day_pnl"], -1.5),
)
PORTFOLIO = PortfolioUpdate(
    timestamp=MS,
    **dict.fromkeys(["total_value", "cash", "market_value", "buying_power"], 10.0),
    **dict.fromkeys(["unrealized_pnl", "realized_pnl", "day_pnl"], -2.5),
)
DELTA = BookDelta(
    timestamp=MS, symbol="NVDA", exchange="X", bids=[level(1.0)], asks=[], checksum=2**32 - 1, ts_event=MS
)

TABLES = ["market_data", "order_updates", "position_updates", "portfolio_updates", "messages", "control"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Session with a row in every table; the wall clock steps back before the second message."""
    writer = SessionWriter(tmp_path_factory.mktemp("tables") / "session", source={"name": "test"}, segment_bytes=1500)
    writer.append(DATA, RECEIVED)
    writer.commit()
    for at, message in enumerate([market_data(symbol(), id="late"), ORDER, POSITION, PORTFOLIO, DELTA]):
        writer.append(message, RECEIVED - 1_000_000 + at, account="alice")
        writer.commit()
    writer.control("gap", RECEIVED + 1, channel=3, first=4, last=9, detail="lost")
    writer.append(market_data(symbol()), RECEIVED + 2)
    writer.close()
    return writer.folder


def rows(folder: Path, table: str) -> list[dict[str, object]]:
    return pa.parquet.read_table(folder / table).to_pylist()


class TestForeignReaders:
    def test_pyarrow_reads_a_message_with_its_levels_and_trades(self, folder: Path) -> None:
        """There is one row per symbol, with Python's spelling of the names and times in ns."""
        apple, microsoft, *_ = rows(folder, "market_data")
        header = {"message": 0, "ts_recv": RECEIVED, "ts_out": NS + 1_000_000, "ts_capture": NS + 2_000_000}
        header |= {"channel": 3, "sequence": 2**53 - 1, "id": "md", "snapshot": False}
        for row, name in ((apple, "AAPL"), (microsoft, "MSFT")):
            assert {key: row[key] for key in header} == header
            assert row["symbol"] == name
        assert (apple["ts_event"], apple["bid_size"], apple["previous_close"]) == (NS, 1.0, 1.0)
        assert apple["bids"] == [
            {"price": 9.5, "size": 100.0, "orders": 1},
            {"price": 9.25, "size": 200.0, "orders": 1},
        ]
        assert apple["asks"] == []
        sold = {"size": 1.0, "timestamp": 1.0, "side": "BUY"}
        assert apple["last_trade"] == {"price": 9.75, **sold}
        assert apple["trades"] == [{"price": 9.5, **sold}, {"price": 9.75, **sold}]
        assert microsoft["trades"] is None
        assert microsoft["last_trade"] is None

    def test_pyarrow_reads_the_private_tables(self, folder: Path) -> None:
        (order,) = rows(folder, "order_updates")
        assert (order["order_id"], order["client_order_id"], order["side"], order["ts_out"]) == ("o1", "", "SELL", NS)
        assert (order["price"], order["average_price"], order["update_type"]) == (5.5, None, "NEW")
        assert order["account"] == "alice"
        (position,) = rows(folder, "position_updates")
        assert (position["symbol"], position["side"], position["day_pnl"]) == ("TSLA", "SHORT", -1.5)
        (portfolio,) = rows(folder, "portfolio_updates")
        assert (portfolio["total_value"], portfolio["unrealized_pnl"], portfolio["currency"]) == (10.0, -2.5, "USD")

    def test_pyarrow_reads_other_messages_and_control(self, folder: Path) -> None:
        (delta,) = rows(folder, "messages")
        assert (delta["type"], delta["symbol"]) == ("BOOK_DELTA", "NVDA")
        assert delta["payload"] == JSON.encode(DELTA).decode()
        assert (delta["reason"], delta["encoding"]) == (None, None)
        (gap,) = rows(folder, "control")
        del gap["message"]
        row = {"ts_recv": RECEIVED + 1, "event": "gap", "channel": 3, "first": 4, "last": 9, "detail": "lost"}
        assert gap == row | {"ts_from": None, "ts_to": None, "symbols": None, "ts_clock": None}

    @pytest.mark.parametrize("table", TABLES)
    def test_every_reader_sees_the_same_rows_as_hftlab(self, folder: Path, table: str) -> None:
        """A folder holds nothing but the Parquet files of its table."""
        ours = open_session(folder).table(table).collect()
        assert ours.height > 0
        assert pl.read_parquet(folder / table / "*.parquet").equals(ours)
        assert pa.dataset.dataset(folder / table, format="parquet").to_table().to_pylist() == ours.to_dicts()

    def test_a_filter_on_columns_and_rows_needs_no_other_column(self, folder: Path) -> None:
        """A dataset pushes the filter and the columns down to the file."""
        dataset = pa.dataset.dataset(folder / "market_data", format="parquet")
        table = dataset.to_table(columns=["price"], filter=pa.dataset.field("symbol") == "MSFT")
        assert table.to_pydict() == {"price": [20.0]}


class TestSchema:
    @pytest.mark.parametrize("table", TABLES)
    def test_times_are_int64_and_every_part_has_the_same_columns(self, folder: Path, table: str) -> None:
        """A column has its type even if all of its values are null."""
        schemas = [pa.parquet.read_schema(path) for path in sorted((folder / table).iterdir())]
        for schema in schemas:
            assert schema.equals(schemas[0])
            times = [field for field in schema if field.name.startswith("ts_")]
            assert "ts_recv" in [field.name for field in times]
            assert {field.type for field in times} == {pa.int64()}

    @pytest.mark.parametrize("table", TABLES)
    def test_an_empty_table_has_the_columns_of_a_full_one(self, folder: Path, table: str, tmp_path: Path) -> None:
        """An analysis of an empty table gives an empty result instead of an error."""
        SessionWriter(tmp_path / "empty", source={}).close()
        empty = open_session(tmp_path / "empty").table(table)
        assert empty.collect_schema() == open_session(folder).table(table).collect_schema()
        assert empty.collect().is_empty()

    def test_market_data_has_the_documented_columns(self, folder: Path) -> None:
        schema = open_session(folder).market_data.collect_schema()
        levels = pl.List(pl.Struct({"price": pl.Float64, "size": pl.Float64, "orders": pl.Int64}))
        assert list(schema)[:9] == [
            *("message", "ts_recv", "ts_out", "ts_event", "ts_capture", "channel", "sequence", "id", "snapshot")
        ]
        assert (schema["bids"], schema["asks"]) == (levels, levels)
        assert {schema[name] for name in ("price", "bid", "ask", "volume", "change_percent")} == {pl.Float64()}

    def test_private_tables_have_an_account_and_no_others_do(self, folder: Path) -> None:
        """An account is never stored with public data."""
        session = open_session(folder)
        assert [name for name in TABLES if "account" in session.table(name).collect_schema()] == TABLES[1:4]
        assert {session.table(name).collect()["account"].item() for name in TABLES[1:4]} == {"alice"}

    def test_parts_are_compressed_with_zstd(self, folder: Path) -> None:
        for path in folder.glob("*/*.parquet"):
            group = pa.parquet.ParquetFile(path).metadata.row_group(0)
            assert {group.column(at).compression for at in range(group.num_columns)} == {"ZSTD"}


class TestOrder:
    def test_rows_are_sorted_by_ts_recv_though_the_clock_stepped_back(self, folder: Path) -> None:
        """This holds across parts and tables: a late message gets the time of the one before."""
        session = open_session(folder)
        numbered = pl.concat([session.table(name).select("message", "ts_recv").collect() for name in TABLES])
        assert numbered.sort("message")["ts_recv"].is_sorted()
        late = session.market_data.filter(pl.col("id") == "late").collect()
        assert late["ts_recv"].to_list() == [RECEIVED]
        assert late["ts_clock"].to_list() == [RECEIVED - 1_000_000]
        assert len(list((folder / "market_data").iterdir())) > 1

    def test_the_manifest_counts_and_dates_what_is_there(self, folder: Path) -> None:
        """Control rows do not count as messages."""
        manifest = open_session(folder).manifest
        assert manifest.messages == 7
        assert {name: manifest.rows(name) for name in TABLES} == dict(zip(TABLES, [4, 1, 1, 1, 1, 1], strict=True))
        assert (manifest.started, manifest.ended) == (RECEIVED, RECEIVED + 2)
        assert manifest.symbols == ["AAPL", "MSFT", "NVDA", "TSLA"]
        assert manifest.size == sum(path.stat().st_size for path in folder.glob("*/*.parquet"))
        assert manifest.complete


class TestWhatIsNotKnown:
    """Unknown fields leave a second row, in `messages`; what does not decode has only that."""

    FOREIGN = JSON.encode(DATA).replace(b'"id":"md"', b'"id":"md","foo":"\xff"').replace(b'"high"', b'"bar":[],"high"')
    ORDERS = JSON.encode(ORDER).replace(b'"orderId"', b'"tag":1,"orderId"')
    DELTAS = JSON.encode(DELTA).replace(b'"checksum"', b'"tag":"\xfe","snapshot":true,"checksum"')

    def recorded(self, folder: Path) -> Session:
        writer = SessionWriter(folder, source={})
        writer.undecoded(b'{"type":"FOO","symbol":"X"}', 1, "no such type")
        writer.append(DATA, 2)
        writer.append(DATA, 3, payload=self.FOREIGN)
        writer.append(ORDER, 4, account="alice", payload=self.ORDERS)
        writer.undecoded(b"\x00\xff", 5, "not valid")
        writer.append(JSON.decode(self.DELTAS), 6, payload=self.DELTAS)
        writer.append(DATA, 7, payload=b"{}")
        writer.append(ORDER, 8, payload=b'{"type":"BOOK_DELTA"}')
        writer.close()
        return open_session(folder)

    def test_it_is_in_messages_with_the_reason(self, tmp_path: Path) -> None:
        rows = self.recorded(tmp_path / "session").messages.collect()
        assert rows["message"].to_list() == [0, 2, 3, 4, 5, 6, 7]
        assert rows["type"].to_list() == ["FOO", "MARKET_DATA", "ORDER_UPDATE", None, "BOOK_DELTA", None, "BOOK_DELTA"]
        assert rows["symbol"].to_list() == [None] * 4 + ["NVDA", None, None]
        assert rows["reason"].to_list() == [
            "no such type",
            "unknown fields: foo, symbols[0].bar, symbols[1].bar",
            "unknown fields: tag",
            "not valid",
            None,
            "field `type` is missing",
            "field `timestamp` is missing",
        ]
        assert rows["encoding"].to_list() == [None, "base64", None, "base64", "base64", None, None]
        expected = [b'{"type":"FOO","symbol":"X"}', self.FOREIGN, self.ORDERS, b"\x00\xff", self.DELTAS]
        assert texts_payloads(rows)[:5] == expected

    def test_only_what_decodes_is_in_its_own_table_and_replays(self, tmp_path: Path) -> None:
        session = self.recorded(tmp_path / "session")
        delta = JSON.decode(self.DELTAS)
        assert replayed(session) == [(2, DATA), (3, DATA), (4, ORDER), (6, delta)]
        assert session.manifest.symbols == ["AAPL", "MSFT", "NVDA", "TSLA"]
        assert session.manifest.messages == 8
        assert session.replay().seek(8)[-1] == delta

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b'"side":"SELL"', b'"side":"BOTH"'),
            (b'"orderId":"o1"', b'"orderId":1'),
            (b'"quantity":3.0,', b""),
            (b'"type":"ORDER_UPDATE"', b'"type":"HEARTBEAT"'),
        ],
    )
    def test_an_order_update_that_does_not_decode_has_no_row(self, old: bytes, new: bytes) -> None:
        """It is not enough that its JSON fits the columns."""
        good = JSON.encode(ORDER)
        bad = good.replace(old, new)
        assert bad != good
        columns = {"message": [0, 1, 2], "ts_recv": [5, 6, 7]}
        keys = pl.DataFrame(columns | {name: [None] * 3 for name in KEYS if name not in columns}, schema=KEYS)
        frame, reasons = TABLE_OF[TableId.ORDER_UPDATES].read([good, bad, good], keys)
        assert list(reasons) == [1]
        assert frame["message"].to_list() == [0, 2]

    def test_older_parts_have_neither_reason_nor_encoding(self, tmp_path: Path) -> None:
        session = self.recorded(tmp_path / "session")
        (part,) = (tmp_path / "session" / "messages").iterdir()
        old = session.messages.collect().filter(pl.col("message") == 0).drop("reason", "encoding")
        old.write_parquet(part)
        rows = scan_parts([part], TABLE_OF[TableId.MESSAGES].schema).collect()
        assert rows.select("reason", "encoding").rows() == [(None, None)]
