from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.session import Session
from tests.session.sessions import numbered, write_session

START = 1_767_364_200_000_000_000


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Six messages in several parts."""
    return write_session(tmp_path / "session", [(START + at, numbered(at)) for at in range(6)], segment_bytes=1000)
