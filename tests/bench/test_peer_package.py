from __future__ import annotations

import sys

import pytest

from hftlab.bench.peer_package import peer_package
from hftlab.errors import HftlabError


def test_without_the_peer_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hftbacktest", None)
    with pytest.raises(HftlabError, match="hftbacktest, which is not installed: pip install --no-deps 'hftbacktest"):
        peer_package()
