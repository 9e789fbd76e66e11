"""Records of a journal as bytes.

A file, called segment, is the magic `HFTLABJ2` and then records. All numbers are little-endian:

    length   uint32   of the body, in bytes: below 16 MiB, so that its last byte is zero
    crc32    uint32   of the body, begun with 0x32545048 in place of 0
    body
      table    uint8    number of the table (hftlab.session.table_ids.TableId, below 15; 15 is the seal), plus flags:
                        128 an account follows, 64 the clock's reading, 32 a reason, 16 the payload is base64
      number   int64    of the message or control row in the session, counted from 0
      ts_recv  int64    ns
      clock    int64    ns, what the clock said where that is not ts_recv; only with that flag
      account  uint32 length in bytes and UTF-8 text; only with that flag
      reason   the same: why the payload could not be decoded; only with that flag
      payload  the rest: JSON as it was received, or as hftlab encodes the message. Bytes that hold a zero, which no
               JSON text does, are base64

A segment that was finished ends with a seal, a record whose payload is `{"records":N,"crc32":C}`: the number of records
before it, and the CRC32 of all their lengths and checksums. A file without one was being written when the process
ended.

Damage costs the record that it is in and no other: a zero byte occurs in no payload, so that the search for the next
record looks only at the few places where a length can end, and a record within a payload cannot be mistaken for one.

Segments of version 1 (magic `HFTLABJ1`) have no numbers, reasons and seals, and their CRC32 begins with 0. They are
read up to the first damage.
"""

from __future__ import annotations

import binascii
import struct
from typing import Final, NamedTuple

import msgspec

__all__ = [
    "BODY",
    "BODY_1",
    "HEADER",
    "LONGEST",
    "MAGIC",
    "MAGIC_1",
    "SEAL",
    "START",
    "TABLE",
    "Record",
    "Seal",
    "decode",
    "decode_1",
    "encode",
]

LONGEST: Final = (1 << 24) - 1
"""Length of a record's body in bytes at most."""

MAGIC: Final = b"HFTLABJ2"
"""First bytes of a segment."""
MAGIC_1: Final = b"HFTLABJ1"
START: Final = 0x32545048
"""Initial value of a checksum: a record of version 1 never passes for one of version 2."""
HEADER: Final = struct.Struct("<II")
"""Length and CRC32 of a body."""
BODY: Final = struct.Struct("<Bqq")
"""Table and flags, number, and time: the beginning of a body."""
BODY_1: Final = struct.Struct("<Bq")
TABLE: Final = 0x0F
"""Bits of a body's first byte that are the table."""
SEAL: Final = 0x0F
"""Table of a seal."""
_LENGTH: Final = struct.Struct("<I")
_CLOCK: Final = struct.Struct("<q")
_HAS_ACCOUNT: Final = 0x80
_HAS_CLOCK: Final = 0x40
_HAS_REASON: Final = 0x20
_IS_BASE64: Final = 0x10


class Record(NamedTuple):
    """One message or control row: the number of its table (below 15), its time (ns), its JSON and its account.

    `clock` is what the clock said (ns), None where that is its time. `number` counts the session's messages and
    control rows from 0, and is None in segments of version 1. `reason` says why `payload` could not be decoded, None
    where it could.
    """

    table: int
    ts_recv: int
    payload: bytes
    account: str | None = None
    clock: int | None = None
    number: int | None = None
    reason: str | None = None


class Seal(msgspec.Struct):
    """Payload of a seal: the number of records before it, and the CRC32 of all their headers."""

    records: int
    crc32: int


def encode(record: Record) -> tuple[bytes, bytes]:
    """Return the body of a record in two pieces: what is before the payload, and the payload."""
    number, more, payload = record.table, b"", record.payload
    if record.clock is not None:
        number |= _HAS_CLOCK
        more += _CLOCK.pack(record.clock)
    if record.account is not None:
        number |= _HAS_ACCOUNT
        more += _text(record.account)
    if record.reason is not None:
        number |= _HAS_REASON
        more += _text(record.reason)
    if b"\0" in payload:
        number |= _IS_BASE64
        payload = binascii.b2a_base64(payload, newline=False)
    return BODY.pack(number, record.number or 0, record.ts_recv) + more, payload


def _text(text: str) -> bytes:
    data = text.encode()
    return _LENGTH.pack(len(data)) + data


def decode(body: memoryview) -> Record:
    """Return the record with a body."""
    flags, number, ts_recv = BODY.unpack_from(body)
    at, clock, account, reason = BODY.size, None, None, None
    if flags & _HAS_CLOCK:
        (clock,) = _CLOCK.unpack_from(body, at)
        at += _CLOCK.size
    if flags & _HAS_ACCOUNT:
        account, at = _read_text(body, at)
    if flags & _HAS_REASON:
        reason, at = _read_text(body, at)
    payload = binascii.a2b_base64(body[at:]) if flags & _IS_BASE64 else bytes(body[at:])
    return Record(flags & TABLE, ts_recv, payload, account, clock, number, reason)


def decode_1(body: memoryview) -> Record:
    """Return the record with a body of version 1."""
    flags, ts_recv = BODY_1.unpack_from(body)
    at, clock, account = BODY_1.size, None, None
    if flags & _HAS_CLOCK:
        (clock,) = _CLOCK.unpack_from(body, at)
        at += _CLOCK.size
    if flags & _HAS_ACCOUNT:
        account, at = _read_text(body, at)
    return Record(flags & ~(_HAS_ACCOUNT | _HAS_CLOCK), ts_recv, bytes(body[at:]), account, clock)


def _read_text(body: memoryview, at: int) -> tuple[str, int]:
    (length,) = _LENGTH.unpack_from(body, at)
    at += _LENGTH.size
    return str(body[at : at + length], "utf-8"), at + length
