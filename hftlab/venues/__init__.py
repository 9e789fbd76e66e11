"""Venues' own formats: a package a format, which reads files into EventBatches."""

from hftlab.venues import binance, dbn, hftbacktest, itch, kraken, lobster, mitch, moldudp64, nyse, pcap, soupbintcp

__all__ = [
    "binance",
    "dbn",
    "hftbacktest",
    "itch",
    "kraken",
    "lobster",
    "mitch",
    "moldudp64",
    "nyse",
    "pcap",
    "soupbintcp",
]
