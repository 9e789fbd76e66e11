"""Decorators with which hftlab compiles its loops, and arrays laid out for them."""

from __future__ import annotations

import mmap
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple, TypeVar, cast
from zlib import crc32

import numpy as np
import numpy.typing as npt
from numba import njit, typeof
from numba.core import event
from numba.core.types import BooleanLiteral, IntegerLiteral, Type

from hftlab.compilation import began, ended
from hftlab.kernels.cache_files import known, remove_outdated
from hftlab.version import __version__

__all__ = ["IntArray", "compiled", "entry_point", "i64", "in_place", "inlined", "place_of", "zeros_aligned"]

_LINE: Final = 64
_HUGE_PAGE: Final = 1 << 21
_LARGE: Final = 1 << 19  # bytes from which on a huge page, that may be empty for the most part, pays

_NUMBER: Final = (int, float, np.generic)

Function = TypeVar("Function", bound=Callable[..., Any])
IntArray = npt.NDArray[np.int64]

place_of: Final[Any] = np.uint64
"""Converts an index that is not negative: numba then need not check whether it counts from the end.

Typed Any because mypy does not take numpy's integers for ints."""

i64: Final[Any] = np.int64
"""Converts to signed: numba makes a float of a sum of signed and unsigned. Typed Any as `place_of` is."""


def compiled(function: Function) -> Function:
    """Compile with numba's njit as hftlab uses it: cached on disk, and run without the interpreter's lock."""
    return _njit(function)


def in_place(function: Function) -> Function:
    """Compile as `compiled()` does, for a loop that makes no arrays, only views of its arguments.

    The code counts no references. Otherwise each use of a NamedTuple of arrays counts every array in it, up and down,
    atomically: hundreds of operations for each row of a batch.
    """
    return _njit(function, _nrt=False)


def inlined(function: Function) -> Function:
    """Compile as `in_place()` does, for what a loop calls in each round: the code becomes part of every caller."""
    return _njit(function, _nrt=False, forceinline=True)


def entry_point(function: Function, *arguments: Any) -> Function:
    """Compile a function for the types of these arguments, and return its machine code, which is called the same way.

    For a kernel that is called often and does little: numba's look at the types of all arrays of its NamedTuples takes
    longer than such a call. The code takes the types for granted: only arguments of the same types may be passed.
    One of numba's types stands for itself: a function that is passed is of its own type otherwise, and the kernel
    compiled anew for each.
    """
    dispatcher: Any = function
    types = tuple(argument if isinstance(argument, Type) else typeof(argument) for argument in arguments)
    dispatcher.compile(types)
    return cast("Function", dispatcher.overloads[types].entry_point)


