"""The slow, obvious way from MARKET_DATA messages to rows: each is decoded and encoded again, and polars reads that."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from hftlab.protocol import JSON, MarketData, MarketDataSymbol
from hftlab.session.schema import snake_names, wire_schema
from hftlab.session.table_ids import TableId
from hftlab.session.tables import KEYS, TABLES
from hftlab.session.times import to_ns


def keys_of(count: int) -> pl.DataFrame:
    """Make keys such as those of a segment's messages."""
    columns = {"message": list(range(count)), "ts_recv": [7 * number for number in range(count)]}
    return pl.DataFrame(columns | {name: [None] * count for name in ("account", "ts_clock", "reason")}, schema=KEYS)


def slow_rows(payloads: Sequence[bytes], keys: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the table of MARKET_DATA; every payload must decode."""
    lines = b"\n".join(JSON.encode(JSON.decode(payload)) for payload in payloads)
    wire = pl.read_ndjson(lines, schema=wire_schema(MarketData))
    header = wire.select(
        to_ns(pl.col("timestamp")).alias("ts_out"),
        to_ns(pl.col("tsRecv")).alias("ts_capture"),
        *("channel", "sequence", "id", "symbols"),
        pl.col("snapshot").fill_null(False),
    )
    rows = pl.concat([keys, header], how="horizontal").explode("symbols").unnest("symbols")
    names = snake_names(MarketDataSymbol) | {"timestamp": "ts_event"}
    return (
        rows.with_columns(to_ns(pl.col("timestamp"))).rename(names).select(TABLES[TableId.MARKET_DATA].schema.names())
    )


def same(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    """Tell whether two frames are equal to the last bit; polars takes -0.0 for 0.0."""
    return one.schema == other.schema and one.equals(other) and repr(one.rows()) == repr(other.rows())
