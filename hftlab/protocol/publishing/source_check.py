"""Check of what a source yields, before anything of it is kept or sent."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

from hftlab.clock import check_time
from hftlab.errors import MessageParseError
from hftlab.protocol.checking import check_message
from hftlab.protocol.messages import Message
from hftlab.source import Source, SourceDecorator, Timed

__all__ = ["SourceCheck"]


class SourceCheck:
    """Leaves out the messages of a source that the wire cannot carry; `refused` has the reason for each.

    Sources of hftlab itself are not checked again: simulators make valid messages, replays decode them. A subclass of
    one is checked, as is whatever a decorator gets from somebody's own source.
    """

    def __init__(self, source: Source[Message] | None) -> None:
        self.refused: list[MessageParseError] = []
        self.trusts_source = source is None or _is_own(source)

    def timed(self, items: Iterable[Timed[Message]]) -> list[Timed[Message]]:
        """Return the valid ones among messages with their times."""
        if self.trusts_source:
            return list(items)
        return [valid for item in items if (valid := self._valid_at_its_time(item)) is not None]

    def messages(self, items: Iterable[Message]) -> list[Message]:
        """Return the valid ones among messages."""
        if self.trusts_source:
            return list(items)
        return [valid for item in items if (valid := self._valid(item)) is not None]

    def time(self, at: Any) -> int | None:
        """Return a time as int. Raises TypeError for one that is not a whole number of nanoseconds."""
        if type(at) is int:  # before the abstract class, which takes ten times as long
            return at
        if at is not None and not isinstance(at, Integral):
            raise TypeError(f"next_time() returned {at!r}: a time is an int of nanoseconds, or None at the end")
        return None if at is None else int(at)

    def take_refused(self) -> list[MessageParseError]:
        """Return the reasons since the last call."""
        refused, self.refused = self.refused, []
        return refused

    def _valid_at_its_time(self, item: Timed[Message]) -> Timed[Message] | None:
        message = self._valid(item.message)
        if message is None:
            return None
        try:
            return item._replace(at=check_time(item.at, "the `at` of a Timed"), message=message)
        except ValueError as exc:
            self.refused.append(MessageParseError(str(exc), field="at"))
            return None

    def _valid(self, message: Message) -> Message | None:
        try:
            return check_message(message)
        except MessageParseError as exc:
            self.refused.append(exc)
            return None


def _is_own(source: object) -> bool:
    """Return whether a source, and what it decorates, are classes of hftlab."""
    if not type(source).__module__.startswith("hftlab."):
        return False
    return not isinstance(source, SourceDecorator) or _is_own(source._source)
