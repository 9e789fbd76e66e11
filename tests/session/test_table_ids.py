"""Each message has one table, and the tables have the numbers that journals on disk hold."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given

from hftlab.protocol import MarketData, Message
from hftlab.protocol.order_messages import PRIVATE_MESSAGES
from hftlab.session.table_ids import TableId, table_of
from tests import strategies
from tests.protocol.conftest import market_data, symbol
from tests.session.test_tables import ORDER, PORTFOLIO, POSITION


def test_the_numbers_are_those_of_every_journal_so_far() -> None:
    assert {table.folder: int(table) for table in TableId} == {
        "market_data": 0,
        "order_updates": 1,
        "position_updates": 2,
        "portfolio_updates": 3,
        "messages": 4,
        "control": 5,
    }


@pytest.mark.parametrize(
    ("message", "table"),
    [
        (market_data(symbol()), TableId.MARKET_DATA),
        (MarketData(timestamp=1.0, symbols=[]), TableId.MESSAGES),
        (ORDER, TableId.ORDER_UPDATES),
        (POSITION, TableId.POSITION_UPDATES),
        (PORTFOLIO, TableId.PORTFOLIO_UPDATES),
    ],
)
def test_a_message_goes_to_the_table_of_its_type(message: Message, table: TableId) -> None:
    """Market data without a symbol would have no row in its own table."""
    assert table_of(message) is table


@given(strategies.messages())
def test_all_other_types_go_to_messages(message: Message) -> None:
    is_other = not isinstance(message, (MarketData, *PRIVATE_MESSAGES))
    assert not is_other or table_of(message) is TableId.MESSAGES


def test_private_messages_are_types_of_the_wire() -> None:
    assert set(PRIVATE_MESSAGES) < set(get_args(Message))
