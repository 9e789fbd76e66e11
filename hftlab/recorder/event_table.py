"""Alias of hftlab.session.event_table.EventTable under the address that it had in 0.1."""

from hftlab.session.event_table import EventTable

__all__ = ["EventTable"]
