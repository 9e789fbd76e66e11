"""Facts of a run name what went into it, and change when it does."""

from __future__ import annotations

import hashlib
import importlib
import linecache
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import hftlab
from hftlab.backtest.facts import Facts, code_hash, described, facts_of
from hftlab.session import Session
from hftlab.trading.commissions import Commission
from hftlab.trading.venue import Liquidity
from tests.session.sessions import numbered, write_session


class Quoter:
    """Strategy of these tests."""


def quote() -> None:
    """Strategy that is a function."""


@dataclass(frozen=True)
class Delay:
    entry: int = 5
    drawn: Any = None


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return write_session(tmp_path / "day", [(at, numbered(at)) for at in range(3)])


def test_they_name_strategy_session_models_and_versions(session: Session) -> None:
    facts = facts_of(
        Quoter,
        session,
        start=1,
        end=2,
        parameters={"width": 2},
        fill="power",
        latency=Delay(),
        fees=None,
        cash=5.0,
        seed=3,
    )
    assert (facts.strategy, facts.session) == (f"{__name__}:Quoter", "day")
    assert (facts.parameters, facts.fill, facts.seed) == ({"width": 2}, "power", 3)
    assert facts.latency == {"type": "Delay", "entry": 5, "drawn": None}
    assert facts.versions["hftlab"] == hftlab.__version__
    assert set(facts.versions) == {"hftlab", "python", "numpy", "polars", "numba"}
    assert facts.manifest == hashlib.sha256((session.folder / "manifest.json").read_bytes()).hexdigest()
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Facts) == facts


@pytest.mark.parametrize("strategy", [Quoter, Quoter(), quote])
def test_the_code_is_that_of_the_file(strategy: object) -> None:
    assert code_hash(strategy) == hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def test_in_a_notebook_the_code_is_that_of_the_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell's source is in linecache, and its module has no file."""

    def cell(text: str) -> Any:
        name = f"<cell {hash(text)}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        scope: dict[str, Any] = {"__name__": "a_notebook_without_a_file"}
        exec(compile(text, name, "exec"), scope)
        return scope["quoter"]

    one = cell("def quoter():\n    return 1\n")
    again = cell("x = 0\n\ndef quoter():\n    return 1\n")
    other = cell("def quoter():\n    return 2\n")
    assert code_hash(one) == code_hash(again) != code_hash(other)


def test_an_edit_after_the_import_is_not_the_code_that_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "SIZE = 'ä'\r\ndef quoter():\r\n    return 1\r\n".encode("latin-1").join([b"# coding: latin-1\n", b""])
    file = tmp_path / "edited_facts.py"
    file.write_bytes(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("edited_facts")
    assert code_hash(module.quoter) == hashlib.sha256(text).hexdigest()
    edited = text.replace(b"return 1", b"return 20")
    file.write_bytes(edited)
    with pytest.warns(UserWarning, match="edited_facts is not loaded as .* says .quoter is another one.: .* no code"):
        assert code_hash(module.quoter) == ""
    importlib.reload(module)
    assert code_hash(module.quoter) == hashlib.sha256(edited).hexdigest()
    del sys.modules["edited_facts"]


def test_code_without_a_source_has_no_hash() -> None:
    scope: dict[str, Any] = {"__name__": "nowhere"}
    exec("def quoter(): pass", scope)
    assert code_hash(scope["quoter"]) == ""


def test_the_plain_function_of_a_compiled_one_counts() -> None:
    class Dispatcher:
        py_func = staticmethod(quote)

    assert code_hash(Dispatcher()) == code_hash(quote)
    assert facts_of_name(Dispatcher()) == f"{__name__}:quote"


def facts_of_name(strategy: object) -> str:
    from hftlab.backtest.facts import _code_of

    subject = _code_of(strategy)
    return f"{subject.__module__}:{subject.__qualname__}"


class TestDescribed:
    @pytest.mark.parametrize(
        ("value", "said"),
        [
            (None, None),
            (Liquidity.MAKER, "MAKER"),
            ((1, 2.5, "x"), [1, 2.5, "x"]),
            ({"b", "a"}, ["a", "b"]),
            ({1: Quoter}, {"1": "Quoter"}),
            (np.int64(7), 7),
            (msgspec.structs.replace(Facts(strategy="a", session="b", start=1, end=2)).start, 1),
        ],
    )
    def test_values_are_those_of_json(self, value: object, said: object) -> None:
        assert described(value) == said
        msgspec.json.encode(described(value))

    def test_models_have_their_names_and_fields(self) -> None:
        assert described(Commission(maker_bps=1.0)) == {"type": "Commission", **{
            name: getattr(Commission(maker_bps=1.0), name) for name in Commission.__dataclass_fields__
        }}  # fmt: skip

        class Model(msgspec.Struct):
            rate: float

        assert described([Model(0.5)]) == [{"type": "Model", "rate": 0.5}]

    def test_arrays_are_told_apart_by_their_hash(self) -> None:
        one, other = (described(Delay(drawn=np.arange(size))) for size in (3, 4))
        assert one["drawn"]["shape"] == [3]
        assert one["drawn"]["sha256"] != other["drawn"]["sha256"]
