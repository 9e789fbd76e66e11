"""Frames of Kraken's API v2: what each is decoded to."""

from __future__ import annotations

import msgspec
import pytest

from hftlab.venues.kraken.frames import Answer, Frame, decode_frame, number_text, texts_of
from tests.venues.kraken_frames import ack, book_frame


def test_levels_keep_the_texts_of_their_numbers() -> None:
    frame = decode_frame(book_frame("update", {"0.50930100": "0.00005100"}, {"45285.0": "1e-08"}, 7))
    assert isinstance(frame, Frame)
    (data,) = frame.books()
    assert (data.symbol, data.checksum) == ("BTC/USD", 7)
    assert texts_of(data.bids) == [("0.50930100", "0.00005100")]
    assert texts_of(data.asks) == [("45285.0", "0.00000001")]


@pytest.mark.parametrize("text", ['"1.5"', "-1", "null", "[1]", "true", "1e9999", "1e99", "9" * 5000])
def test_what_is_not_a_number_without_a_sign_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="Expected a number"):
        number_text(text.encode())


def test_an_answer_tells_what_was_granted_or_refused() -> None:
    granted = decode_frame(ack(25))
    assert isinstance(granted, Answer)
    assert (granted.success, granted.result.channel, granted.result.depth, granted.result.symbol) == (
        True,
        "book",
        25,
        "BTC/USD",
    )
    refused = decode_frame(
        b'{"error":"Currency pair not supported XBT/USD","method":"subscribe","req_id":3,"success":false,'
        b'"symbol":"XBT/USD","time_in":"2026-09-25T17:48:54.701041Z","time_out":"2026-09-25T17:48:54.701062Z"}'
    )
    assert isinstance(refused, Answer)
    assert (refused.success, refused.symbol, refused.req_id) == (False, "XBT/USD", 3)


def test_pairs_tell_their_decimals() -> None:
    frame = decode_frame(
        b'{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[{"symbol":"BTC/USD","base":"BTC",'
        b'"quote":"USD","status":"online","qty_precision":8,"qty_increment":1e-08,"price_precision":1,'
        b'"price_increment":0.1,"tick_size":0.1,"qty_min":0.0001}]}}'
    )
    assert isinstance(frame, Frame)
    (pair,) = frame.pairs()
    assert (pair.symbol, pair.price_precision, pair.size_precision) == ("BTC/USD", 1, 8)
