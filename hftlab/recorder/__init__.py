"""Messages -> journal -> Parquet -> source."""

from hftlab.recorder.importing import FORMATS, Imported, import_capture
from hftlab.recorder.recording import Recording
from hftlab.recorder.recovery import Recovery, recover
from hftlab.recorder.remote import record_url
from hftlab.recorder.replay import Replay
from hftlab.recorder.session import Session, open_session
from hftlab.recorder.taps import describe, tap
from hftlab.recorder.writer import SessionWriter

__all__ = [
    "FORMATS",
    "Imported",
    "Recording",
    "Recovery",
    "Replay",
    "Session",
    "SessionWriter",
    "describe",
    "import_capture",
    "open_session",
    "record_url",
    "recover",
    "tap",
]
