"""The tables of a session by number, and which table a message belongs to."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from hftlab.protocol import (
    Arbitrage,
    BookDelta,
    MarketData,
    Message,
    OrderUpdate,
    PortfolioUpdate,
    PositionUpdate,
)
from hftlab.protocol.order_messages import PRIVATE_MESSAGES

__all__ = ["DATA_MESSAGES", "EVENTS", "INDEX", "RAW", "TableId", "table_of"]


class TableId(IntEnum):
    """Number of a table in a journal's records, below 15. Journals on disk hold them: never change or reuse one."""

    MARKET_DATA = 0
    ORDER_UPDATES = 1
    POSITION_UPDATES = 2
    PORTFOLIO_UPDATES = 3
    MESSAGES = 4
    CONTROL = 5

    @property
    def folder(self) -> str:
        """Name of the table's folder in a session."""
        return self.name.lower()


EVENTS: Final = "events"
"""Folder of the order-level events. They are columns from the start, so that the journal never holds them."""

INDEX: Final = "index"
"""Folder of the indexes of parts, which are beside the tables' folders: those hold nothing but a table."""

RAW: Final = "raw"
"""Folder within a session of the frames that its messages were made of, where they were kept."""

DATA_MESSAGES: Final = (MarketData, BookDelta, Arbitrage, *PRIVATE_MESSAGES)
"""Types of the messages that a replay streams; the others are about the connection that they came over."""

_IDS: Final[dict[type, TableId]] = {
    MarketData: TableId.MARKET_DATA,
    OrderUpdate: TableId.ORDER_UPDATES,
    PositionUpdate: TableId.POSITION_UPDATES,
    PortfolioUpdate: TableId.PORTFOLIO_UPDATES,
}


def table_of(message: Message) -> TableId:
    """Return the table that a message is stored in.

    MARKET_DATA without symbols has no row in its own table and goes to MESSAGES.
    """
    if isinstance(message, MarketData) and not message.symbols:
        return TableId.MESSAGES
    return _IDS.get(type(message), TableId.MESSAGES)
