"""The reference document, where it is at hand: its examples are read from it and not copied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_DOCUMENT = Path(__file__).parents[1].parent / "shared" / "reference" / "websocket-integration.md"


def document() -> str:
    if not _DOCUMENT.is_file():
        pytest.skip("the reference document is not at ../shared/reference")
    return _DOCUMENT.read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document(), re.DOTALL)
