"""Binance's public API as the venue speaks it: stream names, messages, requests, limits and errors. No I/O."""

__all__: list[str] = []
