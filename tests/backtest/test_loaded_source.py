"""Loaded modules beside the text of their files."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest

from hftlab.backtest.loaded_source import difference, skeleton
from tests.command import environment

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


def loaded(folder: Path, text: str | bytes, name: str = "never_edited") -> ModuleType:
    """Import a module anew."""
    file = folder / f"{name}.py"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    sys.modules.pop(name, None)
    importlib.invalidate_caches()
    return importlib.import_module(name)


UNEDITED = {
    "an enumeration with its own __new__": """
        import enum
        class Side(enum.IntEnum):
            def __new__(cls, value, text):
                made = int.__new__(cls, value)
                made._value_, made.text = value, text
                return made
            BUY = 1, "b"
        """,
    "functions that a compiled module replaces": """
        def insort(a, b): pass
        def heappush(a, b): pass
        class Fraction: x = 1
        from bisect import *
        from heapq import *
        """,
    "wrappers without wraps": """
        def timed(cls):
            for name, one in list(vars(cls).items()):
                if callable(one):
                    setattr(cls, name, lambda *args, one=one: one(*args))
            return cls
        @timed
        class Own:
            size = 1
            def go(self): pass
        """,
    "a decorator that makes a class of its own": """
        def made(cls):
            return type(cls.__name__, (cls,), {"__qualname__": cls.__qualname__})
        @made
        class Own:
            size = 1
            def go(self): pass
        """,
    "a base class that changes what derives from it": """
        class Base:
            def __init_subclass__(cls):
                cls.size = 2 * cls.size
                del cls.gone
        class Own(Base):
            size = 1
            def gone(self): pass
        """,
    "a metaclass that keeps fields to itself": """
        class Meta(type):
            def __new__(meta, name, bases, names):
                fields = {n: v for n, v in names.items() if not n.startswith("_")}
                return super().__new__(meta, name, bases, {"fields": fields, "__module__": names["__module__"]})
        class Own(metaclass=Meta):
            size = 1
            def go(self): pass
        """,
    "an attribute that is set afterwards": """
        class Own: size = 1
        Own.size = 2
        import never_edited as self
        SIZE = 1
        self.SIZE = 2
        """,
    "names that are set by text": """
        SIZE = 1
        def go(): pass
        globals()["SIZE"] = 2
        exec("def go(): return 3")
        exec(compile("def go(): return 4", __file__, "exec"), {"__name__": "elsewhere"}, globals())
        """,
    "exceptions and patterns that bind names": """
        error, rest, one, all_ = 1, 2, 3, 4
        rest = 1
        one = 1
        match {"one": [1, 2], "b": 3}:
            case {"one": [one, *_], **rest}: pass
        got = 1
        try: pass
        except ValueError as got: pass
        """,
    "conditions": """
        import sys
        if sys.version_info > (3,):
            def go(): return 1
        else:
            def go(): return 2
        try:
            from nowhere import fast
        except ImportError:
            def fast(): return 1
        def slow(): return 1
        if True: slow = fast
        for again in range(2):
            def again(): return 1
        """,
    "a coroutine of a generator": """
        import types
        @types.coroutine
        def go(): yield
        """,
    "a class of underlines": "class __:\n    __x = 1\n    def __go(self): pass\n",
    "an escape that Python warns of": "import re\ndef go(): return '\\d' is '\\d'\n",
    "a function that is given other code": """
        def other(): return 2
        def go(): return 1
        go.__code__ = other.__code__
        """,
    "numbers that look alike": """
        A = 1.0; B = -0.0
        def go(x=-0.0, y=True, z=1): return {1, 1.0} | {True}, (1, 1.0, True, -0.0, 0.0)
        """,
    "closures, lambdas and overloads": """
        from typing import overload, NamedTuple, Protocol
        from functools import singledispatch, cached_property, lru_cache, partialmethod, total_ordering
        from contextlib import contextmanager
        def maker(n):
            def go(): return n
            return go
        go = maker(3)
        f, g = lambda: 1, lambda: 2
        @overload
        def one(x: int) -> int: ...
        @overload
        def one(x: str) -> str: ...
        def one(x): return x
        @singledispatch
        def many(x): return 1
        @many.register
        def _(x: int): return 2
        @contextmanager
        def held(): yield
        class Row(NamedTuple):
            x: int = 1
            def twice(self): return 2 * self.x
        class Shape(Protocol):
            size: int = 1
            def area(self) -> int: ...
        @total_ordering
        class Own:
            __slots__ = ("x",)
            @lru_cache
            def a(self): return super().__repr__()
            @cached_property
            def b(self): return 1
            c = partialmethod(a)
            def __lt__(self, other): return True
            def __class_getitem__(cls, one): return cls
        """,
    "a numba class": """
        from numba import njit, vectorize
        @njit(cache=False)
        def go(x, by=2): return x + by
        @vectorize
        def each(x): return x
        """,
    "an object that answers to every name": """
        class Any:
            def __getattr__(self, name): raise RuntimeError(name)
        def replaced(function): return Any()
        @replaced
        def go(): pass
        """,
}


@pytest.fixture
def anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("never_edited", None)


@pytest.mark.parametrize("text", UNEDITED.values(), ids=UNEDITED)
@pytest.mark.filterwarnings("ignore:invalid escape:DeprecationWarning", "ignore:.is. with a literal:SyntaxWarning")
def test_what_was_not_edited_is_never_another(anew: Path, text: str) -> None:
    text = textwrap.dedent(text)
    module = loaded(anew, text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert difference(module, text.encode()) is None


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfNAME = '\xc3\xa4'\ndef go(): return '\xc3\xa4'\n",
        b"# -*- coding: latin-1 -*-\nNAME = '\xe4'\ndef go(): return '\xe4'\n",
        b"NAME = '''a\r\nb'''\r\ndef go():\r\n    return '''a\r\nb'''\r\n",
        b"NAME = 'a'\rdef go():\r    return 1\r",
        b"NAME = 1\n\x0cdef go(): return 1",
    ],
)
def test_encodings_and_ends_of_lines(anew: Path, text: bytes) -> None:
    assert difference(loaded(anew, text), text) is None
    assert difference(sys.modules["never_edited"], text.replace(b"return", b"return 5,")) == "go"


@pytest.mark.parametrize(
    "options",
    [
        ["-X", "no_debug_ranges"],
        pytest.param(["-O"], marks=pytest.mark.soak),
        pytest.param(["-OO"], marks=pytest.mark.soak),
        pytest.param(["-B"], marks=pytest.mark.soak),
    ],
)
def test_modules_that_were_compiled_otherwise_or_are_watched(anew: Path, options: list[str]) -> None:
    """Their compiled file has other lines or columns; a tracer may have changed the bytes of what runs."""
    text = "def go(x):\n    assert x\n    return [x for _ in range(3)]\n\nclass Own:\n    def go(self): 'said'\n"
    check = (
        "import sys, pathlib, never_edited as n; from hftlab.backtest.loaded_source import difference\n"
        "sys.settrace(lambda *_: None); [n.go(1) for _ in range(99)]\n"
        "print(difference(n, pathlib.Path(n.__file__).read_bytes()))"
    )
    loaded(anew, text)  # which keeps it compiled
    done = subprocess.run(
        [sys.executable, *options, "-c", check],
        env=environment(PYTHONPATH=f"{anew}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "None\n"


def test_what_others_have_put_there_is_no_edit(module: ModuleType) -> None:
    def skewed(price: int) -> int:
        return price

    skewed.__qualname__ = "skewed"
    names: dict[str, Any] = {"__name__": module.__name__}
    exec("def wrapped(function): return 3", names)
    for replaced in (skewed, MagicMock(), len, None, names["wrapped"]):
        for name in ("skewed", "wrapped", "count"):
            assert difference(module, TEXT.encode(), {name: replaced}) is None


def test_modules_of_python_itself_are_as_their_files_say() -> None:
    """Whatever is loaded here was not edited."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and file.endswith(".py") and module.__name__.partition(".")[0] in sys.stdlib_module_names:
            assert (module.__name__, difference(module, Path(file).read_bytes())) == (module.__name__, None)


def test_lines_and_comments_do_not_count(module: ModuleType) -> None:
    moved = f"# a comment\n\n{TEXT}".replace("    def there", "\n    # more\n    def there")
    assert difference(module, moved.encode()) is None
    assert skeleton(moved.encode()) == skeleton(TEXT.encode())


@pytest.mark.parametrize(
    ("old", "new", "is_compared"),
    [
        ("price + by", "price - by", True),
        ("LEAN = 3", "LEAN = 4", True),
        ("COUNT = 0", "COUNT = 1", False),
        ("TWICE = 1", "TWICE = 3", False),
        ("@wrapped", "@replaced", False),
        ("count()\n", "count(); count()\n", False),
        ("return function(*args)", "return 1", True),
        ("super().__repr__()", "super().__hash__()", True),
    ],
)
def test_a_skeleton_has_what_is_not_compared(old: str, new: str, is_compared: bool) -> None:
    text = TEXT.replace("@wrapped\ndef skewed", "def skewed") if old == "price + by" else TEXT
    edited = "".join(text.rpartition(old)[:1]) + new + text.rpartition(old)[2]
    assert old in text
    assert (skeleton(edited.encode()) == skeleton(text.encode())) == is_compared
