"""Files of LOBSTER: the pair of messages and order book, by their names, beside each other or in an archive.

Source: LOBSTER, "Output" and the readme of its samples. TICKER_DATE_START_END_message_LEVEL.csv has a line for each
event (seconds after midnight, type, order number, size, dollars × 10,000, direction), ..._orderbook_LEVEL.csv the book
after it (ask price, ask size, bid price, bid size, level by level; an absent level has the price ±9999999999, size 0).
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from hftlab.bounds import LONGEST_SYMBOL
from hftlab.errors import CaptureError
from hftlab.venues.capture_file import Damage, Progress, check_readable, read_blocks
from hftlab.venues.lobster.tables import Table
from hftlab.venues.progress_bar import progress_reporter

__all__ = ["FORM", "Files", "Name", "find_files"]

_BLOCK: Final = 1 << 20
_ZIP_MAGIC: Final = b"PK\x03\x04"
_NAME: Final = re.compile(
    rf"(?:.*/)?(?P<symbol>[A-Za-z0-9.-]{{1,{LONGEST_SYMBOL}}})_(?P<date>\d{{4}}-\d{{2}}-\d{{2}})_\d+_\d+_(?P<table>message|orderbook)_\d+\.csv(?:\.gz)?"
)
FORM: Final = "TICKER_DATE_START_END_message_LEVEL.csv"


class Name(NamedTuple):
    """Symbol and date from a file's name."""

    symbol: str
    date: date


class Files(NamedTuple):
    """Pair of tables; `orderbook` is None where there is none, `name` where the file has another name."""

    name: Name | None
    messages: Table
    orderbook: Table | None


def find_files(path: Path, orderbook: Path | None) -> Files:
    """Find the pair that a message file or an archive belongs to. Raises CaptureError."""
    check_readable(path, zipped=True)
    with path.open("rb") as file:
        is_zip = file.read(4) == _ZIP_MAGIC
    if is_zip:
        return _zipped(path)
    named = _NAME.fullmatch(path.name)
    if named is not None and named["table"] == "orderbook":
        raise CaptureError(f"{path} is the order book of a pair: name the message file beside it", path=path)
    if orderbook is None and named is not None:
        beside = path.with_name(path.name.replace("_message_", "_orderbook_"))
        orderbook = beside if beside.is_file() else None
    if orderbook is not None:
        check_readable(orderbook)
    books = None if orderbook is None else _plain(orderbook)
    return Files(_name(path, named), _plain(path), books)


def _name(path: Path, named: re.Match[str] | None) -> Name | None:
    if named is None:
        return None
    try:
        return Name(named["symbol"], date.fromisoformat(named["date"]))
    except ValueError as error:
        raise CaptureError(f"{path} has no date in its name ({error}): name it {FORM}", path=path) from error


def _plain(path: Path) -> Table:
    return Table(path, lambda progress: _blocks(path, progress))


def _blocks(path: Path, progress: Progress | None) -> Iterator[bytes]:
    with progress_reporter(path, progress) as tell:
        yield from read_blocks(path, progress=tell)


def _zipped(path: Path) -> Files:
    try:
        with zipfile.ZipFile(path) as archive:
            found = [match for name in archive.namelist() if (match := _NAME.fullmatch(name)) is not None]
            sizes = {member.filename: member.file_size for member in archive.infolist()}
    except zipfile.BadZipFile as error:
        raise CaptureError(f"{path} is not a complete zip archive ({error}): fetch it again", path=path) from error
    messages = [match for match in found if match["table"] == "message"]
    books = [match[0] for match in found if match["table"] == "orderbook"]
    if len(messages) != 1 or len(books) > 1:
        raise CaptureError(
            f"{path} holds {len(messages)} message and {len(books)} orderbook files: unpack it and name one {FORM}",
            path=path,
        )
    member = messages[0][0]
    scale = path.stat().st_size / max(sizes[member], 1)
    return Files(
        _name(path, messages[0]),
        Table(path / member, lambda progress: _member(path, member, progress, scale)),
        Table(path / books[0], lambda progress: _member(path, books[0], progress, scale)) if books else None,
    )


def _member(path: Path, member: str, progress: Progress | None, scale: float) -> Iterator[bytes]:
    """Yield a member's content; progress is in bytes of the archive, in proportion. Raises Damage."""
    done = 0
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file, progress_reporter(path, progress) as tell:
            while block := file.read(_BLOCK):
                done += len(block)
                yield block
                tell(round(done * scale))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Damage(f"{member} in the archive is damaged ({error}): fetch it again") from error
