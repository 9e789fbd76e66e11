"""Programs that some tests need: without them they are skipped, but in CI, which installs all of them, they fail."""

from __future__ import annotations

import os
import shutil
from typing import Final, NoReturn

import pytest

__all__ = ["CI", "absent", "program"]

CI: Final = "HFTLAB_CI"
"""The environment variable that .ci/run sets to 1."""


def program(name: str, package: str) -> str:
    """The path of a program of a Debian package; without it the calling test is skipped, or fails in CI."""
    return shutil.which(name) or absent(f"needs {name} (Debian: apt install {package})")


def absent(reason: str) -> NoReturn:
    """Skip the calling test, or fail it in CI."""
    if os.environ.get(CI) == "1":
        pytest.fail(f"{reason}, which {CI}=1 promises")
    pytest.skip(reason)
