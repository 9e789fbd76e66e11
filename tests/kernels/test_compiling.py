from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit, types
from numba.core import caching

from hftlab.book import apply_kernel
from hftlab.book.order_table import ORDER
from hftlab.kernels.compiling import _LARGE, IntArray, _stamps, compiled, entry_point, in_place, zeros_aligned
from hftlab.version import __version__


class TestCache:
    def test_knows_the_files_that_a_kernel_is_made_of(self) -> None:
        modules = {name.rpartition(".")[2] for name, _ in _stamps(vars(apply_kernel))}
        assert modules >= {"compiling", "levels", "changes", "order_table", "book_state"}

    def test_knows_the_constants_that_a_kernel_is_made_of(self) -> None:
        """A number does not say which module it comes from, and machine code has it built in."""
        before = _stamps(vars(apply_kernel))
        assert {name for name, _ in before} >= {"ADD", "F_LAST", "CLEAR_BOOK"}
        for changed in (apply_kernel.ADD + 1, (1, 2), (1, 3), np.int64(7), np.array([1, 2]), np.array([1, 3])):
            assert _stamps({**vars(apply_kernel), "ADD": changed}) != before
        assert _stamps(vars(apply_kernel)) == before

    def test_looks_again_at_a_module_that_is_imported_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A notebook that reloads what it works on must not get the machine code of the numbers before."""
        path = tmp_path / "made.py"
        path.write_text("LIMIT = 1\ndef limit(): return LIMIT\n")
        spec = importlib.util.spec_from_file_location("hftlab.made", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "hftlab.made", module)
        spec.loader.exec_module(module)
        names = {"limit": module.limit}
        before = _stamps(names)
        assert {name for name, _ in before} == {"hftlab.made", "LIMIT"}
        module.LIMIT = 2
        module.__spec__ = importlib.util.spec_from_file_location("hftlab.made", path)
        assert _stamps(names) != before

    def test_is_used_by_the_next_process(self) -> None:
        script = (
            "import numpy as np; from hftlab.book import BookSet; from hftlab.book.apply_kernel import apply_rows; "
            "from tests.batches import Row, make_batch; BookSet().apply(make_batch([Row('A', 'B', 1, 1)])); "
            "print(sum(apply_rows.stats.cache_hits.values()), sum(apply_rows.stats.cache_misses.values()))"
        )
        root = Path(__file__).parents[2]
        runs = [
            subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True).stdout
            for _ in range(2)
        ]
        assert runs[1] == "1 0\n"

    def test_the_constants_are_the_same_in_every_process(self) -> None:
        """A number that is the process's own would have kernels compiled anew each time: these use most modules."""
        code = (
            "from hftlab.kernels.compiling import _stamps; from hftlab.backtest import message_kernel, message_survey; "
            "print([sorted(_stamps(vars(one))) for one in (message_kernel, message_survey)])"
        )
        told = [
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
            for _ in range(2)
        ]
        assert told[0] == told[1]

    def test_is_of_one_version(self) -> None:
        """An installer may give the files of two versions the same times."""
        stamp = apply_kernel.apply_rows._cache._cache_file._source_stamp  # type: ignore[attr-defined]
        assert __version__ in stamp


