"""Comparison of a loaded module with the text of its file: whether what runs is what the file says."""

from __future__ import annotations

import ast
import functools
import inspect
import types
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from importlib.machinery import SourceFileLoader
from typing import Any, Final, NamedTuple

__all__ = ["difference"]

_ABSENT: Final = object()
_SCALARS: Final = (int, float, complex, str, bytes, bool, type(None))
_FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


def difference(module: types.ModuleType, text: bytes, instead: Mapping[str, Any] | None = None) -> str | None:
    """Return the name of something in a loaded module that is not what `text` says; None if there is nothing.

    Functions are compared by their code, with its lines; names and defaults of arguments that are given a number or a
    text by their values. What a module computes as it is imported is not compared. `instead` has objects to look at
    in place of the module's own, by name. Modules that an import hook rewrites are taken to be as their files say.
    """
    if type(getattr(module, "__loader__", None)) is not SourceFileLoader:
        return None
    try:
        parsed = _parsed(text)
    except (SyntaxError, ValueError):
        return "its syntax"
    return next(_differences(parsed, parsed.tree, {**vars(module), **(instead or {})}, ""), None)


class _Parsed(NamedTuple):
    tree: ast.Module
    codes: dict[str, list[types.CodeType]]
    """Code of all functions by their qualified names."""
    globals: frozenset[str]
    """Names that functions set."""


@functools.lru_cache(maxsize=256)
def _parsed(text: bytes) -> _Parsed:
    codes: dict[str, list[types.CodeType]] = defaultdict(list)
    waiting = [compile(text, "<source>", "exec", dont_inherit=True)]
    while waiting:
        inner = [one for one in waiting.pop().co_consts if isinstance(one, types.CodeType)]
        for one in inner:
            codes[one.co_qualname].append(one)
        waiting += inner
    tree = ast.parse(text)
    set_by_functions = (name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names)
    return _Parsed(tree, codes, frozenset(set_by_functions))


def _differences(
    parsed: _Parsed, scope: ast.Module | ast.ClassDef, names: Mapping[str, Any], path: str
) -> Iterator[str]:
    counts = Counter(_bound(scope))
    value: ast.expr | None
    for node in scope.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                name, value = node.name, None
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ):
                pass
            case _:
                continue
        if counts[name] > 1 or (not path and name in parsed.globals):
            continue
        found = names.get(_mangled(name, scope), _ABSENT)
        if isinstance(node, ast.ClassDef):
            if inspect.isclass(found):
                yield from _differences(parsed, node, vars(found), f"{path}{name}.")
            elif not node.decorator_list:
                yield f"{path}{name}"
        elif isinstance(node, _FUNCTION):
            if _differs(parsed, node, found, f"{path}{name}"):
                yield f"{path}{name}"
        elif value is not None and _is_another(value, found):
            yield f"{path}{name}"


def _differs(parsed: _Parsed, node: ast.FunctionDef | ast.AsyncFunctionDef, found: Any, name: str) -> bool:
    function = _function(found)
    if function is None or function.__code__.co_qualname != name:
        return not node.decorator_list
    if function.__code__ not in parsed.codes[name]:
        return True
    given = zip(reversed(node.args.defaults), reversed(function.__defaults__ or ()), strict=False)
    by_name = function.__kwdefaults__ or {}
    named = ((one, by_name.get(arg.arg)) for arg, one in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True))
    return any(one is not None and _is_another(one, value) for one, value in (*given, *named))


def _function(value: Any) -> types.FunctionType | None:
    """Return the function within what decorators have made of it."""
    for name in ("__func__", "fget", "func", "py_func"):
        value = getattr(value, name, value)
    value = inspect.unwrap(value) if callable(value) and not inspect.isclass(value) else value
    value = getattr(value, "py_func", value)
    return value if isinstance(value, types.FunctionType) else None


def _is_another(node: ast.expr, found: Any) -> bool:
    """True if an expression is a plain value, and what was found is another plain value."""
    try:
        said = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    if type(said) not in _SCALARS or type(found) not in _SCALARS:
        return False
    return repr(said) != repr(found)


def _bound(scope: ast.Module | ast.ClassDef) -> Iterator[str]:
    """Return the names that the statements of a module or of a class bind or delete, as often as they do."""
    waiting: list[ast.AST] = [*scope.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, (*_FUNCTION, ast.ClassDef)):
            yield node.name
        if not isinstance(node, (*_FUNCTION, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)


def _mangled(name: str, scope: ast.Module | ast.ClassDef) -> str:
    is_private = name.startswith("__") and not name.endswith("__")
    return f"_{scope.name.lstrip('_')}{name}" if is_private and isinstance(scope, ast.ClassDef) else name
