"""Records a live client or server into a session."""

from __future__ import annotations

import importlib
from typing import Any

from hftlab.recorder.recording import Recording
from hftlab.recorder.remote import record_url
from hftlab.recorder.taps import describe, tap

__all__ = ["Recording", "describe", "record_url", "tap"]

_MOVED = {
    "FORMATS": "ingest",
    "Imported": "ingest",
    "Recovery": "session",
    "Replay": "session",
    "Session": "session",
    "SessionWriter": "session",
    "import_capture": "ingest",
    "open_session": "session",
    "recover": "session",
}
"""Packages of names that were in this one in 0.1, so that programs written for it go on working."""


def __getattr__(name: str) -> Any:
    if name not in _MOVED:
        raise AttributeError(f"module 'hftlab.recorder' has no attribute {name!r}")
    return getattr(importlib.import_module(f"hftlab.{_MOVED[name]}"), name)
