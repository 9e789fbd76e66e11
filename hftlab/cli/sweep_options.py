"""Options of `hftlab sweep`: a grid as text, and folders of sessions."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from hftlab.cli.backtest_options import commission_of, latency_of
from hftlab.errors import HftlabError, SessionError, SessionNotFound

if TYPE_CHECKING:
    from hftlab.session import Session

__all__ = ["grid_of", "sessions_in"]

_COMMA: Final = re.compile(r",(?![^(\[{]*[)\]}])")
"""One that is not within brackets."""
_MODELS: Final = {"latency": latency_of, "fees": commission_of}


def grid_of(given: Iterable[str]) -> dict[str, list[Any]]:
    """Read --grid name=value,value: values are JSON, such as 5, 0.1, true or [1, 2], or else text. Raises HftlabError.

    Those of latency and fees are as of the options of these names, as far as they have no commas.
    """
    found: dict[str, list[Any]] = {}
    for one in given:
        name, equals, text = (part.strip() for part in one.partition("="))
        if not equals or not name or not text:
            raise HftlabError(f"--grid {one!r} is not of the form name=values: write it as --grid size=50,100,200")
        if name in found:
            raise HftlabError(f"--grid {name} is given twice: write all of its values in one, as {name}=1,2,3")
        parts = [part.strip() for part in _COMMA.split(text)]
        if "" in parts:
            raise HftlabError(f"--grid {one!r} has an empty value: leave out the comma that is too many")
        found[name] = [_value(name.removeprefix("backtest."), part) for part in parts]
    return found


def _value(name: str, text: str) -> Any:
    if name in _MODELS:
        return _MODELS[name](text)
    try:
        return json.loads(text)
    except ValueError:
        return text


def sessions_in(folders: Iterable[str]) -> list[Session]:
    """Open sessions, and all of those below a folder that is none itself; those that cannot be read with a warning.

    Raises what open_session() raises.
    """
    from hftlab.session import open_session

    found: list[Session] = []
    for folder in folders:
        try:
            found.append(open_session(folder))
        except SessionNotFound:
            below = _sessions_below(folder)
            if not below:
                raise
            found += below
    return found


def _sessions_below(folder: str) -> list[Session]:
    from hftlab.session import sessions

    try:
        catalogue = sessions(folder)
    except SessionError:
        return []
    problems = catalogue.manifests.drop_nulls("problem").select("path", "problem").collect()
    if len(problems):
        told = "; ".join(f"{path} ({problem})" for path, problem in problems.iter_rows())
        warnings.warn(f"left out of the sweep: {told}", stacklevel=3)
    return list(catalogue)
