"""Layouts of the messages of binary formats, field by field, as their specifications have them in tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["ByteOrder", "Field", "Layout", "Layouts"]

ByteOrder = Literal["big", "little"]

_KINDS: Final = "azuips"


@dataclass(frozen=True, slots=True)
class Field:
    """Field of a message: `width` bytes from `offset` on.

    | kind | content |
    |---|---|
    | a, z | text in Latin-1, padded on the right with spaces, with zeros |
    | u, i | integer without, with a sign |
    | p, s | price without, with a sign: an integer of 10**-`decimals` |
    """

    name: str
    kind: str
    offset: int
    width: int
    decimals: int = 0

    @property
    def is_text(self) -> bool:
        """True for text."""
        return self.kind in "az"

    @property
    def is_price(self) -> bool:
        """True for a price."""
        return self.kind in "ps"

    @property
    def is_signed(self) -> bool:
        """True for a number with a sign."""
        return self.kind in "is"


@dataclass(frozen=True, slots=True)
class Layout:
    """Layout of a message type: its `type` and `name` in the specification, its fields, and its `size` in bytes."""

    type: str
    name: str
    fields: tuple[Field, ...]

    @property
    def size(self) -> int:
        """Bytes of the message."""
        return self.fields[-1].offset + self.fields[-1].width


@dataclass(frozen=True, slots=True)
class Layouts:
    """Layouts of a format by message type, and the order of its integers' bytes."""

    order: ByteOrder
    by_type: Mapping[str, Layout]

    @classmethod
    def described(cls, order: ByteOrder, head: str, types: Iterable[tuple[str, str, str]]) -> Layouts:
        """Make the layouts of (type, name, fields), which follow each other without padding; all begin with `head`.

        Fields are written `name:kind`, the kind with its width, and a price's with its decimals: `a8`, `u4`, `p4.4`.
        Raises ValueError for a kind that does not exist.
        """
        return cls(order, {type_: Layout(type_, name, _fields(f"{head} {text}")) for type_, name, text in types})


def _fields(text: str) -> tuple[Field, ...]:
    fields: list[Field] = []
    offset = 0
    for part in text.split():
        name, _, kind = part.partition(":")
        width, _, decimals = kind[1:].partition(".")
        if kind[:1] not in _KINDS or not width.isdigit() or bool(decimals) != (kind[0] in "ps"):
            raise ValueError(f"{part!r} is not a field: write name:kind, as in shares:u4 or price:p4.4")
        fields.append(Field(name, kind[0], offset, int(width), int(decimals or 0)))
        offset += int(width)
    return tuple(fields)
