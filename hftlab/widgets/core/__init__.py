"""The parts that all widgets share: the refresh loop, visibility, pictures, number formats and the page's canvas."""

__all__: list[str] = []
