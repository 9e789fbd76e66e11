"""The tables of a session, and the two ways between protocol messages and their rows.

Both ways go through JSON lines, which polars and msgspec read and write without a Python step per field. Times become
int64 nanoseconds; a time nested in a trade stays in the wire's milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import polars as pl

from hftlab.protocol import (
    JSON,
    BookDelta,
    MarketData,
    MarketDataSymbol,
    Message,
    OrderUpdate,
    PortfolioUpdate,
    PositionUpdate,
)
from hftlab.session.schema import defaults, snake_names, wire_schema
from hftlab.session.times import to_ms, to_ns

__all__ = ["CONTROL", "EVENTS", "KEYS", "TABLES", "Decoded", "table_of"]

KEYS: Final[dict[str, pl.DataType]] = {"message": pl.Int64(), "ts_recv": pl.Int64()}


class Decoded(NamedTuple):
    """One message out of a table: its number in the session, when it was received (ns), and itself."""

    number: int
    ts_recv: int
    message: Message


class Table(Protocol):
    """One folder of Parquet parts."""

    name: str
    schema: pl.Schema

    def rows(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> pl.DataFrame:
        """The rows of `payloads`, the JSON of one message each; `keys` holds their `message` numbers and `ts_recv`."""
        ...

    def messages(self, rows: pl.DataFrame) -> list[Decoded]:
        """The messages that `rows` hold and that a replay streams; the inverse of rows()."""
        ...


class _FlatTable:
    """One row per message of one type."""

    def __init__(self, name: str, struct: type[msgspec.Struct]) -> None:
        self.name = name
        self._wire = wire_schema(struct)
        self._names = snake_names(struct) | {"timestamp": "ts_out"}
        self._defaults = defaults(struct)
        self._decoder: Any = msgspec.json.Decoder(struct)
        columns = {self._names[wire]: kind for wire, kind in self._wire.items()} | {"ts_out": pl.Int64()}
        self.schema = pl.Schema(KEYS | columns)

    def rows(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> pl.DataFrame:
        frame = pl.read_ndjson(b"\n".join(payloads), schema=self._wire)
        frame = frame.with_columns(
            to_ns(pl.col("timestamp")), *(pl.col(name).fill_null(value) for name, value in self._defaults.items())
        )
        return pl.concat([keys, frame.rename(self._names)], how="horizontal").select(self.schema.names())

    def messages(self, rows: pl.DataFrame) -> list[Decoded]:
        wire = rows.select(pl.col(name).alias(wire) for wire, name in self._names.items())
        lines = wire.with_columns(to_ms(pl.col("timestamp"))).write_ndjson()
        return list(map(Decoded, rows["message"], rows["ts_recv"], self._decoder.decode_lines(lines)))


class _MarketDataTable:
    """One row per message and symbol, levels nested; `ts_capture` is the time a recording's source gave as its own."""

    name = "market_data"
    _wire: Final = wire_schema(MarketData)
    _symbol_names: Final = snake_names(MarketDataSymbol) | {"timestamp": "ts_event"}
    _decoder: Final[Any] = msgspec.json.Decoder(MarketData)
    schema: pl.Schema

    def __init__(self) -> None:
        symbol = wire_schema(MarketDataSymbol)
        columns = {name: symbol[wire] for wire, name in self._symbol_names.items()} | {"ts_event": pl.Int64()}
        header = {
            "ts_out": pl.Int64(),
            "ts_event": pl.Int64(),
            "ts_capture": pl.Int64(),
            "channel": pl.Int64(),
            "sequence": pl.Int64(),
            "id": pl.String(),
            "snapshot": pl.Boolean(),
        }
        self.schema = pl.Schema(KEYS | header | columns)

    def rows(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> pl.DataFrame:
        frame = pl.read_ndjson(b"\n".join(payloads), schema=self._wire)
        header = frame.select(
            to_ns(pl.col("timestamp")).alias("ts_out"),
            to_ns(pl.col("tsRecv")).alias("ts_capture"),
            "channel",
            "sequence",
            "id",
            pl.col("snapshot").fill_null(False),
            "symbols",
        )
        symbols = pl.concat([keys, header], how="horizontal").explode("symbols").unnest("symbols")
        return symbols.with_columns(to_ns(pl.col("timestamp"))).rename(self._symbol_names).select(self.schema.names())

    def messages(self, rows: pl.DataFrame) -> list[Decoded]:
        symbol = pl.struct(
            *(pl.col(name).alias(wire) for wire, name in self._symbol_names.items() if wire != "timestamp"),
            to_ms(pl.col("ts_event")).alias("timestamp"),
        )
        header = ["ts_recv", "ts_out", "ts_capture", "channel", "sequence", "id", "snapshot"]
        grouped = rows.group_by("message", maintain_order=True).agg(
            *(pl.col(name).first() for name in header), symbol.alias("symbols")
        )
        wire = grouped.select(
            to_ms(pl.col("ts_out")).alias("timestamp"),
            to_ms(pl.col("ts_capture")).alias("tsRecv"),
            "channel",
            "sequence",
            "id",
            "snapshot",
            "symbols",
        )
        messages = self._decoder.decode_lines(wire.write_ndjson())
        return list(map(Decoded, grouped["message"], grouped["ts_recv"], messages))


class _PayloadTable:
    """Messages of any other type, as their JSON, and the symbol of those that are of one.

    A replay streams those that came from the source.
    """

    name = "messages"
    schema = pl.Schema(KEYS | {"type": pl.String(), "symbol": pl.String(), "payload": pl.String()})

    def rows(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> pl.DataFrame:
        messages = [JSON.decode(payload) for payload in payloads]
        return keys.with_columns(
            pl.Series("type", [message.type for message in messages], pl.String),
            pl.Series("symbol", [getattr(message, "symbol", None) for message in messages], pl.String),
            pl.Series("payload", [line.decode() for line in payloads], pl.String),
        )

    def messages(self, rows: pl.DataFrame) -> list[Decoded]:
        rows = rows.filter(pl.col("type").is_in(["MARKET_DATA", "BOOK_DELTA", "ARBITRAGE"]))
        messages = [JSON.decode(line) for line in rows["payload"]]
        return list(map(Decoded, rows["message"], rows["ts_recv"], messages))


class _ControlTable:
    """What happened to the connection: absence is data too. `first` to `last` are sequences, both included."""

    name = "control"
    _wire: Final[dict[str, pl.DataType]] = {
        "event": pl.String(),
        "channel": pl.Int64(),
        "first": pl.Int64(),
        "last": pl.Int64(),
        "detail": pl.String(),
    }
    schema = pl.Schema(KEYS | _wire)

    def rows(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> pl.DataFrame:
        return pl.concat([keys, pl.read_ndjson(b"\n".join(payloads), schema=self._wire)], how="horizontal")

    def messages(self, rows: pl.DataFrame) -> list[Decoded]:  # noqa: ARG002 - none of it is a message
        return []


# The place of a table in this tuple is its number in the journal: append, never reorder.
TABLES: Final[tuple[Table, ...]] = (
    _MarketDataTable(),
    _FlatTable("order_updates", OrderUpdate),
    _FlatTable("position_updates", PositionUpdate),
    _FlatTable("portfolio_updates", PortfolioUpdate),
    _PayloadTable(),
    _ControlTable(),
)
CONTROL: Final = 5
EVENTS: Final = "events"
"""The folder of order-level events, which are columns from the start and need no journal."""

_PLACES: Final[dict[type, int]] = {MarketData: 0, OrderUpdate: 1, PositionUpdate: 2, PortfolioUpdate: 3, BookDelta: 4}
_OTHERS: Final = 4


def table_of(message: Message) -> int:
    """The number of the table that a message belongs to."""
    if isinstance(message, MarketData) and not message.symbols:
        return _OTHERS  # no symbol, no row
    return _PLACES.get(type(message), _OTHERS)
