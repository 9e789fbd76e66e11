"""Blocks of bytes on a pipe, each behind its length."""

from __future__ import annotations

from typing import BinaryIO, Final

__all__ = ["LENGTH", "read_block", "write_block"]

LENGTH: Final = 8
"""Bytes of a length, the lowest first."""


def read_block(file: BinaryIO) -> bytes | None:
    """Read a length and so many bytes; None at the end of the file, also in their middle."""
    head = file.read(LENGTH)
    if len(head) < LENGTH:
        return None
    size = int.from_bytes(head, "little")
    data = file.read(size)
    return data if len(data) == size else None


def write_block(file: BinaryIO, data: bytes) -> None:
    """Write a length and so many bytes."""
    file.write(len(data).to_bytes(LENGTH, "little"))
    file.write(data)
    file.flush()
