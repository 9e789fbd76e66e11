"""What is exported is there, is short, and costs nothing to import."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import hftlab

MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(hftlab.__path__, "hftlab.")
    if not name.startswith("hftlab.bench.") and name != "hftlab.__main__"
]


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["hftlab", *MODULES])
def test_all_names_what_exists(name: str) -> None:
    """Every module has a sorted __all__ of names that it has."""
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", None)
    if exported is None:
        pytest.fail(f"{name} has no __all__")
    for one in exported:
        assert getattr(module, one) is not None, one
    assert len(set(exported)) == len(exported)


@pytest.mark.parametrize("name", ["hftlab", *MODULES])
def test_public_modules_and_their_names_are_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__


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
