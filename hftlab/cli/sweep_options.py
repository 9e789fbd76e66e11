"""Options of `hftlab sweep`: a grid as text, and folders of sessions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hftlab.cli.backtest_options import commission_of, latency_of
from hftlab.errors import HftlabError

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
        found[name] = [_value(name.removeprefix("backtest."), part.strip()) for part in _COMMA.split(text)]
    return found


def _value(name: str, text: str) -> Any:
    if name in _MODELS:
        return _MODELS[name](text)
    try:
        return json.loads(text)
    except ValueError:
        return text


def sessions_in(folders: Iterable[Path]) -> list[Session]:
    """Open sessions, and all of those below a folder that is none itself. Raises what open_session() raises."""
    from hftlab.session import open_session, sessions
    from hftlab.session.manifest import MANIFEST

    found: list[Session] = []
    for folder in folders:
        below = list(sessions(folder)) if folder.is_dir() and not (folder / MANIFEST).exists() else []
        found += below or [open_session(folder)]
    return found
