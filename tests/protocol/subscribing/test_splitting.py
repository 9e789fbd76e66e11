"""Requests of more symbols than one message may have."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import (
    JSON,
    MSGPACK,
    Ack,
    ChannelInfo,
    DataType,
    Limits,
    SlowConsumer,
    Subscribe,
    Unsubscribe,
)
from hftlab.protocol.subscribing.splitting import joined, split_request, split_symbols

LIMITS = Limits(max_message_bytes=600, max_symbols=20, min_frequency=0, max_frequency=60_000)
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)


@given(st.lists(NAMES, unique=True, min_size=1, max_size=60))
def test_all_parts_are_within_the_limits_and_together_they_are_the_whole(names: list[str]) -> None:
    request = Subscribe(
        timestamp=1_700_000_000_000.123,
        id="req_1234567",
        symbols=names,
        data_types=list(DataType),
        frequency=60_000,
        slow_consumer=SlowConsumer.DISCONNECT,
    )
    parts = split_request(request, LIMITS)
    assert [name for part in parts for name in part.symbols] == names
    for part in parts:
        assert msgspec.structs.replace(part, symbols=names) == request
        assert len(part.symbols) <= 20
        assert max(len(codec.encode(part)) for codec in (JSON, MSGPACK)) <= 600 or len(part.symbols) == 1


def test_without_limits_nothing_is_split() -> None:
    request = Unsubscribe(timestamp=1.0, symbols=[f"S{number}" for number in range(10_000)])
    assert split_request(request, None) == [request]
    assert list(split_symbols([], LIMITS)) == []


def test_joined_acknowledgements_name_the_channels_that_are_left() -> None:
    def ack(channel: int, *symbols: str) -> Ack:
        info = ChannelInfo(
            channel=channel,
            symbols=list(symbols),
            data_types=[DataType.QUOTES],
            frequency=0,
            slow_consumer=SlowConsumer.CONFLATE,
            sequence=0,
        )
        return Ack(timestamp=1.0, id=str(channel), message="some", channels=[info])

    whole = joined([ack(1, "A"), ack(2, "A", "B"), ack(3, "C")], "all")
    assert (whole.message, whole.id) == ("all", "3")
    assert [info.channel for info in whole.channels or ()] == [2, 3]
