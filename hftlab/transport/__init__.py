"""Parts of every outgoing connection: addresses, back-off, health, recovery and clock offsets, without I/O."""

__all__: list[str] = []
