"""The tables of a session, and the two ways between protocol messages and their rows.

Neither takes a Python step per field: plain MARKET_DATA is read by compiled code, everything else goes through JSON
lines, which polars and msgspec read and write. Times become int64 nanoseconds; a time nested in a trade stays in the
wire's milliseconds.

What a message's own table cannot hold is kept in `messages`, with the reason: see read_tables().
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, get_args

import msgspec
import numpy as np
import polars as pl

from hftlab.protocol import JSON, MarketData, MarketDataSymbol, Message, OrderUpdate, PortfolioUpdate, PositionUpdate
from hftlab.protocol.order_messages import PRIVATE_MESSAGES
from hftlab.session.json_lines import decoded_lines, exact_columns, read_headers, read_type
from hftlab.session.payload_texts import payload_texts, texts_payloads
from hftlab.session.schema import defaults, snake_names, wire_schema
from hftlab.session.table_ids import TableId
from hftlab.session.times import to_ms, to_ns
from hftlab.source import Timed

if TYPE_CHECKING:
    from hftlab.session.market_data_columns import Columns

__all__ = ["KEYS", "TABLES", "Decoded", "Rows", "read_tables"]

_NUMBERS: Final[dict[str, pl.DataType]] = {"message": pl.Int64(), "ts_recv": pl.Int64()}
_ACCOUNT: Final[dict[str, pl.DataType]] = {"account": pl.String()}
_CLOCK: Final[dict[str, pl.DataType]] = {"ts_clock": pl.Int64()}
"""Reading of the clock where that is not ts_recv, which never goes back; null in all other rows."""
_REASON: Final[dict[str, pl.DataType]] = {"reason": pl.String()}
"""Why a message is kept as it came; null for one that a replay may stream."""
KEYS: Final = _NUMBERS | _ACCOUNT | _CLOCK | _REASON
"""Columns that the journal has for a message besides its JSON; only the private tables keep the account.

