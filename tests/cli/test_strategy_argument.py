"""A strategy is named by its module and class, and what is not one is said with the nearest that is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hftlab as hl
from hftlab.cli.strategy_argument import check_parameters, strategy_class
from hftlab.errors import HftlabError

SOURCE = '''
import hftlab as hl

class Quoter(hl.Strategy):
    def __init__(self, size, width=2): ...

class Crosser(hl.Strategy):
    """Takes no parameters."""

class Free(hl.Strategy):
    def __init__(self, **anything): ...

@hl.compiled(every="1s", parameters={"lots": 1})
def stepper(market, orders, state, parameters): ...

def helper(): ...
'''


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with the module my_makers, as the present one."""
    (tmp_path / "my_makers.py").write_text(SOURCE)
    (tmp_path / "needy.py").write_text("import no_such_package_of_anybody\n")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "json.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in ("my_makers", "needy", "broken"):
        sys.modules.pop(name, None)


def test_a_class_of_the_present_folder_is_found() -> None:
    assert strategy_class("my_makers:Quoter").__qualname__ == "Quoter"


def test_a_compiled_strategy_is_one_too() -> None:
    stepper = strategy_class("my_makers:stepper")
    assert isinstance(stepper, hl.backtest.CompiledStrategy)
    check_parameters(stepper, {"lots": 2})
    with pytest.raises(HftlabError, match=r"stepper has no parameter 'lot' \(nearest: 'lots'\)"):
        check_parameters(stepper, {"lot": 2})
    with pytest.raises(HftlabError, match="parameter lots of stepper is 'many': it is a whole number"):
        check_parameters(stepper, {"lots": "many"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("my_makers", "is not a strategy: give its module and class, such as makers:Quoter"),
        (":Quoter", "is not a strategy: give its module and class"),
        ("my_makers:", "is not a strategy: give its module and class"),
        ("my_makers.py", "is not a strategy: give its module and class"),
        ("my_maker.py:Quoter", r"there is no file 'my_maker.py' \(nearest: 'my_makers.py'\)"),
        (
            "./deep/my_makers:Quoter",
            r"is not a module: give it as makers:Quoter, or its file, as in .*makers\.py:Quoter",
        ),
        ("json.py:Quoter", r"'json.py' has the name of another module, 'json' \(.*\): give the file another"),
        ("my_maker:Quoter", r"no module 'my_maker' \(nearest: 'my_makers'\): run the command in its folder"),
        ("xyzzy.www:Quoter", "no module 'xyzzy.www': run the command in its folder"),
        ("needy:Quoter", "needy imports the module 'no_such_package_of_anybody', which is not installed"),
        ("my_makers:Qouter", r"no strategy 'Qouter' \(nearest: 'Quoter'\); it has Crosser, Free, Quoter, stepper"),
        (
            "my_makers:helper",
            "my_makers:helper is not a class derived from hl.Strategy; it has Crosser, Free, Quoter, stepper",
        ),
        ("json:JSONDecoder", "json:JSONDecoder is not a class .*; it has none: derive a class from hl.Strategy"),
    ],
)
def test_what_is_not_one_is_said(text: str, said: str) -> None:
    with pytest.raises(HftlabError, match=said):
        strategy_class(text)


def test_what_the_module_raises_goes_on() -> None:
    with pytest.raises(ZeroDivisionError):
        strategy_class("broken:Quoter")


class TestParameters:
    def test_those_that_it_takes_are_fine(self) -> None:
        check_parameters(strategy_class("my_makers:Quoter"), {"size": 1, "width": 2})
        check_parameters(strategy_class("my_makers:Free"), {"whatever": 1})
        check_parameters(strategy_class("my_makers:Crosser"), {})

    def test_unknown_and_lacking_ones_are_named(self) -> None:
        quoter, crosser = strategy_class("my_makers:Quoter"), strategy_class("my_makers:Crosser")
        with pytest.raises(HftlabError, match=r"no parameter 'widht' \(nearest: 'width'\); it takes size, width"):
            check_parameters(quoter, {"size": 1, "widht": 2})
        with pytest.raises(HftlabError, match="Quoter needs the parameter size: give it, as in --param size=100"):
            check_parameters(quoter, {})
        with pytest.raises(HftlabError, match="no parameter 'size'; it takes none"):
            check_parameters(crosser, {"size": 1})
