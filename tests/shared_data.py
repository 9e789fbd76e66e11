"""Where the recorded market data is that some tests compare with; it lies beside the repository and not in it."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).parents[1].parent / "shared" / "data"


def shared_data(name: str) -> Path:
    """The path of a file of ../shared/data; skips the calling test where it is absent."""
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"needs the recorded market data ../shared/data/{name}, which is not in the repository")
    return path
