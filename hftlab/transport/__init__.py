"""What every outgoing connection needs: addresses, back-off, health, recovery and clock offsets."""

__all__: list[str] = []