A frame of it is best made of columns: pl.DataFrame({"message": [...], ...}, schema=KEYS).
"""


_PRIVATE_TIMES: Final = ("timestamp", "tsEvent")
"""Fields of private messages that are times."""
_COMPILED_FROM: Final = 4 * 1024 * 1024
"""Bytes of MARKET_DATA from which on compiled code reads it: loading that takes a second, and making it many."""


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
    def streamed(self) -> Message | Timed[Message]:
        """The item as a server takes it."""
        return self.item

    @property
    def timed(self) -> Timed[Message]:
        """The message with the time of its reception and its account."""
        return Timed(self.ts_recv, self.message, self.account)


class Rows(NamedTuple):
    """Rows of one table, and why some of the payloads have to be kept as they came besides, or instead.

    `reasons` has the place of such a payload among those that were given, and what its rows do not say.
    """

    frame: pl.DataFrame
    reasons: dict[int, str]


class Table(Protocol):
    """One folder of Parquet parts."""

    id: TableId
    schema: pl.Schema
    defaults: Mapping[str, Any]
    """Values of columns in the rows of older parts, which lack them; columns without one are null there."""

    def read(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> Rows:
        """Return the rows of `payloads`, the JSON of one message each; `keys` has the columns KEYS, a row for each."""
        ...

    def rows(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> pl.DataFrame:
        """Return the rows alone."""
        ...

    def messages(self, rows: pl.DataFrame) -> list[Decoded]:
        """Return those messages in `rows` that a replay streams; the inverse of rows()."""
        ...


def read_tables(
    payloads: Mapping[TableId, Sequence[bytes]], keys: Mapping[TableId, pl.DataFrame]
) -> dict[TableId, pl.DataFrame]:
    """Return the rows of all tables for the payloads of each, as Table.read() takes them.

    A message with fields that its type does not have has a row in MESSAGES as well, and one that does not decode has
    only that: the whole payload, with the reason and the number of the message.
    """
    frames: dict[TableId, pl.DataFrame] = {}
    kept = []
    for table, some in payloads.items():
        frames[table], reasons = TABLES[table].read(some, keys[table])
        if reasons:
            places = sorted(reasons)
            whys = pl.Series("reason", [reasons[place] for place in places], pl.String)
            whose = keys[table][places].with_columns(whys)
            kept.append(TABLES[TableId.MESSAGES].rows([some[place] for place in places], whose))
    if kept:
        own = [frames[TableId.MESSAGES]] if TableId.MESSAGES in frames else []
        frames[TableId.MESSAGES] = pl.concat([*own, *kept]).sort("message", maintain_order=True)
    return frames


class _Table:
    """Base of all tables."""

    defaults: Mapping[str, Any] = MappingProxyType({})

    def read(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> Rows:
        raise NotImplementedError

    def rows(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> pl.DataFrame:
        return self.read(payloads, keys).frame


class _PrivateTable(_Table):
    """One row per message of one private type; `account` is null where the recorder did not know it."""

    def __init__(self, table: TableId, struct: type[msgspec.Struct]) -> None:
        self.id = table
        self._struct = struct
        self._wire = wire_schema(struct)
        self._names = snake_names(struct) | {"timestamp": "ts_out"}
        self._wire_defaults = defaults(struct)
        self.defaults = {self._names[wire]: value for wire, value in self._wire_defaults.items()}
        self._decoder: Any = msgspec.json.Decoder(struct)
        columns = {self._names[wire]: kind for wire, kind in self._wire.items()}
        columns |= {self._names[wire]: pl.Int64() for wire in _PRIVATE_TIMES}
        self.schema = pl.Schema(_NUMBERS | _ACCOUNT | columns | _CLOCK)

    def read(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> Rows:
        wire, keys = exact_columns(payloads, self._wire, self._struct), keys.drop("reason")
        reasons: dict[int, str] = {}
        if wire is None:
            lines, places, reasons = decoded_lines(payloads, self._struct)
            wire, keys = pl.read_ndjson(b"\n".join(lines), schema=self._wire), keys[places]
        frame = wire.with_columns(
            *(to_ns(pl.col(name)) for name in _PRIVATE_TIMES),
            *(pl.col(name).fill_null(value) for name, value in self._wire_defaults.items()),
        )
        rows = pl.concat([keys, frame.rename(self._names)], how="horizontal").select(self.schema.names())
        return Rows(rows, reasons)

    def messages(self, rows: pl.DataFrame) -> list[Decoded]:
        filled = rows.with_columns(pl.col(name).fill_null(value) for name, value in self.defaults.items())
        wire = filled.select(pl.col(name).alias(wire) for wire, name in self._names.items())
        lines = wire.with_columns(to_ms(pl.col(name)) for name in _PRIVATE_TIMES).write_ndjson()
        return list(map(Decoded, rows["message"], rows["ts_recv"], self._decoder.decode_lines(lines), rows["account"]))


class _MarketDataTable(_Table):
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

    def read(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> Rows:
        few = sum(map(len, payloads)) < _COMPILED_FROM
        symbols, reasons = self._read_few(payloads, keys) if few else self._read_many(payloads, keys)
        rows = symbols.with_columns(to_ns(pl.col("timestamp"))).rename(self._symbol_names).select(self.schema.names())
        return Rows(rows, reasons)

    def _read_few(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> tuple[pl.DataFrame, dict[int, str]]:
        """Read with polars, which takes less time for a few messages than compiled code takes to load."""
        keys = keys.select(*_NUMBERS, *_CLOCK)
        wire, reasons = exact_columns(payloads, self._wire, MarketData), dict[int, str]()
        if wire is None:
            lines, places, reasons = decoded_lines(payloads, MarketData)
            wire, keys = pl.read_ndjson(b"\n".join(lines), schema=self._wire), keys[places]
        header = _with_header(keys, wire).with_columns(wire["symbols"])
        return header.explode("symbols").unnest("symbols"), reasons

    def _read_many(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> tuple[pl.DataFrame, dict[int, str]]:
        # Compiled code is loaded when something is recorded: reading a session does without it.
        from hftlab.session.market_data_columns import plain_columns

        plain = plain_columns(payloads)
        keys = keys.select(pl.int_range(pl.len()).alias("place"), *_NUMBERS, *_CLOCK)
        symbols = _plain_symbols(keys, plain)
        reasons: dict[int, str] = {}
        if not plain.is_plain.all():
            odd = np.flatnonzero(~plain.is_plain).tolist()
            lines, places, found = decoded_lines([payloads[place] for place in odd], MarketData)
            others = keys[[odd[place] for place in places]]
            # In hftlab's own spelling nearly all are plain: all but those with texts beyond ASCII.
            again = plain_columns(lines)
            left = [line for line, is_plain in zip(lines, again.is_plain, strict=True) if not is_plain]
            wire = pl.read_ndjson(b"\n".join(left), schema=self._wire)
            header = _with_header(others.filter(~pl.Series(again.is_plain)), wire).with_columns(wire["symbols"])
            rest = header.explode("symbols").unnest("symbols").select(symbols.columns)
            symbols = pl.concat([symbols, _plain_symbols(others, again), rest]).sort("place", maintain_order=True)
            reasons = {odd[place]: reason for place, reason in found.items()}
        return symbols, reasons

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


class _MessagesTable(_Table):
    """Messages of any other type as the JSON that they came as, and the symbol of those types that have one.

    Also what its own table cannot hold, and what does not decode: rows with a `reason`. Payloads that are not text are
    in the `encoding` base64. A replay streams only what a source yields, MARKET_DATA without symbols, BOOK_DELTA and
    ARBITRAGE, and never a row with a reason.
    """

    id = TableId.MESSAGES
    schema = pl.Schema(
        _NUMBERS
        | {"type": pl.String(), "symbol": pl.String(), "payload": pl.String()}
        | _CLOCK
        | _REASON
        | {"encoding": pl.String()}
    )

    def read(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> Rows:
        types, symbols = _types_and_symbols(payloads, keys["reason"])
        columns = [pl.Series("type", types, pl.String), pl.Series("symbol", symbols, pl.String)]
        frame = keys.with_columns(*columns, *payload_texts(payloads)).select(self.schema.names())
        return Rows(frame, {})

    def messages(self, rows: pl.DataFrame) -> list[Decoded]:
        is_streamed = pl.col("type").is_in(["MARKET_DATA", "BOOK_DELTA", "ARBITRAGE"]) & pl.col("reason").is_null()
        rows = rows.filter(is_streamed)
        messages = map(JSON.decode, texts_payloads(rows))
        return list(map(Decoded, rows["message"], rows["ts_recv"], messages))


class _ControlTable(_Table):
    """Events of the connection: absence is data too. `first` to `last` are sequences, both included.

    `ts_from` and `ts_to` are the clock's readings before and after a step of it (`event` is "clock"; null where a clock
    that was set back is set right again), and the time for which messages are missing (see hftlab.session.coverage for
    the events), in ns. `symbols` are those that a row is about, null where it is about all.
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

    def read(self, payloads: Sequence[bytes], keys: pl.DataFrame) -> Rows:
        # The writer's own JSON: one line each, and no key twice.
        frame = pl.read_ndjson(b"\n".join(payloads), schema=self._wire)
        return Rows(pl.concat([keys, frame], how="horizontal").select(self.schema.names()), {})

    def messages(self, rows: pl.DataFrame) -> list[Decoded]:  # noqa: ARG002 - none of it is a message
        return []


