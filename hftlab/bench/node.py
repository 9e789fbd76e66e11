"""Node and its packages, for peers and clients in JavaScript or TypeScript."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

__all__ = ["node_folder"]


def node_folder(*packages: str) -> Path | None:
    """Return a folder in which Node finds `packages` (default: ws), installed once; None without Node or npm."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    wanted = packages or ("ws",)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hftlab" / "node"
    missing = [package for package in wanted if not (cache / "node_modules" / package).is_dir()]
    if missing:
        cache.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(cache), "--no-audit", "--no-fund", *missing]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
    return cache
