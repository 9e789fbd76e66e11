"""The streaming server."""

from hftlab.port import DEFAULT_PORT
from hftlab.server.auth import Tokens
from hftlab.server.connection_info import ConnectionInfo
from hftlab.server.limits import Rate, ServerLimits
from hftlab.server.server import Server

__all__ = ["DEFAULT_PORT", "ConnectionInfo", "Rate", "Server", "ServerLimits", "Tokens"]
