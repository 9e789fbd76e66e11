"""Saved results: a folder with a Parquet file a table, and result.json with the facts and the checksums of the tables.

The Parquet files are readable by polars, pandas, DuckDB or Spark: prices, quantities and money are decimals.
"""

from __future__ import annotations

import os
import re
import shutil
import zlib
from os import PathLike, fspath
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from hftlab.backtest.facts import Facts
from hftlab.backtest.result_tables import EXACT
from hftlab.errors import ArgumentTypeError, ResultDamaged, ResultExists, ResultNotFound, ResultTooNew
from hftlab.nearest import nearest
from hftlab.session.manifest import MANIFEST, checksum, sync_folder
from hftlab.version import __version__

__all__ = ["RESULT", "SCHEMA_VERSION", "check_free", "read_result", "write_result"]

RESULT: Final = "result.json"
SCHEMA_VERSION: Final = 1
_FORMAT: Final = "hftlab backtest result"
_CHECKSUM: Final = re.compile(rb',\s*"checksum":\s*"([0-9a-f]{8})"\s*}\s*$')
_LOOKED_AT: Final = 1000
"""Entries of a folder that are looked at for a name that was probably meant."""


class _Table(msgspec.Struct):
    """A table's Parquet file: its rows, its size in bytes and the CRC32 of its bytes."""

    rows: int
    size: int
    crc32: int


class _Version(msgspec.Struct):
    format: str | None = None
    schema: int = 0


class _Contents(msgspec.Struct, kw_only=True):
    """Contents of result.json; in the file a last field `checksum` follows, the CRC32 of everything before it."""

    format: str = _FORMAT
    schema: int = SCHEMA_VERSION
    hftlab: str = __version__
    facts: list[Facts]
    tables: dict[str, _Table]


# --- writing ---


def write_result(
    folder: Path | str, tables: dict[str, pl.LazyFrame], facts: list[Facts], *, overwrite: bool = False
) -> Path:
    """Save exact tables and facts in a new folder, and return its absolute path.

    The folder has its name only when it is whole and durable; with `overwrite` it takes the place of a saved result.
    Raises ResultExists for a folder that is taken.
    """
    target = _path(folder).absolute()
    check_free(target, overwrite=overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    new, old = (target.with_name(f".{target.name}.{os.getpid()}.{kind}") for kind in ("new", "old"))
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    try:
        _write_all(new, tables, facts)
        if (target / RESULT).is_file():
            target.rename(old)
        new.rename(target)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)
    return target


def check_free(folder: Path | str, *, overwrite: bool = False) -> None:
    """Raise ResultExists for a folder that a result must not be saved in."""
    target = _path(folder).absolute()
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not (target / RESULT).is_file():
        raise ResultExists(f"{target} exists already, and is not a saved result: give another folder", path=target)
    if not overwrite:
        raise ResultExists(
            f"{target} exists already: give another folder, or replace the result in it with overwrite=True "
            "(on the command line --overwrite)",
            path=target,
        ).advise(arguments={"overwrite": "True"})


def _write_all(folder: Path, tables: dict[str, pl.LazyFrame], facts: list[Facts]) -> None:
    written = {}
    for name in EXACT:
        path, table = folder / f"{name}.parquet", tables[name].collect()
        table.write_parquet(path, compression="zstd")
        _sync_file(path)
        written[name] = _Table(table.height, path.stat().st_size, checksum(path))
    text = msgspec.json.encode(_Contents(facts=facts, tables=written))
    text = msgspec.json.format(text, indent=2).removesuffix(b"\n}")
    path = folder / RESULT
    path.write_bytes(text + b',\n  "checksum": "%08x"\n}\n' % zlib.crc32(text))
    _sync_file(path)
    sync_folder(folder)


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


# --- reading ---


def read_result(folder: Path | str) -> tuple[dict[str, pl.LazyFrame], list[Facts]]:
    """Open a saved result: its exact tables and its facts, after comparing all of it with its checksums.

    Raises ResultNotFound, which names the nearest, ResultTooNew or ResultDamaged.
    """
    path = _path(folder).absolute()
    contents = _read_contents(path)
    for name in EXACT:
        _verify(path / f"{name}.parquet", contents.tables.get(name))
    return {name: pl.scan_parquet(path / f"{name}.parquet") for name in EXACT}, contents.facts


def _read_contents(folder: Path) -> _Contents:
    path = folder / RESULT
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise _not_found(folder) from None
    try:
        found = _CHECKSUM.search(data)
        if found is not None and int(found[1], 16) != zlib.crc32(data[: found.start()]):
            raise ValueError("its checksum does not match")
        version = msgspec.json.decode(data, type=_Version)
        if version.format != _FORMAT:
            raise ResultNotFound(
                f"{folder} is not a saved result: its {RESULT} belongs to something else. Give a folder that "
                "result.save() has made",
                path=folder,
            )
        if version.schema > SCHEMA_VERSION:
            raise ResultTooNew(
                f"{folder} has result schema {version.schema}, this hftlab reads up to {SCHEMA_VERSION}: upgrade "
                "hftlab to open it",
                path=folder,
            )
        contents = msgspec.json.decode(data, type=_Contents)
        if not contents.facts:
            raise ValueError("it has the facts of no session")
    except (ValueError, msgspec.DecodeError) as exc:  # bytes that are not UTF-8 are a ValueError
        raise ResultDamaged(
            f"{path} cannot be read ({exc}): restore it from a copy; the Parquet files beside it are readable",
            path=path,
        ) from None
    return contents


def _verify(path: Path, table: _Table | None) -> None:
    if table is None or not path.is_file():
        raise ResultDamaged(f"{path} is missing: restore it from a copy of the result", path=path)
    if path.stat().st_size != table.size or checksum(path) != table.crc32:
        raise ResultDamaged(
            f"{path} is damaged (its checksum is not the one in {RESULT}): restore it from a copy, or run the backtest "
            "again",
            path=path,
        )


def _not_found(folder: Path) -> ResultNotFound:
    """Say that a folder is not a result, and what it is, or which was probably meant."""
    if (folder / MANIFEST).is_file():
        return ResultNotFound(
            f"{folder} is not a saved result but a session: open it with hl.open_session()", path=folder
        ).advise(paste=f"hl.open_session({fspath(folder)!r})")
    # A process that ended between the two renames of an overwriting save has left the one from before beside it.
    beside = _results(folder.parent)
    left = [name for name in beside if name.startswith(f".{folder.name}.") and name.endswith(".old")]
    name = left[0] if left else nearest(folder.name, beside)
    near = "" if name is None else f"; the nearest is {str(folder.with_name(name))!r}"
    return ResultNotFound(
        f"{folder} is not a saved result: it has no {RESULT}. Give a folder that result.save() has made{near}",
        path=folder,
    )


def _results(folder: Path) -> list[str]:
    """Return the names of the results in a folder; none if it cannot be read."""
    try:
        entries = [entry for entry, _ in zip(folder.iterdir(), range(_LOOKED_AT), strict=False)]
        return sorted(entry.name for entry in entries if (entry / RESULT).is_file())
    except OSError:
        return []


def _path(folder: object) -> Path:
    if not isinstance(folder, str | PathLike):
        raise ArgumentTypeError(f"a result is in a folder, such as 'results/quoter'; got {folder!r}")
    return Path(folder)
