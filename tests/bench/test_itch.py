from __future__ import annotations

import shutil

import pytest

from hftlab.bench import itch
from hftlab.errors import HftlabError


def test_without_a_compiler_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(HftlabError, match=r"g\+\+ is not here: install it \(Debian: apt install g\+\+"):
        itch.run()
