"""State of a recorded market as of one time, of which a venue's own messages are written."""

__all__: list[str] = []
