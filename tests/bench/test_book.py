from __future__ import annotations

import sys

import pytest

from hftlab.bench import book
from hftlab.errors import HftlabError


def test_without_its_peer_it_says_which_and_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "order_book", None)
    with pytest.raises(HftlabError, match="C extension order-book, which is not installed: pip install 'order-book"):
        book.run()
