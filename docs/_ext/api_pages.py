"""One API page a public package: what its `__all__` names, and the public packages inside of it."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Final

import hftlab

__all__ = ["INTERNAL", "pages"]

INTERNAL: Final = {
    *("hftlab.bench", "hftlab.cli", "hftlab.demo", "hftlab.doctor", "hftlab.report", "hftlab.tutorials"),
    *("hftlab.credentials", "hftlab.html_table", "hftlab.log", "hftlab.loop", "hftlab.port", "hftlab.version"),
}
"""Programs, which the pages on the command line and on the benchmarks describe, and helpers of other packages."""


_ALSO: Final = {
    "hftlab.backtest": ["differences", "facts", "summary"],
    "hftlab.client": ["debug_log", "diagnostics", "history", "order", "trading"],
    "hftlab.lab": ["replay", "running", "trading"],
    "hftlab.protocol": ["base", "book"],
    "hftlab.session": ["manifest"],
    "hftlab.trading": ["account_views", "order_handle"],
    "hftlab.book": ["anomalies"],
}
"""Modules whose classes the public ones return, and so have their place on the package's page."""


def pages() -> dict[str, str]:
    """File name -> text: an index, and a page for each package or module right below hftlab that exports names."""
    names = [name for name in _below("hftlab", hftlab.__path__) if name not in INTERNAL]
    result = {f"{name}.rst": _page(name) for name in names}
    contents = "\n".join(f"   {name}" for name in names)
    result["hftlab.rst"] = _page("hftlab", members=False)
    result["index.rst"] = f"{_title('API')}{_ABOUT}\n.. toctree::\n   :maxdepth: 1\n\n   hftlab\n{contents}\n"
    return result


_ABOUT: Final = """
Generated from the docstrings: everything that a public package exports. A module that is not listed here may change
without notice.
"""


def _below(name: str, path: list[str]) -> list[str]:
    """The packages and modules right below one that export names, sorted."""
    found = (module.name for module in pkgutil.iter_modules(path, f"{name}."))
    return [one for one in sorted(found) if not one.endswith("__main__") and getattr(import_module(one), "__all__", [])]


def _page(name: str, *, members: bool = True) -> str:
    """A package, then the packages below it, then its modules in _ALSO."""
    if not members:
        return "\n".join([_title(name), f".. automodule:: {name}\n   :no-members:\n", _names()])
    inner = [
        one.name
        for one in pkgutil.iter_modules(getattr(import_module(name), "__path__", ()), f"{name}.")
        if one.ispkg and getattr(import_module(one.name), "__all__", [])
    ]
    inner += [f"{name}.{module}" for module in _ALSO.get(name, ())]
    parts = [_title(name), _module(name, leave_out=inner)]
    for one in inner:
        parts += [_title(one, "-"), _module(one)]
    return "\n".join(parts)


def _names() -> str:
    """Where the names of `import hftlab as hl` come from."""
    lines = [".. list-table::", "   :header-rows: 1", "", "   * - name", "     - is"]
    for name in hftlab.__all__:
        lines += [f"   * - ``hl.{name}``", f"     - {_reference(name, getattr(hftlab, name))}"]
    return "\n".join([*lines, ""])


def _reference(name: str, value: object) -> str:
    """A link to the page of the package right below hftlab that has the name, or of the module of it that does."""
    if isinstance(value, ModuleType):
        return f":py:mod:`{value.__name__}`"
    home = getattr(value, "__module__", None)
    if home is None:
        return f"``{value!r}``"
    role = "class" if isinstance(value, type) else "func"
    package = f"hftlab.{home.split('.')[1]}"
    return f":py:{role}:`{package if name in import_module(package).__all__ else home}.{name}`"


def _module(name: str, *, leave_out: Sequence[str] = ()) -> str:
    """What a module exports, but for what the page says of the modules in `leave_out`."""
    elsewhere = {one for module in leave_out for one in import_module(module).__all__}
    twice = sorted(elsewhere.intersection(import_module(name).__all__))
    lines = [f".. automodule:: {name}", "   :members:"]
    return "\n".join([*lines, *([f"   :exclude-members: {', '.join(twice)}"] if twice else []), ""])


def _title(text: str, underline: str = "=") -> str:
    return f"{text}\n{underline * len(text)}\n"
