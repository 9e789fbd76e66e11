"""Records a live client or server into a session."""

from __future__ import annotations

from typing import Any

from hftlab.recorder import moved
from hftlab.recorder.recording import Recording
from hftlab.recorder.remote import record_url
from hftlab.recorder.taps import describe, tap

__all__ = ["Recording", "describe", "record_url", "tap"]

moved.register()


def __getattr__(name: str) -> Any:
    """Find what was here in 0.1, so that programs written for it go on working."""
    return moved.find(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *moved.NAMES, *moved.MODULES})
