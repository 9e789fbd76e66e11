"""Client's end of the protocol, as state machines without I/O."""

__all__: list[str] = []
