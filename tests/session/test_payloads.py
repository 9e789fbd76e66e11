"""What would not be the same message after a replay is refused, by the name of its field and its value."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hftlab.errors import MessageParseError
from hftlab.protocol import JSON, MarketData, Message, OrderBookLevel
from hftlab.session import SessionWriter, open_session
from hftlab.session.payloads import checked_payload
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import numbered
from tests.session.test_tables import ORDER

NAN, INFINITE = float("nan"), float("inf")


def with_level(price: float, size: float) -> MarketData:
    return market_data(symbol(), symbol(bids=[OrderBookLevel(price=price, size=size, orders=1)]))


@pytest.mark.parametrize("message", [numbered(1), ORDER, with_level(1e-8, 1e18)])
def test_a_message_that_replays_is_its_json(message: Message) -> None:
    assert checked_payload(message) == JSON.encode(message)


@pytest.mark.parametrize(
    ("message", "field", "value"),
    [
        (market_data(symbol(price=NAN)), "symbols[0].price", "nan"),
        (market_data(symbol(volume=INFINITE)), "symbols[0].volume", "inf"),
        (market_data(symbol(), symbol(bid=-1.0)), "symbols[1].bid", "-1.0"),
        (market_data(symbol(ask_size=2e18)), "symbols[0].askSize", r"2e\+18"),
        (market_data(symbol(symbol="")), "symbols[0].symbol", "''"),
        (market_data(symbol(timestamp=0)), "symbols[0].timestamp", "0"),
        (with_level(NAN, 1.0), "symbols[1].bids[0].price", "nan"),
        (with_level(1.0, -INFINITE), "symbols[1].bids[0].size", "-inf"),
        # Fields that may be left out: JSON has null for a number that it does not have, which would be taken for that.
        (msgspec.structs.replace(ORDER, price=NAN), "price", "nan"),
        (msgspec.structs.replace(ORDER, average_price=INFINITE), "averagePrice", "inf"),
    ],
)
def test_field_and_value_are_named(message: Message, field: str, value: str) -> None:
    with pytest.raises(MessageParseError, match=rf"cannot be recorded.*is {value} \(") as caught:
        checked_payload(message)
    assert caught.value.field == field
    assert f"`{field}`" in str(caught.value)


def test_a_field_that_is_missing_is_named() -> None:
    with pytest.raises(MessageParseError, match=r"cannot be recorded.*Expected `object`, got `str`"):
        checked_payload("no message")  # type: ignore[arg-type]


def test_a_writer_goes_on_without_the_message(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session", source={})
    writer.append(numbered(1), 1)
    with pytest.raises(MessageParseError):
        writer.append(market_data(symbol(price=NAN)), 2)
    writer.append(numbered(3), 3)
    writer.close()
    assert open_session(tmp_path / "session").market_data.collect()["ts_recv"].to_list() == [1, 3]
