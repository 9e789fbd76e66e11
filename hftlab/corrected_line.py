"""A statement of the user's with values and arguments put right, so that it can be pasted."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

__all__ = ["corrected", "receiver"]

_PARTS: Final = (".trading", ".replay", ".metrics")
"""Parts of a client or a server whose calls fail as those of their owner do."""


class _Edit(NamedTuple):
    """Bytes of a source from `start` to `stop`, and what comes in their place."""

    start: int
    stop: int
    code: bytes


def corrected(
    source: str, line: int, column: int | None, instead: Mapping[Any, str], arguments: Mapping[str, str]
) -> str | None:
    """Return the statement or call at a place of some source, with other values; None if nothing in it is to change.

    `line` counts from 1, `column` in bytes from 0, as in Python's tracebacks. Each literal in `instead` becomes the
    code behind it, in the quotes that it had (a list is found as a tuple); `arguments` are set in the call that begins
    there.
    """
    whole = _around(source, line, column)
    if whole is None:
        return None
    offsets, text = _offsets(source), source.encode()
    edits = list(_arguments(_call(whole, line, column), offsets, text, arguments))
    for literal in _literals(whole, offsets, text, instead):
        if not any(edit.start <= literal.start < edit.stop for edit in edits):
            edits.append(literal)
    if not edits:
        return None
    start, stop = _span(whole, offsets)
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.code + text[edit.stop :]
        stop += len(edit.code) - (edit.stop - edit.start)
    code = textwrap.dedent(" " * whole.col_offset + text[start:stop].decode())
    return code if _parsed(code) is not None else None


def receiver(source: str, line: int, column: int | None) -> str | None:
    """Return what the call at a place of some source is a method of: `c` in `await c.trading.buy(...)`."""
    call = _call(_around(source, line, column), line, column)
    if call is None or not isinstance(call.func, ast.Attribute):
        return None
    owner = ast.unparse(call.func.value)
    for part in _PARTS:
        owner = owner.removesuffix(part)
    return owner if all(map(str.isidentifier, owner.split("."))) else None


def _around(source: str, line: int, column: int | None) -> ast.stmt | ast.expr | None:
    """Find the statement at a place; of one with a body, such as `with`, the call alone. None if it does not parse."""
    tree = _parsed(source)
    if tree is None:
        return None
    found: ast.stmt | None = None
    for node in ast.walk(tree):  # outer ones come first
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            found = node
    return _call(found, line, column) if hasattr(found, "body") else found


def _parsed(source: str) -> ast.Module | None:
    try:
        tree = compile(source, "", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError):
        return None
    assert isinstance(tree, ast.Module)
    return tree


def _call(whole: ast.AST | None, line: int, column: int | None) -> ast.Call | None:
    """Find the call that begins at a place: of a chain, such as `client.replay.seek()`, the last one."""
    if whole is None:
        return None
    calls = [one for one in ast.walk(whole) if isinstance(one, ast.Call)]  # outer ones come first
    exact = (one for one in calls if (one.lineno, one.col_offset) == (line, column))
    # Of `await client.ping()` it is the await that raises.
    return next(exact, next(iter(calls), None))


def _literals(whole: ast.AST, offsets: list[int], text: bytes, instead: Mapping[Any, str]) -> Iterator[_Edit]:
    # A number behind a sign is part of a value, and the texts of an f-string are at no place of their own.
    parts = {id(one.operand) for one in ast.walk(whole) if isinstance(one, ast.UnaryOp)}
    parts |= {id(part) for one in ast.walk(whole) if isinstance(one, ast.JoinedStr) for part in one.values}
    for node in ast.walk(whole):
        value = None if id(node) in parts else _value(node)
        for given, code in instead.items():
            if value is not None and type(value) is type(given) and value == given:
                assert isinstance(node, ast.expr)
                start, stop = _span(node, offsets)
                yield _Edit(start, stop, _quoted(code, like=text[start:]).encode())


def _quoted(code: str, like: bytes) -> str:
    """Write a text's code in the quotes that `like` begins with, unless it has some itself."""
    is_plain = code.startswith("'") and not set(code[1:-1]) & {"'", '"', "\\"}
    return f'"{code[1:-1]}"' if is_plain and like.startswith(b'"') else code


def _value(node: ast.AST) -> object:
    """Return the value of a literal, also of a negative number; a tuple for a list, None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List | ast.Tuple):
        return tuple(map(_value, node.elts))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        number = node.operand.value
        return -number if isinstance(number, int | float) else None
    return None


def _arguments(call: ast.Call | None, offsets: list[int], text: bytes, arguments: Mapping[str, str]) -> Iterator[_Edit]:
    if call is None:
        return
    given = {one.arg: one.value for one in call.keywords}
    _, end = _span(call, offsets)
    for name, code in arguments.items():
        if name in given:
            yield _Edit(*_span(given[name], offsets), code.encode())
        else:
            comma = ", " if call.args or call.keywords else ""
            # Behind the last argument and its own brackets: a comma and a comment may follow it.
            values = (*call.args, *(one.value for one in call.keywords))
            last = max((_span(one, offsets)[1] for one in values), default=end - 1)
            while text[last : end - 1].lstrip().startswith(b")"):
                last = text.index(b")", last) + 1
            yield _Edit(last, last, f"{comma}{name}={code}".encode())


def _offsets(source: str) -> list[int]:
    """Return the offset in bytes of each line."""
    offsets = [0]
    for line in source.encode().split(b"\n"):
        offsets.append(offsets[-1] + len(line) + 1)
    return offsets


def _span(node: ast.stmt | ast.expr, offsets: list[int]) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return offsets[node.lineno - 1] + node.col_offset, offsets[node.end_lineno - 1] + node.end_col_offset
