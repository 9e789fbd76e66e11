"""Bars and spreads from a recorded session. No server runs: a session is a folder of Parquet files.

python examples/analyse_session.py [SESSION]
"""

import sys
from pathlib import Path

import polars as pl

import hftlab as hl

RECORDED = Path(__file__).parents[1] / "data" / "walk"


def main(folder: Path) -> None:
    session = hl.open_session(folder)
    print(session)

    quotes = hl.analysis.quotes(session.market_data)
    spreads = quotes.group_by("symbol").agg((pl.col("ask") - pl.col("bid")).mean().alias("spread")).sort("symbol")
    print(spreads.collect())

    ohlc = (
        session.market_data.with_columns(pl.from_epoch("ts_event", time_unit="ns"))
        .sort("ts_event")
        .group_by_dynamic("ts_event", every="10s", group_by="symbol")
        .agg(
            pl.col("price").first().alias("open"),
            pl.col("price").max().alias("high"),
            pl.col("price").min().alias("low"),
            pl.col("price").last().alias("close"),
        )
    )
    print(ohlc.filter(pl.col("symbol") == "AAPL").collect())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDED)
