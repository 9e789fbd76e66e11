"""Comparison of a loaded module with the text of its file: whether what runs is what the file says.

A module that is as its file says must never be taken for another one. So only what cannot be otherwise counts: a
function that was compiled from the file and is not in its text, or a name or a plain value that nothing but an edit
explains. What decorators, base classes, import hooks, other modules or the module's own statements may have made of a
name is let be.
"""

from __future__ import annotations

import ast
import functools
import inspect
import types
import warnings
from abc import ABCMeta
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import PurePath
from threading import Lock
from typing import Any, Final, NamedTuple

__all__ = ["code_contents", "compiled_text", "difference", "parsed_tree", "skeleton"]

_compiling: Final = Lock()
_ABSENT: Final = object()
_SCALARS: Final = (int, float, complex, str, bytes, bool, type(None))
_FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_Scope = ast.Module | ast.ClassDef
_DYNAMIC: Final = frozenset(["globals", "locals", "vars", "exec", "setattr", "delattr", "__dict__", "modules"])
"""Names with which a text may set others that do not stand in it."""

_FLAGS: Final = (
    inspect.CO_VARARGS
    | inspect.CO_VARKEYWORDS
    | inspect.CO_GENERATOR
    | inspect.CO_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
)
"""Flags of code that its text decides, and not how it was compiled."""
_ADD_ONLY: Final = ("dataclass", "final", "total_ordering", "runtime_checkable")
"""Decorators of classes that let be what is in them."""


def difference(module: types.ModuleType, text: bytes, instead: Mapping[str, Any] | None = None) -> str | None:
    """Return the name of something in a loaded module that is not what `text` says; None if there is nothing.

    Functions are compared by their code, wherever its lines are; names and defaults of arguments that are given a
    number or a text by their values. What a module computes as it is imported is not compared, see
    hftlab.backtest.imported_code. `instead` has objects to
    look at in place of the module's own, by name. Modules that an import hook rewrites are taken to be as their files
    say.
    """
    if type(getattr(module, "__loader__", None)) is not SourceFileLoader:
        return None
    try:
        parsed = _parsed(text)
    except (SyntaxError, ValueError):
        return "its syntax"
    except (RecursionError, MemoryError, SystemError):  # too deep from here, though not where it was imported
        return None
    comparison = _Comparison(parsed, module.__name__, PurePath(str(module.__file__)).name)
    names = {**vars(module), **(instead or {})}
    return next(comparison.differences(parsed.tree, names, "", is_plain=parsed.is_plain), None)


def parsed_tree(text: bytes) -> ast.Module:
    """Parse a module's text; what there is to warn of was said when it was imported. Raises as ast.parse()."""
    with _quiet():
        return ast.parse(text)


def compiled_text(text: bytes) -> types.CodeType:
    """Compile a module's text, without warnings. Raises as compile()."""
    with _quiet():
        return compile(text, "<source>", "exec", dont_inherit=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Compile without warnings, one thread at a time: Python 3.11 counts the depth of trees for all together."""
    with _compiling, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def skeleton(text: bytes) -> str:
    """Return what a text says beside the functions and plain values that difference() compares.

    Of two texts with the same one, a module that difference() finds to be as the second says is of the second,
    whichever it was imported from. Comments and lines do not count. Raises as ast.parse().
    """
    tree = parsed_tree(text)
    _strip(tree, frozenset(_set_elsewhere(tree)), is_plain=_is_plain(tree))
    return ast.dump(tree)


class _Parsed(NamedTuple):
    tree: ast.Module
    codes: dict[str, list[tuple[Any, ...]]]
    """Identities of the code of all functions by their qualified names."""
    set_elsewhere: frozenset[str]
    """Names that functions set, and attributes that anything sets."""
    is_plain: bool
    """False if the text may set names that do not stand in it."""


@functools.lru_cache(maxsize=256)
def _parsed(text: bytes) -> _Parsed:
    codes: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    tree = parsed_tree(text)
    waiting = [compiled_text(text)]
    while waiting:
        inner = [one for one in waiting.pop().co_consts if isinstance(one, types.CodeType)]
        for one in inner:
            codes[one.co_qualname].append(code_contents(one))
        waiting += inner
    return _Parsed(tree, codes, frozenset(_set_elsewhere(tree)), _is_plain(tree))


def code_contents(
    code: types.CodeType, shorten: Callable[[types.CodeType], object] = lambda _: None
) -> tuple[Any, ...]:
    """Return what code does, without the lines that it is at and what tracers have made of its bytes.

    `shorten` returns what stands for a code within it, None for its contents.
    """
    return (
        code.co_code,
        tuple(_constant(one, shorten) for one in code.co_consts),
        (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars),
        (
            code.co_argcount,
            code.co_posonlyargcount,
            code.co_kwonlyargcount,
            code.co_flags & _FLAGS,
        ),
        code.co_exceptiontable,
    )


def _constant(value: object, shorten: Callable[[types.CodeType], object] = lambda _: None) -> object:
    """Return a constant of code so that 1, 1.0 and True are three."""
    if isinstance(value, types.CodeType):
        short = shorten(value)
        return code_contents(value, shorten) if short is None else short
    if isinstance(value, tuple):
        return (tuple, *map(_constant, value))
    if isinstance(value, frozenset):
        return (frozenset, frozenset(map(_constant, value)))
    return (type(value), repr(value) if isinstance(value, float | complex) else value)


def _set_elsewhere(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from node.names
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield node.attr


def _is_plain(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in _DYNAMIC:
                return False
            case ast.alias(name="*"):
                return False
            case _:
                pass
    return True


class _Comparison(NamedTuple):
    parsed: _Parsed
    module: str
    file: str
    """Name of the module's file, that its functions have been compiled from."""

    def differences(self, scope: _Scope, names: Mapping[str, Any], path: str, *, is_plain: bool) -> Iterator[str]:
        """Return the names within a module or a class that are not what the text says.

        `is_plain` says that nothing but the statements that are looked at can have set them.
        """
        for name, node in _comparable(scope, self.parsed.set_elsewhere):
            found = names.get(_mangled(name, scope), _ABSENT)
            is_as_written = is_plain and all(map(_adds_only, getattr(node, "decorator_list", ())))
            if isinstance(node, ast.ClassDef):
                if inspect.isclass(found) and found.__qualname__ == f"{path}{name}":
                    yield from self.differences(
                        node, vars(found), f"{path}{name}.", is_plain=is_as_written and _is_plain_class(found)
                    )
                elif found is _ABSENT and is_as_written:
                    yield f"{path}{name}"
            elif isinstance(node, _FUNCTION):
                if (found is _ABSENT and is_as_written) or self._is_another_function(node, found, f"{path}{name}"):
                    yield f"{path}{name}"
            elif is_plain and isinstance(node, ast.expr) and _is_another(node, found):
                yield f"{path}{name}"

    def _is_another_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, found: Any, name: str) -> bool:
        """True if a function was compiled from the module's file, which does not have it."""
        function = _function(found)
        if function is None or function.__code__.co_qualname != name:
            return False
        if (
            PurePath(function.__code__.co_filename).name != self.file
            or function.__globals__.get("__name__") != self.module
        ):
            return False
        if code_contents(function.__code__) not in self.parsed.codes[name]:
            return True
        given = zip(reversed(node.args.defaults), reversed(function.__defaults__ or ()), strict=False)
        by_name, kinds = function.__kwdefaults__ or {}, zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        named = ((one, by_name.get(arg.arg)) for arg, one in kinds)
        return any(one is not None and _is_another(one, value) for one, value in (*given, *named))


