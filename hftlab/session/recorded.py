"""Recorded messages, which are made when they are asked for."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from hftlab.errors import SessionDamaged
from hftlab.protocol import Message
from hftlab.protocol.encoded_market_data import EncodedMarketData
from hftlab.session.encoded_block import EncodedBlock
from hftlab.session.market_block import MarketBlock
from hftlab.session.part_file import PartFile
from hftlab.session.tables import Decoded
from hftlab.source import Timed

__all__ = ["EncodedMessage", "Recorded", "UndecodedMessage", "cannot_be_made"]


class UndecodedMessage:
    """Message of a row group that is made when it is asked for; otherwise as hftlab.session.tables.Decoded."""

    __slots__ = ("_block", "_index", "_part", "number", "size", "ts_recv")
    account: Final = None

    def __init__(self, block: MarketBlock, index: int, size: int, part: PartFile) -> None:
        self._block, self._index, self._part = block, index, part
        self.number, self.ts_recv, self.size = block.numbers[index], block.times[index], size

    @property
    def message(self) -> Message:
        """The message."""
        try:
            return self._block.message(self._index)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise cannot_be_made(self._part, exc) from exc

    @property
    def item(self) -> Message:
        """The message as a source yields it."""
        return self.message

    @property
    def streamed(self) -> Message:
        """The message as a server takes it."""
        return self.message

    @property
    def timed(self) -> Timed[Message]:
        """The message with the time of its reception."""
        return Timed(self.ts_recv, self.message)


class EncodedMessage:
    """Message of a row group as a server sends it; otherwise as hftlab.session.tables.Decoded."""

    __slots__ = ("_block", "_index", "number", "size", "ts_recv")
    account: Final = None

    def __init__(self, block: EncodedBlock, index: int) -> None:
        self._block, self._index = block, index
        self.number, self.ts_recv, self.size = block.numbers[index], block.times[index], block.sizes[index]

    @property
    def streamed(self) -> EncodedMarketData:
        """The message as JSON."""
        return self._block.message(self._index)

    @property
    def message(self) -> Message:
        """The message."""
        return self.streamed.decoded()

    @property
    def item(self) -> Message:
        """The message as a source yields it."""
        return self.message

    @property
    def timed(self) -> Timed[Message]:
        """The message with the time of its reception."""
        return Timed(self.ts_recv, self.message)


Recorded: TypeAlias = Decoded | UndecodedMessage | EncodedMessage
"""A recorded message: its `number`, `ts_recv`, `message` and `account`, the `item` that a source yields, and the same
as a server takes it (`streamed`): encoded, where it is."""


def cannot_be_made(part: PartFile, error: Exception) -> SessionDamaged:
    """Return the error of a part in which a message is that the protocol does not allow."""
    return SessionDamaged(
        f"{part.path} holds a message that the protocol does not allow ({error}): restore it from a copy",
        path=part.path,
    )
