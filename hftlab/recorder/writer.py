"""Alias of hftlab.session.SessionWriter under the address that it had in 0.1."""

from hftlab.session.writer import SessionWriter

__all__ = ["SessionWriter"]
