"""Identity of code: another one for other code, also of what a notebook has defined."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import hftlab as hl
from hftlab.errors import ArgumentError
from hftlab.sweeps.code_identity import code_identity
from tests.command import environment
from tests.sweeps.strategies import joiner, maker

NOTEBOOK = """
import hftlab as hl

LEAN = 3

def skewed(price):
    return [price + LEAN for _ in range(2)]

class Base(hl.Strategy):
    size = 100

class Own(Base):
    def on_timer(self, at):
        return skewed(self.size)

    @property
    def half(self):
        return self.size / 2

@hl.compiled(every="1s", parameters={"lots": 1})
def step(market, orders, state, parameters):
    orders.buy(parameters.lots, market.bid() - LEAN)
"""


def cells(text: str) -> dict[str, Any]:
    """Run text as a notebook does: its names are of a module that has no file."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "<cell>", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", type(sys)("__main__"))


def identity(text: str, name: str = "Own") -> str:
    return code_identity(cells(text)[name])


def test_is_the_same_for_the_same_cells() -> None:
    assert identity(NOTEBOOK) == identity(NOTEBOOK)
    assert identity(NOTEBOOK, "step") == identity(NOTEBOOK, "step")
    assert identity(NOTEBOOK) == identity(f"# a comment\nUNUSED = 3\n{NOTEBOOK}")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return skewed(self.size)", "return skewed(self.size + 1)"),
        ("LEAN = 3", "LEAN = 4"),
        ("price + LEAN", "price - LEAN"),
        ("size = 100", "size = 200"),
        ("self.size / 2", "self.size / 3"),
    ],
)
def test_is_another_for_what_the_class_names(old: str, new: str) -> None:
    assert identity(NOTEBOOK.replace(old, new)) != identity(NOTEBOOK)


@pytest.mark.parametrize(
    ("old", "new"), [("bid() -", "bid() +"), ('{"lots": 1}', '{"lots": 2}'), ('"1s"', '"2s"'), ("LEAN = 3", "LEAN = 4")]
)
def test_is_another_for_what_a_step_is_of(old: str, new: str) -> None:
    assert identity(NOTEBOOK.replace(old, new), "step") != identity(NOTEBOOK, "step")


def test_of_a_file_it_is_that_of_all_of_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # Python believes it for a text of the same second and size
    found = set()
    for text in (NOTEBOOK, NOTEBOOK.replace("LEAN = 3", "LEAN = 4"), f"{NOTEBOOK}\n# a comment"):
        (tmp_path / "own_makers.py").write_text(text)
        monkeypatch.delitem(sys.modules, "own_makers", raising=False)
        found.add(code_identity(__import__("own_makers").Own))
    assert len(found) == 3
    monkeypatch.delitem(sys.modules, "own_makers")


def test_values_that_a_function_has_closed_over_count() -> None:
    def made(size: int) -> type[hl.Strategy]:
        class Own(hl.Strategy):
            def on_timer(self, at: int) -> None:
                self.trading.buy("AAPL", size)

        return Own

    assert code_identity(made(1)) == code_identity(made(1)) != code_identity(made(2))


def test_arguments_of_a_partial_function_and_of_a_compiled_strategy_count() -> None:
    partials = [functools.partial(joiner, ticks=ticks) for ticks in (1, 1, 2)]
    assert [code_identity(one) == code_identity(partials[0]) for one in partials] == [True, True, False]
    assert code_identity(maker(lots=2)) != code_identity(maker)


class Shy:
    """Value whose text says nothing of it."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __repr__(self) -> str:
        return "Shy()"


def test_arguments_of_a_partial_function_are_told_apart_by_what_they_are_made_of() -> None:
    one, same, other = (functools.partial(joiner, ticks=Shy(size)) for size in (1, 1, 2))
    assert code_identity(one) == code_identity(same) != code_identity(other)
    by_function = [functools.partial(joiner, ticks=function) for function in (lambda: 1, lambda: 1, lambda: 2)]
    assert [code_identity(each) == code_identity(by_function[0]) for each in by_function] == [True, True, False]


def test_functions_that_call_each_other_end() -> None:
    text = "import hftlab as hl\ndef a(): b()\ndef b(): a()\nclass Own(hl.Strategy):\n    def on_start(self): a()\n"
    assert identity(text) == identity(text)


OBJECTS = """
import hftlab as hl

class Box:
    def __init__(self, size):
        self.size = size

class Slot:
    __slots__ = ("size",)

BOX, SLOT = Box(1), Slot()
SLOT.size = [1, {"a": {2, 3, 5, 7}}]

class Own(hl.Strategy):
    def on_start(self):
        return BOX.size, SLOT.size, self.side in {"buy", "sell", "both"}
"""


def test_an_object_counts_by_what_is_in_it() -> None:
    """Its text is an address, which is another one each time, or the same for others."""
    assert identity(OBJECTS) == identity(OBJECTS) != identity(OBJECTS.replace("Box(1)", "Box(2)"))
    assert identity(OBJECTS) != identity(OBJECTS.replace('"a": {2', '"a": {4'))
    assert identity(OBJECTS) != identity(OBJECTS.replace("self.size = size", "self.size = -size"))


def test_it_is_the_same_in_another_process() -> None:
    code = "from tests.sweeps.test_code_identity import *; sys.modules['__main__'] = type(sys)('__main__')\n"
    code += "print(identity(OBJECTS), identity(NOTEBOOK))"
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=environment(PYTHONHASHSEED=seed),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1] != ""


def test_what_has_no_bytes_is_refused() -> None:
    with pytest.raises(ArgumentError, match="which the code names, cannot be sent to another process"):
        identity(OBJECTS.replace("Box(1)", "Box(__import__('_thread').allocate_lock())"))


def test_a_long_chain_of_functions_counts_to_its_end() -> None:
    chain = "import hftlab as hl\ndef f0(): return 1\n"
    chain += "".join(f"def f{n}(): return f{n - 1}()\n" for n in range(1, 60))
    chain += "class Own(hl.Strategy):\n    def on_start(self): f59()\n"
    assert identity(chain) != identity(chain.replace("return 1\n", "return 2\n"))
