"""What is exported is there, is short, and costs nothing to import."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import hftlab

MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(hftlab.__path__, "hftlab.")
    if not name.startswith("hftlab.bench.") and name != "hftlab.__main__"
]


def wrong_with(exported: list[str] | None, module: ModuleType) -> str:
    """Return an error in the names that a module exports; "" if there is none."""
    if exported is None:
        return "has no __all__"
    if absent := [name for name in exported if getattr(module, name, None) is None]:
        return f"has none of {absent}"
    return "" if len(set(exported)) == len(exported) else "names something twice"


@pytest.mark.no_cover
def test_all_names_what_exists() -> None:
    """Every module has an __all__ of names that it has. Hundreds of tests would take longer to report than to run."""
    modules = {name: importlib.import_module(name) for name in ["hftlab", *MODULES]}
    said = {name: wrong_with(getattr(module, "__all__", None), module) for name, module in modules.items()}
    assert {name: wrong for name, wrong in said.items() if wrong} == {}


def test_public_modules_and_their_names_are_documented() -> None:
    assert [name for name in ["hftlab", *MODULES] if not importlib.import_module(name).__doc__] == []


def test_importing_hftlab_loads_nothing_heavy() -> None:
    """polars, pyarrow, numba, plotly, numpy and jupyter wait until they are used."""
    code = "import sys, hftlab; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"polars", "pyarrow", "numba", "numpy", "plotly", "ipywidgets", "anywidget", "websockets", "typer"}
    assert heavy.isdisjoint(loaded)


def test_nothing_on_import_touches_the_loop() -> None:
    """enable_nested() is for those who ask for it."""
    code = "import sys, hftlab; hftlab.serve, hftlab.Client; print('nest_asyncio2' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "False"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        hftlab.nonsense  # noqa: B018
