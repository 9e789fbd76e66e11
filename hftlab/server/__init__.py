"""The streaming server."""

from hftlab.server.auth import Tokens
from hftlab.server.limits import Rate, ServerLimits
from hftlab.server.server import DEFAULT_PORT, Server

__all__ = ["DEFAULT_PORT", "Rate", "Server", "ServerLimits", "Tokens"]
