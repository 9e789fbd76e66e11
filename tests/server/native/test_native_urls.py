"""Addresses of markets."""

from __future__ import annotations

from hftlab.server.native.native_urls import NativeUrls


def test_the_first_market_is_at_the_root_and_others_below_their_names() -> None:
    assert NativeUrls.of("spot", "ws://127.0.0.1:8081") == ("spot", "ws://127.0.0.1:8081", "http://127.0.0.1:8081")
    assert NativeUrls.of("usdm", "wss://[::1]:1", "/usdm")[1:] == ("wss://[::1]:1/usdm", "https://[::1]:1/usdm")


def test_a_person_reads_where_to_point_a_bot() -> None:
    text = str(NativeUrls.of("spot", "ws://127.0.0.1:8081"))
    assert text == "binance spot: streams ws://127.0.0.1:8081/ws and /stream, requests http://127.0.0.1:8081"


def test_kraken_has_one_market() -> None:
    text = str(NativeUrls.of("kraken", "wss://127.0.0.1:8081"))
    assert text == "kraken: streams wss://127.0.0.1:8081/v2, requests https://127.0.0.1:8081"
