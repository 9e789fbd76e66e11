"""Age of files beside that of the process."""

from __future__ import annotations

import os
from pathlib import Path

from hftlab.backtest.file_age import is_older_than_process


def test_a_file_that_was_there_before_is_older() -> None:
    assert is_older_than_process(Path(os.__file__))


def test_what_was_written_linked_or_dated_back_since_is_not(tmp_path: Path) -> None:
    file, link = tmp_path / "a.py", tmp_path / "b.py"
    file.write_text("")
    os.utime(file, (0, 0))
    link.symlink_to(os.__file__)
    assert not is_older_than_process(file)
    assert not is_older_than_process(link)
    assert not is_older_than_process(tmp_path / "none.py")
