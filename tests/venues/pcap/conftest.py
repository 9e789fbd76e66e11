from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test may write a capture."""
    return tmp_path / "capture.pcap"
