"""Folder of a sweep: its plan, and a row a run in Parquet files that survive a kill at any moment.

    <folder>/sweep.json          the strategy, the names of the grid, and the keys of the runs in their order
    <folder>/runs/*.parquet      rows of runs as they have ended
    <folder>/table.parquet       the sweep's table, once it has ended or was interrupted

A file has its name only when it is whole and durable. Rows are written when a second has passed since the last were; a
kill costs those that ended since. Many small files become one now and then: the larger one is there before they go, and
what a kill leaves of them has the same rows.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final, Self

import msgspec
import polars as pl

from hftlab.errors import (
    ArgumentTypeError,
    SessionBusy,
    SweepBusy,
    SweepDamaged,
    SweepError,
    SweepExists,
    SweepNotFound,
    SweepTooNew,
)
from hftlab.session.lock import LOCK, SessionLock
from hftlab.session.manifest import sync_folder
from hftlab.sweeps.run_rows import COLUMNS
from hftlab.version import __version__

__all__ = ["TABLE", "Plan", "SweepFolder", "folder_path", "read_plan", "read_rows"]

PLAN: Final = "sweep.json"
TABLE: Final = "table.parquet"
_RUNS: Final = "runs"
_FORMAT: Final = "hftlab sweep"
_SCHEMA_VERSION: Final = 1
_OFTEN: Final = 1.0
"""Seconds between two writes at least."""
_MOST_FILES: Final = 32


class Plan(msgspec.Struct, kw_only=True):
    """Plan of a sweep, as in sweep.json: its strategy, names of its grid and the keys of its runs in their order.

    `sessions` is on how many each point of the grid is run, 0 where an earlier hftlab has not written it.
    """

    format: str = _FORMAT
    schema: int = _SCHEMA_VERSION
    hftlab: str = __version__
    strategy: str
    names: list[str]
    runs: list[str]
    sessions: int = 0


class SweepFolder:
    """Folder of a sweep that is being run, of this process alone until close(). A context manager.

    Raises SweepBusy, which names the process that runs a sweep there, SweepExists for a folder of something else or of
    another strategy's, and what read_rows() raises.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.path = folder
        _check_free(folder, plan)
        (folder / _RUNS).mkdir(parents=True, exist_ok=True)
        try:
            self._lock = SessionLock(folder)
        except SessionBusy as error:
            raise SweepBusy(
                str(error).replace("is being written by", "has a sweep that is being run by"), path=folder
            ) from None
        try:
            _check_free(folder, plan)  # another process may have begun one before the lock was there
            for cut in (folder / _RUNS).glob(".*.new"):  # what a kill has left of a file
                cut.unlink()
            self.rows = read_rows(folder)
            """Rows of all runs that have ended, of this sweep and of those before; of a key the last."""
            _write(folder / PLAN, msgspec.json.format(msgspec.json.encode(plan), indent=2))
        except BaseException:
            self._lock.release()
            raise
        self._new: list[dict[str, Any]] = []
        self._written = monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def wait(self) -> float | None:
        """Seconds until flush() has something to write; None if it has not."""
        return max(0.0, self._written + _OFTEN - monotonic()) if self._new else None

    def add(self, row: dict[str, Any]) -> None:
        """Add the row of a run that has ended."""
        self._new.append(row)
        if self.wait == 0:
            self.flush()

    def flush(self) -> None:
        """Write the rows that have been added since the last time."""
        if self._new:
            new = pl.DataFrame(self._new, schema=COLUMNS)
            _write_table(self._free_path(), new)
            self.rows = _latest([self.rows, new])
            self._new = []
            self._written = monotonic()
            self._merge()

    def save(self, table: pl.DataFrame) -> None:
        """Write the sweep's table."""
        _write_table(self.path / TABLE, table)

    def close(self) -> None:
        """Write what is left, and let go of the folder."""
        try:
            self.flush()
        finally:
            self._lock.release()

    def _merge(self) -> None:
        """Replace many files by one, which has all of their rows first."""
        files = _files(self.path)
        if len(files) > _MOST_FILES:
            _write_table(self._free_path(), self.rows)
            for one in files:
                one.unlink(missing_ok=True)

    def _free_path(self) -> Path:
        """Return a name that sorts behind the others."""
        files = _files(self.path)
        last = int(files[-1].stem.partition("-")[0]) if files else 0
        return self.path / _RUNS / f"{last + 1:08}-{uuid.uuid4().hex[:8]}.parquet"


