"""The tables of a session, and the two ways between protocol messages and their rows.

Both ways go through JSON lines, which polars and msgspec read and write without a Python step per field. Times become
int64 nanoseconds; a time nested in a trade stays in the wire's milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol, get_args

import msgspec
import polars as pl

from hftlab.protocol import JSON, MarketData, MarketDataSymbol, Message, OrderUpdate, PortfolioUpdate, PositionUpdate
from hftlab.protocol.order_messages import PRIVATE_MESSAGES
from hftlab.session.json_lines import json_columns, read_headers
from hftlab.session.schema import defaults, snake_names, wire_schema
from hftlab.session.table_ids import TableId
from hftlab.session.times import to_ms, to_ns
from hftlab.source import Timed

__all__ = ["KEYS", "TABLES", "Decoded"]

_NUMBERS: Final[dict[str, pl.DataType]] = {"message": pl.Int64(), "ts_recv": pl.Int64()}
_ACCOUNT: Final[dict[str, pl.DataType]] = {"account": pl.String()}
_CLOCK: Final[dict[str, pl.DataType]] = {"ts_clock": pl.Int64()}
"""What the clock said where that is not ts_recv, which never goes back; null in all other rows."""
KEYS: Final = _NUMBERS | _ACCOUNT | _CLOCK
"""What the journal knows of a message besides its JSON; only the private tables keep the account."""


class Decoded(NamedTuple):
    """A message out of a table: its number in the session, when it was received (ns), itself and its account."""

    number: int
    ts_recv: int
    message: Message
    account: str | None = None

    @property
    def item(self) -> Message | Timed[Message]:
        """The message as a source yields it: bare if it is public, with time and account if it is private."""
        return self.timed if isinstance(self.message, PRIVATE_MESSAGES) else self.message

    @property
    def timed(self) -> Timed[Message]:
        """The message with the time of its reception and its account."""
        return Timed(self.ts_recv, self.message, self.account)


class Table(Protocol):
    """One folder of Parquet parts."""

    id: TableId
    schema: pl.Schema

    def rows(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of `payloads`, the JSON of one message each; `keys` has the columns KEYS, a row for each."""
        ...

    def messages(self, rows: pl.DataFrame) -> list[Decoded]:
        """Return those messages in `rows` that a replay streams; the inverse of rows()."""
        ...


class _PrivateTable:
    """One row per message of one private type; `account` is null where the recorder did not know it."""

    def __init__(self, table: TableId, struct: type[msgspec.Struct]) -> None:
        self.id = table
        self._wire = wire_schema(struct)
        self._names = snake_names(struct) | {"timestamp": "ts_out"}
        self._defaults = defaults(struct)
        self._decoder: Any = msgspec.json.Decoder(struct)
        columns = {self._names[wire]: kind for wire, kind in self._wire.items()} | {"ts_out": pl.Int64()}
        self.schema = pl.Schema(_NUMBERS | _ACCOUNT | columns | _CLOCK)

    def rows(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> pl.DataFrame:
        frame = json_columns(payloads, self._wire).with_columns(
            to_ns(pl.col("timestamp")), *(pl.col(name).fill_null(value) for name, value in self._defaults.items())
        )
        return pl.concat([keys, frame.rename(self._names)], how="horizontal").select(self.schema.names())

    def messages(self, rows: pl.DataFrame) -> list[Decoded]:
        wire = rows.select(pl.col(name).alias(wire) for wire, name in self._names.items())
        lines = wire.with_columns(to_ms(pl.col("timestamp"))).write_ndjson()
        return list(map(Decoded, rows["message"], rows["ts_recv"], self._decoder.decode_lines(lines), rows["account"]))


class _MarketDataTable:
    """One row per message and symbol, levels nested; `ts_capture` is the time a recording's source gave as its own."""

    id = TableId.MARKET_DATA
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
        self.schema = pl.Schema(_NUMBERS | header | columns | _CLOCK)

    def rows(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> pl.DataFrame:
        header = json_columns(payloads, self._wire).select(
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


class _MessagesTable:
    """Messages of any other type as the JSON that they came as, and the symbol of those types that have one.

    A replay streams only what a source yields: MARKET_DATA without symbols, BOOK_DELTA and ARBITRAGE.
    """

    id = TableId.MESSAGES
    schema = pl.Schema(_NUMBERS | {"type": pl.String(), "symbol": pl.String(), "payload": pl.String()} | _CLOCK)

    def rows(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> pl.DataFrame:
        headers = read_headers(payloads)
        symbols = [header.symbol if header.type in _TYPES_WITH_SYMBOL else None for header in headers]
        return keys.with_columns(
            pl.Series("type", [header.type for header in headers], pl.String),
            pl.Series("symbol", symbols, pl.String),
            _texts(payloads).alias("payload"),
        ).select(self.schema.names())

    def messages(self, rows: pl.DataFrame) -> list[Decoded]:
        rows = rows.filter(pl.col("type").is_in(["MARKET_DATA", "BOOK_DELTA", "ARBITRAGE"]))
        messages = [JSON.decode(line) for line in rows["payload"]]
        return list(map(Decoded, rows["message"], rows["ts_recv"], messages))


class _ControlTable:
    """What happened to the connection: absence is data too. `first` to `last` are sequences, both included.

    `ts_from` and `ts_to` are the clock's readings before and after a step of it (`event` is "clock"), and the time for
    which messages are missing (see hftlab.session.coverage for the events), in ns. `symbols` are those that a row is
    about, null where it is about all.
    """

    id = TableId.CONTROL
    _wire: Final[dict[str, pl.DataType]] = {
        "event": pl.String(),
        "channel": pl.Int64(),
        "first": pl.Int64(),
        "last": pl.Int64(),
        "detail": pl.String(),
        "ts_from": pl.Int64(),
        "ts_to": pl.Int64(),
        "symbols": pl.List(pl.String()),
    }
    schema = pl.Schema(_NUMBERS | _wire | _CLOCK)

    def rows(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> pl.DataFrame:
        # The writer's own JSON: one line each, and no key twice.
        frame = pl.read_ndjson(b"\n".join(payloads), schema=self._wire)
        return pl.concat([keys, frame], how="horizontal").select(self.schema.names())

    def messages(self, rows: pl.DataFrame) -> list[Decoded]:  # noqa: ARG002 - none of it is a message
        return []


_TYPES_WITH_SYMBOL: Final = {
    kind.__struct_config__.tag for kind in get_args(Message) if "symbol" in kind.__struct_fields__
}


def _texts(payloads: Sequence[bytes]) -> pl.Series:
    try:
        return pl.Series(payloads, dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.PolarsError:
        # Bytes that are not UTF-8 can only be in fields that the protocol does not know.
        return pl.Series([payload.decode(errors="replace") for payload in payloads], dtype=pl.String)


TABLES: Final[dict[TableId, Table]] = {
    table.id: table
    for table in (
        _MarketDataTable(),
        _PrivateTable(TableId.ORDER_UPDATES, OrderUpdate),
        _PrivateTable(TableId.POSITION_UPDATES, PositionUpdate),
        _PrivateTable(TableId.PORTFOLIO_UPDATES, PortfolioUpdate),
        _MessagesTable(),
        _ControlTable(),
    )
}
