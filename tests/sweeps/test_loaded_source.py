"""Loaded modules beside the text of their files."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from hftlab.sweeps.loaded_source import difference

TEXT = """
import functools
from dataclasses import dataclass
from enum import Enum
from numba import njit

LEAN = 3
NAME: str = "x"
COUNT = 0
TWICE = 1
TWICE = 2

def count():
    global COUNT
    COUNT += 1

def wrapped(function):
    @functools.wraps(function)
    def call(*args):
        return function(*args)
    return call

def replaced(function):
    return 7

@wrapped
def skewed(price, by=2, *, more=1.5):
    return [price + by * more for _ in range(2)]

@replaced
def gone():
    pass

@njit
def compiled(x):
    return x + 1

@dataclass(slots=True)
class Point:
    x: int = 1
    def there(self):
        return super().__repr__()

class Side(Enum):
    BUY = "buy"

class Own:
    size = 100
    __secret = 5
    def __init_subclass__(cls):
        pass
    def __own(self):
        return 1
    @property
    def half(self):
        return self.size / 2
    @staticmethod
    def still(x=1):
        return x
    class Inner:
        deep = "a"
count()
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (tmp_path / "compared_text.py").write_text(TEXT)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("compared_text")
    del sys.modules["compared_text"]


def test_nothing_differs_from_its_own_text(module: ModuleType) -> None:
    assert difference(module, TEXT.encode()) is None
    assert difference(module, f"{TEXT}\n# a comment".encode()) is None


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("LEAN = 3", "LEAN = 4", "LEAN"),
        ("LEAN = 3", "LEAN = 3.0", "LEAN"),
        ('"x"', '"y"', "NAME"),
        ("by=2", "by=3", "skewed"),
        ("more=1.5", "more=2.5", "skewed"),
        ("price + by", "price - by", "skewed"),
        ("x + 1", "x + 2", "compiled"),
        ("super().__repr__()", "super().__hash__()", "Point.there"),
        ("size = 100", "size = 200", "Own.size"),
        ("__secret = 5", "__secret = 6", "Own.__secret"),
        ("return 1\n", "return 2\n", "Own.__own"),
        ("self.size / 2", "self.size / 3", "Own.half"),
        ("still(x=1)", "still(x=2)", "Own.still"),
        ('deep = "a"', 'deep = "b"', "Own.Inner.deep"),
        ("def count", "def recount", "recount"),
        ("class Own", "class Owns", "Owns"),
        ("count()\n", "count(\n", "its syntax"),
    ],
)
def test_an_edit_is_found(module: ModuleType, old: str, new: str, name: str) -> None:
    assert old in TEXT
    edited = TEXT[::-1].replace(old[::-1], new[::-1], 1)[::-1] if name == "its syntax" else TEXT.replace(old, new)
    assert difference(module, edited.encode()) == name


def test_an_object_of_before_is_found(module: ModuleType) -> None:
    old = module.Own
    edited = TEXT.replace("size = 100", "size = 200")
    Path(str(module.__file__)).write_text(f"{edited}# longer")
    importlib.reload(module)
    assert difference(module, edited.encode()) is None
    assert difference(module, edited.encode(), {"Own": old}) == "Own.size"
