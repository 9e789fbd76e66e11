"""Signs of text files, where they are close to each other."""

from __future__ import annotations

import pytest

from hftlab.venues.text_signatures import describe_text

TRADE = b'{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"1","q":"2"}'


@pytest.mark.parametrize(
    ("text", "format_name"),
    [
        (b"1760000000000000000 " + TRADE, "binance"),
        (b"1760000000.5\t" + TRADE, "binance"),
        (b'1 {"lastUpdateId":1,"bids":[],"asks":[]}\n', "binance"),
        (b'1 {"lastUpdateId":1,"bids":[["5.0","1', "binance"),
        (b'1 {"lastUpdateId":1,"E":2,"T":2,"bids":[["5.0","1', "binance"),
        (b'1 {"lastUpdateId":1,"levels":[["5.0","1', None),
        (b'1 {"stream":"btcusdt@depth","data":{}}\n', "binance"),
        (b'1 {"a":1}\n1 ' + TRADE + b"\n", "binance"),
        (b'1 {"e":"heartbeat"}\n', None),
        (TRADE, None),
        (b'1.5: {"event":"heartbeat"}\n', "kraken"),
        (b'1.5: {"channel":"book","type":"snapshot","data":[]}\n', "kraken"),
        (b"wss://ws.kraken.com <-> 1.5\n1.5: []\n", "kraken"),
        (b"1.5: nothing\n", None),
        (b"34200.1,1,7,10,5853300,1", "lobster"),
        (b"34200.1,1,7,10,5853300,1\n34200.2,8,7,10,5853300,1\n", None),
        (b"34200.1,1,7,10,5853300,0\n", None),
        (b"34200.1,1,7,10,5853300\n", None),
        (b"86401,1,7,10,5853300,1\n", None),
        (b"time,type,order,size,price,direction\n34200.1,1,7,10,5853300,1\n", None),
    ],
)
def test_the_format_that_reads_it(text: bytes, format_name: str | None) -> None:
    found = describe_text(text)
    assert found is not None
    assert found[0] == format_name
    assert found[1]


@pytest.mark.parametrize("content", [b"\x00\x0cS", b"abc\x01", b"\xff\xfeabc"[2:] + b"\xff", b"\x80\x81"])
def test_binary_content_is_not_text(content: bytes) -> None:
    assert describe_text(content) is None


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_named(encoding: str) -> None:
    assert describe_text("\ufefftime,price\n".encode(encoding)) == (None, "text in UTF-16")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_of_any_delimiter(delimiter: str) -> None:
    text = f"time{delimiter}price\n1{delimiter}2\n"
    assert describe_text(text.encode()) == (None, f"a CSV file that begins with {f'time{delimiter}price'!r}")


def test_a_long_header_is_cut() -> None:
    found = describe_text(b"a," * 1000 + b"\n" + b"1," * 1000 + b"\n")
    assert found is not None
    assert len(found[1]) < 100


def test_a_character_cut_by_the_end_of_the_head_is_text() -> None:
    assert describe_text("Ж".encode()[:1]) == (None, "plain text")
