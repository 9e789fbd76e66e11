"""Node with the `ws` package, for peers that are written in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

__all__ = ["node_folder"]


def node_folder() -> Path | None:
    """A folder in which Node finds `ws`, installed there once; None without node, npm or its registry."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hftlab" / "node"
    if not (cache / "node_modules" / "ws").is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        install = subprocess.run(
            ["npm", "install", "--prefix", str(cache), "--no-audit", "--no-fund", "ws"],
            capture_output=True,
            check=False,
        )
        if install.returncode:
            return None
    return cache
