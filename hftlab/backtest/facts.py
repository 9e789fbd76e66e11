"""Facts of a run: what went into a backtest, so that its result can be made again and told from another."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import platform
import warnings
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from hftlab.backtest.file_age import is_older_than_process
from hftlab.backtest.imported_code import computes_otherwise
from hftlab.backtest.loaded_source import difference
from hftlab.session import Session
from hftlab.session.manifest import MANIFEST
from hftlab.version import __version__

__all__ = ["Facts", "Listing", "code_hash", "described", "facts_of"]

_PACKAGES: Final = ("numpy", "polars", "numba")


class Listing(msgspec.Struct, frozen=True):
    """Payment terms of an instrument: the currency of its prices, and what one of it is worth in the account's.

    `rate` is a fraction as text, such as "5/4"; `step` is the smallest amount of it that cash can be paid in (1e-9).
    """

    currency: str
    rate: str
    step: int = 1


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of one run over one session. Times are ns UTC, hashes are SHA-256.

    `code` is the hash of the source of the strategy that ran, "" if it is not known; `manifest` that of the session's
    manifest, which has the checksums of all its data. `fill`, `latency`, `fees` and `cash` describe the models and the
    account as JSON values.
    """

    strategy: str
    session: str
    start: int
    end: int
    parameters: dict[str, Any] = {}
    code: str = ""
    path: str = ""
    manifest: str = ""
    fill: Any = None
    latency: Any = None
    fees: Any = None
    cash: Any = None
    currency: str = "USD"
    seed: int | None = None
    versions: dict[str, str] = {}
    instruments: dict[str, Listing] = {}
    """The account's terms for each symbol; the result fills it in."""


def facts_of(
    strategy: object,
    session: Session | None,
    *,
    start: int,
    end: int,
    parameters: Mapping[str, Any] | None = None,
    fill: object = None,
    latency: object = None,
    fees: object = None,
    cash: object = None,
    currency: str = "USD",
    seed: int | None = None,
) -> Facts:
    """Collect the facts of a run of a strategy (a class, an instance or a function) over a session.

    None for the session is the simulated exchange, which its seed makes again.
    """
    subject = strategy if inspect.isclass(strategy) or inspect.isroutine(strategy) else _code_of(strategy)
    return Facts(
        strategy=f"{subject.__module__}:{subject.__qualname__}",
        session="exchange" if session is None else session.folder.name,
        start=start,
        end=end,
        parameters={str(name): described(value) for name, value in (parameters or {}).items()},
        code=code_hash(strategy),
        path="" if session is None else str(session.folder),
        manifest="" if session is None else hashlib.sha256((session.folder / MANIFEST).read_bytes()).hexdigest(),
        fill=described(fill),
        latency=described(latency),
        fees=described(fees),
        cash=described(cash),
        currency=currency,
        seed=seed,
        versions={
            "hftlab": __version__,
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _PACKAGES},
        },
    )


def code_hash(strategy: object) -> str:
    """Return the SHA-256 of the source of a strategy: of its module's file, in a notebook of its class or function.

    "" where Python has no source for it, and for a module whose file was edited after it was imported: what it was
    loaded from is not there any more, of which a warning tells.
    """
    subject = _code_of(strategy)
    module = inspect.getmodule(subject)
    try:
        file = getattr(module, "__file__", None)
        source = Path(file).read_bytes() if file else inspect.getsource(subject).encode()
    except (OSError, TypeError):
        return ""
    if module is not None and file and not is_older_than_process(Path(file)):
        what = difference(module, source, {subject.__qualname__: subject})
        if what is None and computes_otherwise(module, source):
            what = "what it computes as it is imported"
        if what is not None:
            warnings.warn(
                f"{module.__name__} is not loaded as {file} says ({what} is another one): what ran is as "
                f"it was before an edit, and its result names no code: importlib.reload({module.__name__})",
                stacklevel=2,
            )
            return ""
    return hashlib.sha256(source).hexdigest()


def _code_of(strategy: object) -> Any:
    """Return the class or the plain function of a strategy: numba's compiled functions keep theirs as `py_func`."""
    if inspect.isclass(strategy):
        return strategy
    inner = inspect.unwrap(strategy) if callable(strategy) else strategy
    inner = getattr(inner, "py_func", inner)
    return inner if inspect.isroutine(inner) else type(inner)


def described(value: object) -> Any:
    """Return a value as JSON: a model is its class's name and its fields, an array its shape and its hash."""
    if value is None or isinstance(value, bool | int | float | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Mapping):
        return {str(name): described(one) for name, one in value.items()}
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"type": "array", "shape": list(value.shape), "dtype": str(value.dtype), "sha256": digest}
    if isinstance(value, np.generic):
        return described(value.item())
    if isinstance(value, list | tuple | set | frozenset):
        return [described(one) for one in (sorted(value, key=repr) if isinstance(value, set | frozenset) else value)]
    if is_dataclass(value) and not isinstance(value, type):
        return {"type": type(value).__name__} | {one.name: described(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, msgspec.Struct):
        names = value.__struct_fields__
        return {"type": type(value).__name__} | {name: described(getattr(value, name)) for name in names}
    return value.__qualname__ if inspect.isclass(value) or inspect.isroutine(value) else str(value)
