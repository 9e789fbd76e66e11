"""Signs by which binary files are told apart: the versions and framings of ITCH, DBN, archives.

Sources: Nasdaq, "TotalView-ITCH 4.0", "TotalView-ITCH 4.1", "SoupBinTCP", "MoldUDP64".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

__all__ = [
    "HFTBACKTEST",
    "ITCH_IN_MOLD",
    "Found",
    "describe_binary",
    "is_itch_in_mold",
    "is_itch_in_soup",
    "itch_sizes",
]

Found = tuple[str | None, str]

HFTBACKTEST: Final = "hftbacktest's event array"
_DBN: Final = b"DBN"
_NUMPY: Final = b"\x93NUMPY"
_ARRAY_HEADER: Final = 1 << 10
_MAGICS: Final[dict[bytes, str]] = {
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x89HDF": "an HDF5 file",
    _NUMPY: "a NumPy array of another form than hftbacktest's events",
    b"SQLite format 3": "an SQLite database",
    b"\xfd7zXZ\x00": "a file packed with xz",
    b"BZh": "a file packed with bzip2",
    b"\x04\x22\x4d\x18": "a file packed with lz4",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG picture",
}
_SIZES_41: Final = dict(
    zip(
        "TSRHYLAFECXDUPQBINVWK",
        (5, 6, 20, 19, 14, 20, 30, 34, 25, 30, 17, 13, 29, 38, 34, 13, 44, 14, 29, 6, 22),
        strict=True,
    )
)
_SIZES_40: Final = dict(
    zip("TSRHLAFECXDUPQBI", (5, 6, 18, 17, 18, 28, 32, 25, 30, 17, 13, 29, 36, 32, 13, 42), strict=True)
)
_FRAMES: Final = 1000
_FEW: Final = 3
_DAY_NS: Final = 86_400 * 10**9
_SESSION: Final = 10  # bytes of MoldUDP64's session
_MOLD: Final = 20  # bytes of MoldUDP64's header
_END: Final = 0xFFFF  # count of MoldUDP64's last packet
_LONGEST: Final = 100  # bytes; a frame that is longer, and cut off by the end of the head, is of no ITCH
ITCH_IN_MOLD: Final = "TotalView-ITCH 5.0 in MoldUDP64 packets"
_SOUP: Final = b"SU"  # sequenced and unsequenced data

Sizes = Mapping[str, int]


def itch_sizes() -> dict[str, int]:
    """Return the sizes of ITCH 5.0's messages by letter."""
    # Here, because the readers of ITCH import this module.
    from hftlab.venues.itch.message_layouts import LAYOUTS

    return {letter: layout.size for letter, layout in LAYOUTS.items()}


def describe_binary(head: bytes) -> Found | None:
    """Return (the format that reads it, or None; what it is) for the head of a binary file, None for an unknown one."""
    if head.startswith(_NUMPY) and all(name in head[:_ARRAY_HEADER] for name in (b"'exch_ts'", b"'local_ts'")):
        return "hftbacktest", HFTBACKTEST
    if head.startswith(_DBN):
        return "dbn", "Databento's DBN"
    for magic, what in _MAGICS.items():
        if head.startswith(magic):
            return None, what
    sizes = itch_sizes()
    if _holds(_frames(head), sizes):
        return "itch", "a file of TotalView-ITCH 5.0"
    if is_itch_in_mold(head):
        return "itch", ITCH_IN_MOLD
    if is_itch_in_soup(head):
        return "itch", "TotalView-ITCH 5.0 in SoupBinTCP packets"
    return next(((None, what) for what, is_such in _ITCH_ALIKE.items() if is_such(head, sizes)), None)


def _frames(data: bytes, *, order: str = "big", at: int = 0) -> list[bytes]:
    """Split data into frames after their lengths, without the empty ones; the last may be cut off."""
    found: list[bytes] = []
    while at + 2 < len(data) and len(found) < _FRAMES:
        size = int.from_bytes(data[at : at + 2], order)  # type: ignore[arg-type]
        frame = data[at + 2 : at + 2 + size]
        if size and (len(frame) == size or size > _LONGEST):
            found.append(frame)
        at += 2 + size
    return found


def _holds(frames: list[bytes], sizes: Sizes) -> bool:
    """Tell whether most frames are messages by type and exact length."""
    fitting = sum(sizes.get(chr(frame[0])) == len(frame) for frame in frames if frame)
    return fitting > 0 and 2 * fitting >= len(frames)


def is_itch_in_soup(head: bytes) -> bool:
    """Tell whether data begins with SoupBinTCP packets most of which hold messages of ITCH 5.0."""
    return _is_soup(head, itch_sizes())


def _is_soup(head: bytes, sizes: Sizes) -> bool:
    inner = [frame[1:] for frame in _frames(head) if frame[:1] and frame[0] in _SOUP and len(frame) > 1]
    return _holds(inner, sizes)


def is_itch_in_mold(head: bytes) -> bool:
    """Tell whether data begins with a MoldUDP64 packet most of whose messages are of ITCH 5.0."""
    session, at, sizes = head[:_SESSION], 0, itch_sizes()
    while head[at : at + _SESSION] == session and head[at + _MOLD - 2 : at + _MOLD] == b"\0\0":
        at += _MOLD  # heartbeats
    count = int.from_bytes(head[at + _MOLD - 2 : at + _MOLD], "big")
    name = session.strip(b"\0 ")
    return (not name or name.isalnum()) and 0 < count < _END and _holds(_frames(head, at=at + _MOLD)[:count], sizes)


def _is_unframed(head: bytes, sizes: Sizes) -> bool:
    at = count = 0
    while (
        at < len(head)
        and (size := sizes.get(chr(head[at])))
        and int.from_bytes(head[at + 5 : at + 11], "big") < _DAY_NS
    ):
        at, count = at + size, count + 1
    return count > _FEW or (count > 0 and at == len(head))


_ITCH_ALIKE: Final[dict[str, Callable[[bytes, Sizes], bool]]] = {
    "TotalView-ITCH 4.1, of which hftlab reads version 5.0 only": lambda head, _: _holds(_frames(head), _SIZES_41),
    "TotalView-ITCH 4.0, of which hftlab reads version 5.0 only": lambda head, _: _holds(_frames(head), _SIZES_40),
    "TotalView-ITCH 4.1 in SoupBinTCP packets, of which hftlab reads version 5.0 only": lambda head, _: _is_soup(
        head, _SIZES_41
    ),
    "TotalView-ITCH 5.0 with lengths in little-endian order": lambda head, sizes: _holds(
        _frames(head, order="little"), sizes
    ),
    "TotalView-ITCH 5.0 without the length before each message": _is_unframed,
}
