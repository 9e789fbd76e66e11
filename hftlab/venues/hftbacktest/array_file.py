"""Files of hftbacktest's event arrays: .npz, in which the array is called `data`, and .npy, also behind gzip."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import CaptureError
from hftlab.venues.capture_file import Damage, check_readable, read_blocks
from hftlab.venues.hftbacktest.event_format import EVENT_DTYPE

__all__ = ["load_events"]

_ZIP: Final = b"PK\x03\x04"
_NUMPY: Final = b"\x93NUMPY"
_NAME: Final = "data"


def load_events(path: Path) -> npt.NDArray[Any]:
    """Return the event array of a file. Raises CaptureError."""
    check_readable(path, zipped=True)
    try:
        array = _load(path)
    except (ValueError, EOFError, OSError, Damage, zipfile.BadZipFile, zlib.error) as error:
        raise CaptureError(f"{path} is not a whole NumPy array ({error}): make it again", path=path) from error
    if array.dtype.names is None or not set(EVENT_DTYPE.names or ()) <= set(array.dtype.names):
        raise CaptureError(
            f"{path} has an array of {array.dtype}, not of hftbacktest 2's events: convert files of its version 1 by "
            f"hftbacktest.data.utils.migration2",
            path=path,
        )
    return array.reshape(-1)


def _load(path: Path) -> npt.NDArray[Any]:
    with path.open("rb") as file:
        head = file.read(len(_NUMPY))
    if head.startswith(_ZIP):
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = list(arrays.files)
            if _NAME not in names and len(names) != 1:
                raise ValueError(f"its arrays are called {names}, not {_NAME!r}")
            found: Any = arrays[_NAME if _NAME in names else names[0]]
            if not isinstance(found, np.ndarray):
                raise ValueError(f"{names[0]} in the archive is another file")
            return found
    if head.startswith(_NUMPY):
        mapped: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return mapped
    data = io.BytesIO(b"".join(read_blocks(path)))
    unpacked: npt.NDArray[Any] = np.lib.format.read_array(data, allow_pickle=False)
    return unpacked
