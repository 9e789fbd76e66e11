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
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from hftlab.errors import CaptureError, HftlabError
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
    """Return what other packages declare by name, the first of each; warn of names that are taken."""
    # Here, because what recognises files asks this module about formats of other packages.
    from hftlab.venues.recognition import READABLE

    found: dict[str, EntryPoint] = {}
    for one in entry_points(group=GROUP):
        if one.name in READABLE:
            _warn_of(one, "hftlab itself")
        elif one.name in found:
            if one.value != found[one.name].value:
                _warn_of(one, _package(found[one.name]))
        else:
            found[one.name] = one
    return found


def _warn_of(point: EntryPoint, owner: str) -> None:
    warnings.warn(
        f"the format {point.name!r} of {_package(point)} is left out, because {owner} has one of that name: give its "
        "entry point another name",
        stacklevel=2,
    )


def _loaded(point: EntryPoint) -> Any:
    """Load what an entry point names; whatever goes wrong in another package is its fault, and said so."""
    try:
        found = point.load()
    except (Exception, SystemExit) as error:
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
        taken = _parameters(read)
        is_open = any(one.kind is one.VAR_KEYWORD for one in taken.values())
        for option in ("symbols", "instrument"):
            if option in options and option not in taken and not is_open:
                raise CaptureError(f"read() of {name!r} takes no {option}: leave them out", path=path)
        given = {option: value for option, value in options.items() if is_open or option in taken}
        self._name, self._path = name, path
        self._seen: dict[Instrument, None] = {}
        with self._blaming():
            self._read: Iterable[EventBatch] = read(path, **given)
        if isinstance(self._read, EventBatch) or not isinstance(self._read, Iterable):
            raise self._wrong("returned", self._read, "it has to yield EventBatch, or to return a list of them")
        self._batches = iter(self._read)

    def __next__(self) -> EventBatch:
        with self._blaming():
            batch = next(self._batches)
        if not isinstance(batch, EventBatch):
            raise self._wrong("yielded", batch, "it has to yield EventBatch, such as EventBatch.from_frame() makes")
        self._seen.update(dict.fromkeys(batch.instruments))
        return batch

    @contextmanager
    def _blaming(self) -> Iterator[None]:
        """Say of which format and file an error is that is not one of hftlab's."""
        try:
            yield
        except (HftlabError, StopIteration):
            raise
        except Exception as error:
            raise CaptureError(
                f"read() of the format {self._name!r} has raised {type(error).__name__} at {self._path} ({error}): "
                "the file is damaged or of another format, or that package has to be mended",
                path=self._path,
            ) from error

    def _wrong(self, how: str, value: Any, advice: str) -> CaptureError:
        return CaptureError(f"read() of {self._name!r} has {how} {type(value).__name__}: {advice}", path=self._path)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments so far, as the format tells them, else those of the batches."""
        told = getattr(self._read, "instruments", None)
        if told is None:
            return tuple(self._seen)
        named = tuple(told) if isinstance(told, Iterable) else (told,)
        if not all(isinstance(one, Instrument) for one in named):
            raise self._wrong("instruments of", told, "give Instruments, or leave the attribute out")
        return named

    @property
    def stats(self) -> dict[str, Any]:
        """Counts by name; none if the format has none."""
        told = getattr(self._read, "stats", None) or {}
        if is_dataclass(told):
            told = {field.name: getattr(told, field.name) for field in fields(told)}
        return {str(name): _plain(value) for name, value in told.items()} if isinstance(told, Mapping) else {}


def _parameters(read: Any) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a function, none for one that does not tell."""
    try:
        return inspect.signature(read).parameters
    except ValueError:
        return {}


def _plain(value: Any) -> Any:
    """Return a count as a manifest can hold it."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return value if isinstance(value, int | float | str | None) else str(value)