_TYPES_WITH_SYMBOL: Final = {
    kind.__struct_config__.tag for kind in get_args(Message) if "symbol" in kind.__struct_fields__
}


def _types_and_symbols(payloads: Sequence[bytes], reasons: pl.Series) -> tuple[list[str | None], list[str | None]]:
    """Return the type of each message, None where it cannot be told, and the symbol of those that decode."""
    headers: Iterator[Any] = iter(
        read_headers([one for one, why in zip(payloads, reasons, strict=True) if why is None])
    )
    types: list[str | None] = []
    symbols: list[str | None] = []
    for payload, reason in zip(payloads, reasons, strict=True):
        header = next(headers) if reason is None else None
        types.append(read_type(payload) if header is None else header.type)
        symbols.append(header.symbol if header is not None and header.type in _TYPES_WITH_SYMBOL else None)
    return types, symbols


def _with_header(keys: pl.DataFrame, wire: pl.DataFrame) -> pl.DataFrame:
    """Put the fields of MARKET_DATA but its symbols beside the keys."""
    header = wire.select(
        to_ns(pl.col("timestamp")).alias("ts_out"),
        to_ns(pl.col("tsRecv")).alias("ts_capture"),
        "channel",
        "sequence",
        "id",
        pl.col("snapshot").fill_null(False),
    )
    return pl.concat([keys, header], how="horizontal")


def _plain_symbols(keys: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    """Return the symbols of those messages that are plain, with the keys and the header of theirs."""
    header = _with_header(keys.filter(pl.Series(columns.is_plain)), columns.header)
    repeated = header[np.repeat(np.arange(header.height), columns.counts)]
    return pl.concat([repeated, columns.symbols], how="horizontal")


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
