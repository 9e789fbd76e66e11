"""Code that a module was imported from: what it computes is not seen in the module itself."""

from __future__ import annotations

import importlib
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from hftlab.backtest.imported_code import computes_otherwise

TEXT = """
def spread(n):
    return [n, n + 1]

LEVELS = spread(3)

class Sizes:
    largest = max(LEVELS)

    def double(self):
        return 2 * self.largest
"""
_seconds = itertools.count(1_000_000_000)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    yield tmp_path / "edited_levels.py"
    sys.modules.pop("edited_levels", None)


def write(file: Path, text: str) -> bytes:
    """Write the module, a second after the last time: Python compares seconds."""
    file.write_text(text)
    second = next(_seconds)
    os.utime(file, (second, second))
    importlib.invalidate_caches()
    return text.encode()


def imported(file: Path) -> ModuleType:
    write(file, TEXT)
    return importlib.import_module("edited_levels")


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("spread(3)", "spread(4)"),
        lambda text: text.replace("max(LEVELS)", "min(LEVELS)"),
        lambda text: text + "LEVELS.append(7)\n",
        lambda text: text.replace("spread(3)", "[one + 1 for one in spread(3)]"),
    ],
)
def test_an_edit_of_what_is_computed_is_seen_until_the_module_is_imported_again(
    file: Path, edit: Callable[[str], str]
) -> None:
    module = imported(file)
    text = write(file, edit(TEXT))
    assert computes_otherwise(module, text)
    importlib.reload(module)
    assert not computes_otherwise(module, text)


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text,
        lambda text: f"# Levels.\n\n{text}",
        lambda text: text.replace("[n, n + 1]", "[n, n + 2]").replace("2 * self", "3 * self"),  # seen in the module
    ],
)
def test_what_the_module_itself_shows_or_nobody_sees_does_not_count(file: Path, edit: Callable[[str], str]) -> None:
    module = imported(file)
    assert not computes_otherwise(module, write(file, edit(TEXT)))


def test_a_text_that_does_not_compile_is_not_compared(file: Path) -> None:
    module = imported(file)
    assert not computes_otherwise(module, write(file, "LEVELS ="))


def test_nothing_is_said_where_the_code_is_not_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = imported(file)
    assert not computes_otherwise(module, write(file, TEXT.replace("spread(3)", "spread(4)")))


@pytest.mark.parametrize("data", [b"", b"\0" * 16, importlib.util.MAGIC_NUMBER + b"\0" * 20])
def test_what_is_kept_may_be_damaged(file: Path, data: bytes) -> None:
    module = imported(file)
    text = write(file, TEXT.replace("spread(3)", "spread(4)"))
    assert module.__cached__ is not None
    Path(module.__cached__).write_bytes(data)
    assert not computes_otherwise(module, text)


def test_modules_that_are_patched_in_place_are_not_judged_by_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython.extensions.autoreload", ModuleType("autoreload"))
    module = imported(file)
    assert not computes_otherwise(module, write(file, TEXT.replace("spread(3)", "spread(4)")))