class TestDamagedCache:
    """Files that a loss of power has cut, or a full disk: the kernel is compiled again, and kept again."""

    def kernel(self, folder: Path) -> Any:
        """The kernel of a new process."""
        path = folder / "mine.py"
        if not path.exists():
            path.write_text(
                "from hftlab.kernels.compiling import compiled\n@compiled\ndef doubled(x):\n    return 2 * x\n"
            )
        spec = importlib.util.spec_from_file_location("mine", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.doubled

    @pytest.mark.parametrize("left", [0, 40])
    @pytest.mark.parametrize("ending", ["nbi", "nbc"])
    def test_is_made_anew(self, tmp_path: Path, ending: str, left: int) -> None:
        assert self.kernel(tmp_path)(21) == 42
        (damaged,) = (tmp_path / "__pycache__").glob(f"*.{ending}")
        os.truncate(damaged, left)
        assert self.kernel(tmp_path)(21) == 42
        again = self.kernel(tmp_path)
        assert again(21) == 42
        assert sum(again.stats.cache_hits.values()) == 1

    def test_a_full_disk_is_said(self, tmp_path: Path) -> None:
        doubled = self.kernel(tmp_path)

        def fill(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        doubled._cache._cache_file._save_data = fill
        with pytest.warns(RuntimeWarning, match="not kept for the next process: .*No space left"):
            assert doubled(21) == 42
        assert self.kernel(tmp_path)(21) == 42


def test_a_compilation_is_told_and_a_cached_kernel_is_not(tmp_path: Path) -> None:
    script = (
        "import numpy as np; from hftlab import compilation\n"
        "class Told:\n"
        "    is_seen = True\n"
        "    def begin(self, kernel): print('begin', kernel)\n"
        "    def end(self): print('end')\n"
        "compilation.watchers.append(Told())\n"
        "from hftlab.kernels.sorted_keys import find_key; find_key(np.arange(8), 0, 8, 3)"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    runs = [
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
        ).stdout.splitlines()
        for _ in range(2)
    ]
    assert runs[1] == []
    assert runs[0] == ["begin hftlab.kernels.sorted_keys.find_key", "end"]


def test_the_cache_of_a_users_module_is_left_alone(tmp_path: Path) -> None:
    """It may have kernels that numba has made without hftlab."""
    code = "from hftlab.kernels.compiling import compiled\nimport numba\n"
    (tmp_path / "mine.py").write_text(
        code + "@numba.njit(cache=True)\ndef own(x): return x + 1\n@compiled\ndef ours(x): return x + 2\n"
    )
    script = "import mine; mine.own(1); mine.ours(1)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, cwd=tmp_path)
    kernels = {path.name.partition("-")[0] for path in (tmp_path / "__pycache__").glob("*.nbi")}
    assert kernels == {"mine.own", "mine.ours"}


def test_without_a_folder_for_its_cache_a_kernel_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is in a container with a read-only disk."""
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    with pytest.warns(RuntimeWarning, match="set NUMBA_CACHE_DIR"):
        doubled = compiled(lambda number: 2 * number)
    assert doubled(21) == 42


@compiled
def _sum(first: int, second: int, third: bool) -> int:
    return first + second if third else first - second


@compiled
def _sums(number: int) -> int:
    return _sum(number, 3, True) * _sum(4, number, False) * _sum(5, 6, third=True)


def test_constants_are_no_types_of_their_own() -> None:
    """Whatever numbers its callers pass, a kernel is compiled once."""
    assert _sums(7) == (7 + 3) * (4 - 7) * (5 + 6)
    assert _sum.signatures == [(types.int64, types.int64, types.boolean)]  # type: ignore[attr-defined]


class _Pair(NamedTuple):
    numbers: IntArray
    places: IntArray


@in_place
def _moved(pair: _Pair, by: int) -> int:
    pair.numbers[pair.places[0]] += by
    return int(pair.numbers[pair.places[0]])


def test_an_entry_point_does_what_its_function_does() -> None:
    pair = _Pair(np.arange(3), np.array([2]))
    code = entry_point(_moved, pair, 1)
    assert [code(pair, 5), _moved(pair, 5), code(pair, -1)] == [7, 12, 11]
    assert pair.numbers.tolist() == [0, 1, 11]
    assert code is not _moved
    assert entry_point(_moved, pair, 0) is code


@in_place
def _asked(answer: Callable[[int], int], number: int) -> int:
    return 10 * answer(number)


def _next(number: int) -> int:
    return number + 1


def _negative(number: int) -> int:
    if number < 0:
        raise ValueError("it is negative")
    return -number


def test_an_entry_point_may_be_the_same_for_all_functions_of_a_type() -> None:
    kind = types.FunctionType(types.int64(types.int64))
    code = entry_point(_asked, kind, 0)
    asked: Any = [njit(types.int64(types.int64))(one) for one in (_next, _negative)]
    assert [code(one, 4) for one in asked] == [50, -40]
    with pytest.raises(ValueError, match="it is negative"):
        code(asked[1], -1)
    assert entry_point(_asked, kind, 0) is code


class TestAlignedZeros:
    @pytest.mark.parametrize("count", [1, 1000, _LARGE // 32 - 1, _LARGE // 32, 100_000])
    def test_are_zeros_that_begin_at_a_cache_line(self, count: int) -> None:
        """So they are below the size from which on they may have huge pages, at it and above it."""
        array = zeros_aligned(count, ORDER)
        assert (array.shape, array.dtype) == ((count,), ORDER)
        assert array.ctypes.data % 64 == 0
        assert not array.view(np.uint8).any()
        array["id"] = 7
        assert (array["id"] == 7).all()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
    def test_large_ones_are_a_forked_childs_own(self) -> None:
        script = (
            "import os; from hftlab.kernels.compiling import _LARGE, zeros_aligned\n"
            "array = zeros_aligned(_LARGE, 'u1')\n"
            "child = os.fork()\n"
            "if not child: array[:] = 1; os._exit(0)\n"
            "os.waitpid(child, 0); print(array.max())"
        )
        said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        assert said == "0\n"
