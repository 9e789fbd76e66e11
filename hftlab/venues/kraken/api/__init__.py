"""Kraken's public API as the venue speaks it: pairs, channels, messages, requests and errors. No I/O."""

__all__: list[str] = []
