"""Card that a notebook shows of an error of hftlab: what is wrong, the user's own line, and a line to paste instead.

IPython asks an exception for it (`_render_traceback_`). The frames of hftlab, of Python's library and of installed
packages are left out; `%tb` shows all of them.
"""

from __future__ import annotations

import linecache
import re
import sys
import sysconfig
import textwrap
import traceback
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any, Final, NamedTuple, Protocol

from hftlab.corrected_line import corrected, receiver
from hftlab.printable import printable

__all__ = ["AdvisedError", "error_card", "full_traceback", "is_own", "wants_all"]

_FRAMES: Final = 4
_LINES: Final = 8
_WIDTH: Final = 78
"""Columns of a sentence: JupyterLab would break longer lines in the middle of a word."""
_RED, _GREEN, _BOLD, _PLAIN = "\x1b[1;31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"


class AdvisedError(Protocol):
    """An exception with advice; see hftlab.errors.HftlabError."""

    __traceback__: TracebackType | None
    __cause__: BaseException | None
    __context__: BaseException | None
    __suppress_context__: bool

    @property
    def paste(self) -> str | None: ...
    @property
    def instead(self) -> Mapping[Any, str]: ...
    @property
    def arguments(self) -> Mapping[str, str]: ...


class _Line(NamedTuple):
    """Line of the user's that an error came through, and which of its characters."""

    file: str
    function: str
    first: int
    last: int
    column: int | None


def error_card(error: AdvisedError) -> list[str]:
    """Return the lines of the card, with ANSI colours unless IPython has none."""
    lines = list(_own_lines(error.__traceback__))
    text = _sentence(error)
    for line in lines[-_FRAMES:]:
        text += ["", *_shown(line)]
    for cause in islice(_causes(error), _FRAMES):
        text += ["", *_sentence(cause, "Caused by ")]
        for line in list(_own_lines(cause.__traceback__))[-1:]:
            text += _shown(line)
    text += _advice(error, lines[-1] if lines else None)
    text += ["", "%tb shows the full traceback."]
    return [_painted(line) for line in text]


def _sentence(error: object, before: str = "") -> list[str]:
    """Return what an error says behind its name, and its notes, in lines."""
    name = type(error).__name__
    first, *more = _wrapped(f"{before}{name}: {error}")
    for note in getattr(error, "__notes__", ()):
        more += _wrapped(str(note))
    return [first.replace(name, f"{_RED}{name}{_PLAIN}", 1), *more]


def _wrapped(text: str) -> list[str]:
    """Return a text in lines; what a terminal would act on is escaped, as the causes of an error may be anybody's."""
    lines = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [printable(line) for line in lines]


def full_traceback(error: BaseException) -> list[str]:
    """Return the lines that IPython would show of any other error."""
    shell = _shell()
    if shell is None:
        return traceback.format_exception(error)
    text: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
    return text


def wants_all() -> bool:
    """Tell whether the user has asked IPython for all of every traceback, by `%xmode Verbose`."""
    return getattr(getattr(_shell(), "InteractiveTB", None), "mode", "") == "Verbose"


def _advice(error: AdvisedError, line: _Line | None) -> list[str]:
    meant = [code.strip("'\"") for code in error.instead.values()]
    paste = error.paste if line is None else _pasted(error, line)
    question = f"Did you mean {' and '.join(f'{_BOLD}{name}{_PLAIN}' for name in meant)}?" if meant else ""
    if paste is None:
        return ["", question] if question else []
    return ["", f"{question} Paste this:".lstrip(), *(f"    {_GREEN}{one}{_PLAIN}" for one in paste.splitlines())]


def _pasted(error: AdvisedError, line: _Line) -> str | None:
    """Return the line to paste: the user's own put right, or the error's with the user's name for its object."""
    source = "".join(linecache.getlines(line.file))
    if error.instead or error.arguments:
        better = corrected(source, line.first, line.column, error.instead, error.arguments)
        if better is not None:
            return better
    if error.paste is None:
        return None
    object_name = re.match(r"(?:await )?(client|server)(?=\.)", error.paste)
    name = receiver(source, line.first, line.column)
    if object_name is None or name is None or name in ("hl", "hftlab"):
        return error.paste
    return error.paste[: object_name.start(1)] + name + error.paste[object_name.end(1) :]


def _causes(error: AdvisedError) -> Iterator[BaseException]:
    """Yield the errors before this one that a reader has to know of: its cause, or what was handled when it came."""
    one = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    while one is not None:
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


# --- the user's lines ---


def _own_lines(trace: TracebackType | None) -> Iterator[_Line]:
    """Yield the lines of a traceback that are the user's, outermost first."""
    while trace is not None:
        code = trace.tb_frame.f_code
        if is_own(code.co_filename):
            yield _line(code, trace)
        trace = trace.tb_next


def _line(code: CodeType, trace: TracebackType) -> _Line:
    first, last, column, _ = next(islice(code.co_positions(), trace.tb_lasti // 2, None), (None,) * 4)
    function = "" if code.co_name == "<module>" else code.co_name
    return _Line(code.co_filename, function, first or trace.tb_lineno, last or trace.tb_lineno, column)


def is_own(file: str) -> bool:
    """Tell whether code is the user's: not of hftlab, of Python's library or of an installed package."""
    if file.startswith("<") and not file.startswith("<ipython"):
        return False
    return not any(Path(file).is_relative_to(folder) for folder in _FOREIGN)


_FOREIGN: Final = frozenset(
    {
        Path(__file__).parent,
        *(Path(path) for name in ("stdlib", "platstdlib", "purelib", "platlib") if (path := sysconfig.get_path(name))),
    }
)
"""Folders whose code is not the user's: hftlab, Python's library, installed packages."""


def _shown(line: _Line) -> list[str]:
    """Show where a line is, and the line itself behind an arrow."""
    inside = f", in {line.function}()" if line.function else ""
    text = [f"{_BOLD}{_place(line.file)}, line {line.first}{_PLAIN}{inside}"]
    numbers = range(line.first, min(line.last, line.first + _LINES - 1) + 1)
    width = len(str(numbers[-1]))
    for number in numbers:
        code = linecache.getline(line.file, number).rstrip("\n")
        arrow = f"{_GREEN}---->{_PLAIN}" if number == line.first else "     "
        text.append(f"{arrow} {number:{width}} {code}")
    return text


def _place(file: str) -> str:
    """Name a file, or the cell that IPython has compiled as this file."""
    named = getattr(getattr(_shell(), "compile", None), "format_code_name", lambda _: None)(file)
    return file if named is None else " ".join(named)


# --- IPython ---


def _shell() -> Any:
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()


def _painted(line: str) -> str:
    """Return a line in the colours that can be read where it is shown."""
    shell = _shell()
    if str(getattr(shell, "colors", "")).casefold() == "nocolor":
        bold = plain = ""
    elif hasattr(shell, "kernel"):
        # Notebooks put errors on red, light or dark, on which red and green can hardly be read.
        bold, plain = _BOLD, _PLAIN
    else:
        return line
    for colour in (_RED, _GREEN, _BOLD):
        line = line.replace(colour, bold)
    return line.replace(_PLAIN, plain)
