"""Venues' own formats: a package a format, which reads files into EventBatches."""

from hftlab.venues import (
    binance,
    dbn,
    hftbacktest,
    iex,
    itch,
    kraken,
    lobster,
    mitch,
    moldudp64,
    nyse,
    pcap,
    soupbintcp,
)

__all__ = [
    "binance",
    "dbn",
    "hftbacktest",
    "iex",
    "itch",
    "kraken",
    "lobster",
    "mitch",
    "moldudp64",
    "nyse",
    "pcap",
    "soupbintcp",
]