def folder_path(folder: Path | str) -> Path:
    """Return the absolute path of a sweep's folder. Raises ArgumentTypeError for what is not a path."""
    if not isinstance(folder, str | os.PathLike):
        raise ArgumentTypeError(f"folder is {folder!r}: give the path of a folder, such as 'sweeps/maker'")
    return Path(folder).absolute()


def read_plan(folder: Path) -> Plan:
    """Read the plan of a sweep's folder. Raises SweepNotFound, SweepTooNew or SweepDamaged."""
    try:
        data = (folder / PLAN).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise SweepNotFound(f"{folder} is not a sweep: it has no {PLAN}", path=folder) from None
    try:
        version = msgspec.json.decode(data, type=_Version)
        if version.format != _FORMAT:
            raise SweepNotFound(f"{folder} is not a sweep: its {PLAN} belongs to something else", path=folder)
        if version.schema > _SCHEMA_VERSION:
            raise SweepTooNew(
                f"{folder} has sweep schema {version.schema}, this hftlab reads up to {_SCHEMA_VERSION}: upgrade "
                "hftlab",
                path=folder,
            )
        return msgspec.json.decode(data, type=Plan)
    except msgspec.MsgspecError as error:
        raise SweepDamaged(f"{folder / PLAN} cannot be read ({error}): delete the folder", path=folder) from None


def read_rows(folder: Path) -> pl.DataFrame:
    """Read the rows of all runs of a folder that have ended; of a key the last. Raises SweepDamaged."""
    while True:
        try:
            return _latest([_read_table(file) for file in _files(folder)])
        except FileNotFoundError:  # the process that runs the sweep has just put several files into one
            continue


def _read_table(file: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(file, memory_map=False).select(pl.col(n).cast(t) for n, t in COLUMNS.items())
    except FileNotFoundError:
        raise
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SweepDamaged(
            f"{file} cannot be read ({str(error).splitlines()[0]}): delete it, and its runs are run again",
            path=file,
        ) from None


class _Version(msgspec.Struct):
    format: str | None = None
    schema: int = 0


def _check_free(folder: Path, plan: Plan) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise SweepExists(f"{folder} is a file: give the folder of a sweep, or one that does not exist", path=folder)
    if not (folder / PLAN).is_file():
        if any(one.name not in (_RUNS, LOCK, f".{PLAN}.new") for one in folder.iterdir()):
            raise SweepExists(f"{folder} exists already, and is not a sweep: give another folder", path=folder)
        return
    there = read_plan(folder)
    if there.strategy != plan.strategy:
        raise SweepExists(
            f"{folder} has a sweep of {there.strategy}, and this one is of {plan.strategy}: give another folder",
            path=folder,
        )


def _files(folder: Path) -> list[Path]:
    return sorted((folder / _RUNS).glob("[0-9]*.parquet"))


def _latest(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    joined = pl.concat([pl.DataFrame(schema=COLUMNS), *tables])
    return joined.unique("key", keep="last", maintain_order=True)


def _write_table(path: Path, table: pl.DataFrame) -> None:
    _write_file(path, lambda new: table.write_parquet(new, compression="zstd"))


def _write(path: Path, data: bytes) -> None:
    _write_file(path, lambda new: new.write_bytes(data))


def _write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under another name first. Raises SweepError, and leaves nothing, where the disk takes no more."""
    new = path.with_name(f".{path.name}.new")
    try:
        write(new)
        _name(new, path)
    except (OSError, pl.exceptions.PolarsError) as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise SweepError(
            f"{path} cannot be written ({str(error).splitlines()[0]}): what was written before is kept; give the disk "
            "some space, and start the sweep again: it goes on from there",
            path=path,
        ) from error


def _name(new: Path, path: Path) -> None:
    """Give a file its name, once it is durable."""
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)
