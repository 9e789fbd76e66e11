"""Records a live client or server into a session."""

from hftlab.recorder.recording import Recording
from hftlab.recorder.remote import record_url
from hftlab.recorder.taps import describe, tap

__all__ = ["Recording", "describe", "record_url", "tap"]
