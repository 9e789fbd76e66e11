"""The address that EventTable had in 0.1; it is hftlab.session.event_table.EventTable now."""

from hftlab.session.event_table import EventTable

__all__ = ["EventTable"]
