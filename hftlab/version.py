"""Version of this package: of the next release, with .dev0, until that release is made."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.2.0.dev0"