def _comparable(
    scope: _Scope, set_elsewhere: frozenset[str]
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr]]:
    """Return the names that a module or class binds once, by a function, a class or a value, and what it gives them."""
    counts = Counter(_bound(scope))
    for node in scope.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                name, value = node.name, node
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                pass
            case _:
                continue
        if counts[name] == 1 and name not in set_elsewhere:
            yield name, value


def _adds_only(decorator: ast.expr) -> bool:
    """True if a decorator lets be what is in a class."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in _ADD_ONLY


def _is_plain_class(found: type) -> bool:
    """True if neither a metaclass nor a base class has a say in what a class has."""
    said = [one for one in found.__mro__[1:] if one.__module__.partition(".")[0] not in ("builtins", "hftlab", "abc")]
    return type(found) in (type, ABCMeta) and not any("__init_subclass__" in vars(one) for one in said)


def _function(value: Any) -> types.FunctionType | None:
    """Return the function within what decorators have made of it."""
    try:
        for name in ("__func__", "fget", "func", "py_func"):
            value = getattr(value, name, value)
        value = inspect.unwrap(value) if callable(value) and not inspect.isclass(value) else value
        value = getattr(value, "py_func", value)
    except Exception:  # whatever the attributes of an object of somebody's own raise
        return None
    return value if isinstance(value, types.FunctionType) else None


def _is_another(node: ast.expr, found: Any) -> bool:
    """True if an expression is a plain value, and what was found is another plain value."""
    try:
        said = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    if type(said) not in _SCALARS or type(found) not in _SCALARS:
        return False
    return _constant(said) != _constant(found)


def _bound(scope: _Scope) -> Iterator[str]:
    """Return the names that the statements of a module or of a class bind or delete, as often as they do."""
    waiting: list[ast.AST] = [*scope.body]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.alias():
                yield (node.asname or node.name).partition(".")[0]
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.MatchMapping(rest=str(name)):
                yield name
            case _:
                pass
        if isinstance(node, (*_FUNCTION, ast.ClassDef)):
            waiting += node.decorator_list
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _mangled(name: str, scope: _Scope) -> str:
    if not isinstance(scope, ast.ClassDef) or not name.startswith("__") or name.endswith("__"):
        return name
    within = scope.name.lstrip("_")
    return f"_{within}{name}" if within else name


def _strip(scope: _Scope, set_elsewhere: frozenset[str], *, is_plain: bool) -> None:
    """Take out of a module or a class what is compared there; of a class its functions alone."""
    compared = dict(_comparable(scope, set_elsewhere))
    for node in compared.values():
        if isinstance(node, ast.ClassDef):
            _strip(node, set_elsewhere, is_plain=False)
        elif isinstance(node, _FUNCTION) and not node.decorator_list:
            node.body = []
            node.args.defaults = [_without_value(one) for one in node.args.defaults]
            node.args.kw_defaults = [one and _without_value(one) for one in node.args.kw_defaults]
        elif isinstance(node, ast.Constant) and is_plain:
            node.value = 0


def _without_value(node: ast.expr) -> ast.expr:
    return ast.Constant(value=0) if isinstance(node, ast.Constant) else node