def zeros_aligned(count: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Make zeros that begin at a cache line, so that no record of 8, 16, 32 or 64 bytes lies across two lines.

    Large ones begin at a huge page, where Linux gives them: reads all over the place then need not look up pages.
    """
    size = count * np.dtype(dtype).itemsize
    memory, step = (np.zeros(size + _LINE, np.uint8), _LINE) if size < _LARGE else _huge_pages(size + _HUGE_PAGE)
    start = -memory.ctypes.data % step
    return memory[start : start + size].view(dtype)


def _huge_pages(size: int) -> tuple[npt.NDArray[np.uint8], int]:
    """Get memory that may have huge pages, all zeros, and the step at which these begin."""
    if sys.platform != "linux":
        return np.zeros(size, np.uint8), _LINE
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    # A kernel without huge pages refuses the advice.
    with suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8), _HUGE_PAGE


def _njit(function: Function, **options: Any) -> Function:
    options |= {"nogil": True, "error_model": "numpy"}
    try:
        dispatcher = njit(cache=True, **options)(function)
    except RuntimeError:  # numba finds neither a folder beside the file nor one of the user's that it may write to
        warnings.warn(
            "hftlab compiles its kernels in every process, which takes minutes, as it may write neither beside its own "
            "files nor to the user's cache: set NUMBA_CACHE_DIR to a folder that it may write to",
            RuntimeWarning,
            stacklevel=3,
        )
        return cast("Function", _for_all_constants(njit(**options)(function)))
    # numba compiles again when the function's own file has changed; the code of other files that it calls counts too,
    # and so does the version: an installer may give the files of each the same times.
    cache = getattr(dispatcher, "_cache", None)
    file = getattr(cache, "_cache_file", None)
    if file is not None:
        file._source_stamp = file._source_stamp, __version__, *sorted(_stamps(function.__globals__))
        file._load_index = _forgiving(file._load_index)
        file._load_data = _missing_if_damaged(file._load_data)
        file.save = _unless_full(file.save)
        if function.__module__.startswith("hftlab."):  # a user's module may have kernels that are not made here
            folder, base = file._cache_path, file._index_name.removesuffix(".nbi")
            known(folder, base)
            file._save_index = _tidying(file._save_index, folder, base)
    return cast("Function", _for_all_constants(dispatcher))


def _for_all_constants(dispatcher: Any) -> Any:
    """Have calls with constants compiled for the type of these, and not anew for each number that a caller passes.

    numba does that for nothing: LLVM knows the number where the code becomes part of its caller. It made a third of all
    compilations.
    """
    template_of = dispatcher.get_call_template

    def get_call_template(args: Iterable[Any], kws: Mapping[str, Any]) -> Any:
        return template_of(tuple(map(_of_no_constant, args)), {name: _of_no_constant(kws[name]) for name in kws})

    dispatcher.get_call_template = get_call_template
    return dispatcher


def _of_no_constant(kind: Any) -> Any:
    return kind.literal_type if isinstance(kind, IntegerLiteral | BooleanLiteral) else kind


def _tidying(save_index: Callable[[dict[Any, Any]], None], folder: str, base: str) -> Callable[[dict[Any, Any]], None]:
    """Remove what earlier versions have left when something new is kept, so that the folder does not grow for ever."""

    def save(overloads: dict[Any, Any]) -> None:
        save_index(overloads)
        remove_outdated(folder, base)

    return save


class _Told(event.Listener):  # type: ignore[misc]  # numba has no types
    """Tells hftlab.compilation of our kernels that numba compiles, as opposed to reading them from its cache."""

    def __init__(self) -> None:
        self._depth = 0

    def on_start(self, event: Any) -> None:
        name = _kernel_of(event)
        if name is not None:
            self._depth += 1  # what a kernel calls is compiled within it
            began(name)

    def on_end(self, event: Any) -> None:
        if _kernel_of(event) is not None:
            self._depth -= 1
            if self._depth == 0:
                ended()


def _kernel_of(event: Any) -> str | None:
    """Return the name of the kernel that an event is about, None if it is not ours."""
    function = getattr((event.data or {}).get("dispatcher"), "py_func", None)
    module = getattr(function, "__module__", None) or ""
    return f"{module}.{function.__name__}" if function is not None and module.startswith("hftlab.") else None


# numba compiles on one thread at a time, under a lock of its own.
event.register("numba:compile", _Told())


def _forgiving(load_index: Callable[[], dict[Any, Any]]) -> Callable[[], dict[Any, Any]]:
    """Take an index that cannot be read for an empty one: damaged, or of an older hftlab whose modules are gone."""

    def load() -> dict[Any, Any]:
        try:
            return load_index()
        except Exception:  # damaged pickles raise anything
            return {}

    return load


def _missing_if_damaged(load_data: Callable[[str], Any]) -> Callable[[str], Any]:
    """Take code that cannot be read, as after a loss of power, for code that is not there: numba compiles it again."""

    def load(name: str) -> Any:
        try:
            return load_data(name)
        except Exception as error:
            raise FileNotFoundError(f"{name} is damaged") from error

    return load


def _unless_full(save: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Go on with a kernel that has been compiled but cannot be kept, as on a full disk."""

    def save_if_possible(key: Any, data: Any) -> None:
        try:
            save(key, data)
        except OSError as error:
            warnings.warn(f"a compiled kernel is not kept for the next process: {error}", RuntimeWarning, stacklevel=2)

    return save_if_possible


def _stamps(names: dict[str, Any]) -> set[tuple[str, int]]:
    """Find what machine code is made of: the modules of hftlab that some names come from, and those that they use.

    Modules are told by their files' times; constants, which do not say where they come from, by their values.
    """
    found: dict[str, int] = {}
    constants, modules = _look_at(names)
    waiting = [modules]
    while waiting:
        for name in waiting.pop() - found.keys():
            module = sys.modules.get(name)
            if module is None:
                continue
            looked = _look_at_module(name, module)
            found[name] = looked.changed
            if vars(module) is not names:
                constants |= looked.constants
                waiting.append(looked.modules)
    return {*found.items(), *constants}


class _Looked(NamedTuple):
    """Names of a module, as far as machine code depends on them."""

    spec: object
    changed: int  # ns, when its file was
    constants: set[tuple[str, int]]
    modules: set[str]


_looked: Final[dict[str, _Looked]] = {}
"""Modules whose import has ended, by name: hundreds of kernels use the same ones."""


def _look_at_module(name: str, module: ModuleType) -> _Looked:
    spec = module.__spec__  # another one after the module was imported again
    known = _looked.get(name)
    if known is not None and known.spec is spec:
        return known
    looked = _Looked(spec, Path(str(module.__file__)).stat().st_mtime_ns, *_look_at(vars(module)))
    if not getattr(spec, "_initializing", True):
        _looked[name] = looked
    return looked


def _look_at(names: dict[str, Any]) -> tuple[set[tuple[str, int]], set[str]]:
    """Find the constants among some names, and the modules of hftlab that the others come from."""
    constants: set[tuple[str, int]] = set()
    modules: set[str] = set()
    for own, value in names.items():
        if isinstance(value, _NUMBER) or (isinstance(value, tuple) and all(isinstance(one, _NUMBER) for one in value)):
            constants.add((own, crc32(repr(value).encode())))
        elif isinstance(value, np.ndarray):
            constants.add((own, crc32(value.tobytes())))
        name = getattr(value, "__module__", None)
        if isinstance(name, str) and name.startswith("hftlab."):
            modules.add(name)
    return constants, modules
