"""Files of records: DBN or CSV, as their first bytes tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from hftlab.venues.capture_file import Progress, check_readable
from hftlab.venues.dbn.records import Records
from hftlab.venues.dbn.symbology import Symbology
from hftlab.venues.zstd_file import is_zstd, unpacked

__all__ = ["open_records"]

_MAGIC: Final = b"DBN"


def open_records(path: Path, symbology: Symbology, progress: Progress | None) -> Iterator[Records | int]:
    """Yield the records of a file in runs of one kind, or how many of a kind that is not read stand between.

    What a DBN file says of its instruments goes to the symbology. Raises CaptureError, see read_dbn() and read_csv().
    """
    # Here, because polars and pyarrow take longer to load than all readers of other venues.
    if _is_dbn(path):
        from hftlab.venues.dbn.dbn_file import read_dbn

        return read_dbn(path, symbology, progress)
    from hftlab.venues.dbn.csv_file import read_csv

    return read_csv(path, progress)


def _is_dbn(path: Path) -> bool:
    """Tell whether a file, plain or packed, holds DBN. Raises CaptureError for one that cannot be read."""
    with path.open("rb") as file:
        head = file.read(4)
    if not is_zstd(head):
        check_readable(path)
    content = b""
    with suppress(OSError):
        for block in unpacked(path, len(_MAGIC)):
            content += block
            if len(content) >= len(_MAGIC):
                break
    return content.startswith(_MAGIC)
