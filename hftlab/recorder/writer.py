"""The address that SessionWriter had in 0.1; it is hftlab.session.SessionWriter now."""

from hftlab.session.writer import SessionWriter

__all__ = ["SessionWriter"]
