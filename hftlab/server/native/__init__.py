"""Recordings served in a venue's own wire, beside ours and on the same port."""

__all__: list[str] = []
