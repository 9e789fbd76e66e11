"""Rows of a sweep as its folder keeps them: what was run, and what came of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import polars as pl

from hftlab.sweeps.measures import MEASURES
from hftlab.sweeps.value_identity import value_identity
from hftlab.version import __version__

__all__ = ["COLUMNS", "Run", "json_of", "row_of"]

COLUMNS: Final[Mapping[str, Any]] = {
    "key": pl.String,
    "case": pl.String,
    "strategy": pl.String,
    "code": pl.String,
    "hftlab": pl.String,
    "session": pl.String,
    "path": pl.String,
    "manifest": pl.String,
    "values": pl.String,
    **MEASURES,
    "seconds": pl.Float64,
    "error": pl.String,
}
"""Columns of the rows: `key` is the run, `case` the same whatever the code, the version and the session's data are;
`values` are those of the grid as JSON."""

_LONGEST: Final = 120
_HIGHEST: Final = 2**63
"""Whole numbers from here on no column has."""
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
"""Half a character, which no file has."""
_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")
"""Where an object is in the memory of this process, as Python shows those that have no text of their own."""


class Run(NamedTuple):
    """Run of a sweep: the strategy's name and the hash of its code, the session, and the point of the grid."""

    strategy: str
    code: str
    session: str
    """Name in the table."""
    path: str
    manifest: str
    values: dict[str, Any]
    settings: str
    """Identity of the parameters and arguments, of those given to all runs and of the point's, as JSON."""

    @property
    def key(self) -> str:
        """Hash of all that decides what comes of the run."""
        return _hash(self._json(self.strategy, self.code, __version__, self.manifest))

    @property
    def case(self) -> str:
        """Hash of what was asked for: the same where code, data or version have changed since."""
        return _hash(self._json(self.strategy, self.path))

    def _json(self, *values: str) -> str:
        return f"{json_of(values)[:-1]}, {self.settings}]"


def row_of(run: Run, measures: Mapping[str, Any], seconds: float | None, error: str | None) -> dict[str, Any]:
    """Return the row of a run that has ended."""
    return {name: measures.get(name) for name in MEASURES} | {
        "key": run.key,
        "case": run.case,
        "strategy": run.strategy,
        "code": run.code,
        "hftlab": __version__,
        "session": run.session,
        "path": run.path,
        "manifest": run.manifest,
        "values": json.dumps({name: _shown(value) for name, value in run.values.items()}),
        "seconds": seconds,
        "error": error,
    }


def json_of(values: object) -> str:
    """Return values as JSON, always the same for the same ones."""
    return json.dumps(values, sort_keys=True)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _shown(value: object) -> bool | float | str | None:
    """Return a value as it stands in the table: a number, a text, or what Python shows of it."""
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < _HIGHEST):
        return value
    if isinstance(value, str) and not _LONE_SURROGATE.search(value):
        return value
    shown = _text(value)
    text = _ADDRESS.sub("", shown)
    if text == shown and len(text) <= _LONGEST and "..." not in text:
        return text
    mark = _hash(json_of(value_identity(value)))[:8]  # what is left out may be all that tells two apart
    return f"{text[:_LONGEST]}{'...' if len(text) > _LONGEST else ''} #{mark}"


def _text(value: object) -> str:
    """Return repr(), with sets in one order: theirs is another one in each process."""
    if type(value) is list:
        return f"[{', '.join(map(_text, value))}]"
    if type(value) is tuple:
        return f"({', '.join(map(_text, value))}{',' if len(value) == 1 else ''})"
    if type(value) is dict:
        return f"{{{', '.join(f'{name!r}: {_text(one)}' for name, one in value.items())}}}"
    if isinstance(value, set | frozenset) and type(value) in (set, frozenset) and value:
        text = f"{{{', '.join(sorted(map(_text, value)))}}}"
        return text if type(value) is set else f"frozenset({text})"
    return repr(value)
