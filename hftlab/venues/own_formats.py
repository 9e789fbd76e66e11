"""Formats that other packages bring: decoders that they declare as entry points of the group `hftlab.venues`.

An entry point is a module, or any object, with `read(path)`, which returns an iterable of EventBatch. All else is
optional: keyword arguments `symbols`, `instrument`, `chunk` and `progress` of `read()`; `instruments` and `stats` (a
dataclass or a mapping of counts) of what it returns; `what`, which says in a few words what the format is; and
`recognises(head)`, which tells whether a file begins as the format does, from its first 256 KiB, without gzip.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from hftlab.errors import CaptureError
from hftlab.events import EventBatch
from hftlab.instruments import Instrument

__all__ = ["GROUP", "OwnReader", "find_format", "format_names", "recognise_own", "what_of"]

GROUP: Final = "hftlab.venues"
"""Group of the entry points."""


def format_names() -> list[str]:
    """Return the names of the formats that other packages bring."""
    return sorted(_entry_points())


def find_format(name: str) -> Any:
    """Return the module or object of a format. Raises KeyError for an unknown one, CaptureError if it is broken."""
    return _loaded(_entry_points()[name])


def what_of(name: str) -> str:
    """Return in a few words what a format is, as far as it says so."""
    default = f"a file of {name}"
    try:
        return str(getattr(find_format(name), "what", default))
    except CaptureError:
        return default


def recognise_own(head: bytes) -> tuple[str, str] | None:
    """Return (name, what it is) of the format whose files begin like this; None if none does.

    A format that is broken is warned of and passed over: the file may be another's.
    """
    for name in format_names():
        try:
            if getattr(find_format(name), "recognises", _no)(head):
                return name, what_of(name)
        except Exception as error:
            warnings.warn(f"the format {name!r} cannot tell whether a file is its own: {error}", stacklevel=2)
    return None


def _no(_: bytes) -> bool:
    return False


@cache
def _entry_points() -> dict[str, EntryPoint]:
    return {one.name: one for one in entry_points(group=GROUP)}


def _loaded(point: EntryPoint) -> Any:
    """Load what an entry point names; whatever goes wrong in another package is its fault, and said so."""
    try:
        found = point.load()
    except Exception as error:
        raise CaptureError(
            f"the format {point.name!r} of {_package(point)} cannot be loaded ({type(error).__name__}: {error}): mend "
            "or uninstall that package"
        ) from error
    if not callable(getattr(found, "read", None)):
        raise CaptureError(
            f"the format {point.name!r} of {_package(point)} has no read(): its entry point has to name a module or an "
            "object with read(path), which returns batches of events"
        )
    return found


def _package(point: EntryPoint) -> str:
    return "another package" if point.dist is None else point.dist.name


class OwnReader(Iterator[EventBatch]):
    """Batches of a format's `read()`, with the instruments and counts that a reader of hftlab has.

    Raises CaptureError for anything but batches.
    """

    def __init__(self, name: str, read: Any, path: Any, **options: Any) -> None:
        taken = inspect.signature(read).parameters
        is_open = any(one.kind is one.VAR_KEYWORD for one in taken.values())
        for option in ("symbols", "instrument"):
            if option in options and option not in taken and not is_open:
                raise CaptureError(f"read() of {name!r} takes no {option}: leave them out", path=path)
        given = {option: value for option, value in options.items() if is_open or option in taken}
        self._name, self._path = name, path
        self._read: Iterable[EventBatch] = read(path, **given)
        self._batches = iter(self._read)
        self._seen: dict[Instrument, None] = {}

    def __next__(self) -> EventBatch:
        batch = next(self._batches)
        if not isinstance(batch, EventBatch):
            raise CaptureError(
                f"read() of {self._name!r} has yielded {type(batch).__name__}: it has to yield EventBatch, such as "
                "EventBatch.from_frame() makes",
                path=self._path,
            )
        self._seen.update(dict.fromkeys(batch.instruments))
        return batch

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments so far, as the format tells them, else those of the batches."""
        told = getattr(self._read, "instruments", None)
        return tuple(self._seen) if told is None else tuple(told)

    @property
    def stats(self) -> dict[str, Any]:
        """Counts by name; none if the format has none."""
        told = getattr(self._read, "stats", None) or {}
        if is_dataclass(told):
            return {field.name: getattr(told, field.name) for field in fields(told)}
        return dict(told) if isinstance(told, Mapping) else {}
