"""Nasdaq TotalView-ITCH 5.0: files of messages, each preceded by its length in two bytes, plain or gzip."""

from hftlab.venues.itch.reader import Decoder, Encoder, Reader, Stats, Written, message_bytes, messages, read, write

__all__ = ["Decoder", "Encoder", "Reader", "Stats", "Written", "message_bytes", "messages", "read", "write"]
