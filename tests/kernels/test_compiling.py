from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hftlab.book import apply_kernel
from hftlab.kernels.compiling import _stamps


class TestCache:
    def test_knows_the_files_that_a_kernel_is_made_of(self) -> None:
        modules = {name.rpartition(".")[2] for name, _ in _stamps(vars(apply_kernel))}
        assert modules >= {"compiling", "levels", "changes", "order_table", "book_state"}

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
