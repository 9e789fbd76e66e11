"""The strategy that a command is given as module:Class."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from hftlab.errors import HftlabError
from hftlab.nearest import describe_unknown, nearest

if TYPE_CHECKING:
    from hftlab.backtest import CompiledStrategy, Strategy

__all__ = ["check_parameters", "strategy_class"]


def strategy_class(text: str) -> type[Strategy] | CompiledStrategy:
    """Import a strategy's class, or a compiled strategy, such as makers:Quoter or makers.py:Quoter.

    Modules are looked for in the present folder too, and those beside a file as well. Raises HftlabError for a module,
    a file or a class that does not exist, and for what is not a strategy. What the module itself raises goes on.
    """
    name, _, attribute = text.rpartition(":")
    if name.endswith(".py") and attribute:
        return _class_in(_imported_file(Path(name)), attribute)
    if "/" in name:
        raise HftlabError(f"{name!r} is not a module: give it as makers:Quoter, or its file, as in {name}.py:Quoter")
    if not name or not attribute:
        raise HftlabError(f"{text!r} is not a strategy: give its module and class, such as makers:Quoter")
    return _class_in(_imported(name), attribute)


def check_parameters(strategy: type[Strategy] | CompiledStrategy, parameters: Mapping[str, object]) -> None:
    """Raise HftlabError for parameters that a strategy does not take, and for those that it lacks."""
    if not inspect.isclass(strategy):
        strategy(**parameters)  # all of a compiled one have values, whose types it checks
        return
    taken = inspect.signature(strategy).parameters
    named = [name for name, one in taken.items() if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    unknown = sorted(set(parameters) - set(named))
    if unknown and not any(one.kind is one.VAR_KEYWORD for one in taken.values()):
        there = f"it takes {', '.join(named)}" if named else "it takes none"
        raise HftlabError(
            f"--param: {strategy.__qualname__} has no parameter {describe_unknown(unknown, named)}; {there}"
        )
    lacking = [name for name in named if taken[name].default is inspect.Parameter.empty and name not in parameters]
    if lacking:
        raise HftlabError(
            f"{strategy.__qualname__} needs the parameter {', '.join(lacking)}: give it, as in --param {lacking[0]}=100"
        )


def _imported(name: str) -> ModuleType:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        if exc.name is None or not f"{name}.".startswith(f"{exc.name}."):
            raise HftlabError(f"{name} imports the module {exc.name!r}, which is not installed") from exc
    near = nearest(name, (path.stem for path in Path.cwd().glob("*.py")))
    said = "" if near is None else f" (nearest: {near!r})"
    raise HftlabError(f"there is no module {name!r}{said}: run the command in its folder, or set PYTHONPATH")


def _imported_file(path: Path) -> ModuleType:
    """Import a file as the module of its name, so that other processes can as well."""
    if not path.is_file():
        near = nearest(path.name, (one.name for one in path.parent.glob("*.py")))
        raise HftlabError(f"there is no file {str(path)!r}{'' if near is None else f' (nearest: {near!r})'}")
    folder = str(path.absolute().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = _imported(path.stem)
    if Path(module.__file__ or "").resolve() != path.resolve():
        raise HftlabError(
            f"{str(path)!r} has the name of another module, {path.stem!r} ({module.__file__}): give the file another"
        )
    return module


def _class_in(module: ModuleType, attribute: str) -> type[Strategy] | CompiledStrategy:
    from hftlab.backtest import CompiledStrategy, Strategy

    def is_strategy(value: object) -> bool:
        if isinstance(value, CompiledStrategy):
            return True
        return inspect.isclass(value) and issubclass(value, Strategy) and value is not Strategy

    found = getattr(module, attribute, None)
    if is_strategy(found):
        strategy: type[Strategy] | CompiledStrategy = found  # type: ignore[assignment]
        return strategy
    there = [name for name, _ in inspect.getmembers(module, is_strategy)]
    hint = f"it has {', '.join(there)}" if there else "it has none: derive a class from hl.Strategy"
    if found is not None:
        raise HftlabError(f"{module.__name__}:{attribute} is not a class derived from hl.Strategy; {hint}")
    near = nearest(attribute, there)
    said = "" if near is None else f" (nearest: {near!r})"
    raise HftlabError(f"the module {module.__name__!r} has no strategy {attribute!r}{said}; {hint}")
