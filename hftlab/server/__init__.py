"""The streaming server."""

from hftlab.server.server import DEFAULT_PORT, Server

__all__ = ["DEFAULT_PORT", "Server"]
