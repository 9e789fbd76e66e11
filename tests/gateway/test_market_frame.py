from __future__ import annotations

import msgspec
import pytest

from hftlab.gateway.market_frame import MarketFrame, joined, part_frames, part_of, whole_frame, whole_of
from hftlab.protocol import JSON, Gap, MarketData
from hftlab.protocol.enums import Side
from hftlab.protocol.messages import Trade
from hftlab.simulator import RandomWalk


def walked(count: int) -> list[MarketData]:
    source = RandomWalk(7)
    return [message for _ in range(count) for message in source.advance(source.next_time())]


def carried(message: MarketData) -> MarketData:
    """The message after its way over NATS."""
    frames = part_frames(message, "run", 1, range(1, 9))
    there = [MarketFrame.of(frame.header, frame.payload) for frame in frames]
    assert [frame.more for frame in there] == list(range(len(there) - 1, -1, -1))
    parts = [part_of(symbol.symbol, frame) for symbol, frame in zip(message.symbols, there, strict=True)]
    return joined(parts).decoded()


def without_times(message: MarketData) -> MarketData:
    return msgspec.structs.replace(message, timestamp=1.0, sequence=None, channel=None)


class TestMarketData:
    def test_a_message_is_the_same_behind_its_way(self) -> None:
        for message in walked(20):
            assert carried(message) == without_times(message)

    def test_trades_come_along_and_are_not_in_the_state(self) -> None:
        (message,) = walked(1)
        trade = Trade(price=1.5, size=2.0, timestamp=3.0, side=Side.BUY)
        symbols = [msgspec.structs.replace(message.symbols[0], trades=[trade, trade]), *message.symbols[1:]]
        message = msgspec.structs.replace(message, symbols=symbols)
        assert carried(message) == without_times(message)
        frames = list(part_frames(message, "run", 1, range(1, 9)))
        encoded = joined([part_of(symbol.symbol, frame) for symbol, frame in zip(symbols, frames, strict=True)])
        assert encoded.has_trades
        assert b'"trades"' not in encoded.state
        assert msgspec.json.decode(encoded.traded) == msgspec.json.decode(JSON.encode(message))["symbols"]

    def test_what_a_symbol_leaves_out_is_known(self) -> None:
        (message,) = walked(1)
        bare = [msgspec.structs.replace(one, bids=None, last_trade=None) for one in message.symbols]
        message = msgspec.structs.replace(message, symbols=bare)
        frames = list(part_frames(message, "run", 1, range(1, 9)))
        encoded = joined([part_of(symbol.symbol, frame) for symbol, frame in zip(bare, frames, strict=True)])
        assert set(encoded.parts.values()) == {2}  # asks alone
        again = joined([part_of(symbol.symbol, frame) for symbol, frame in zip(bare, frames, strict=True)])
        assert again.parts is encoded.parts  # one object for messages alike, as the publisher compares them

    def test_a_header_that_is_not_one_is_refused(self) -> None:
        with pytest.raises(ValueError, match="unpack"):
            MarketFrame.of("run 1", b"")


def test_a_gap_comes_back() -> None:
    gap = Gap(timestamp=1.0, from_sequence=0, to_sequence=0, reason="why", symbols=["AAPL"])
    assert whole_of(whole_frame(gap, "run", 3, 9)) == gap
