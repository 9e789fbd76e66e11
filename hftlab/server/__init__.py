"""The streaming server."""

from hftlab.port import DEFAULT_PORT
from hftlab.protocol.publishing.authentication import Tokens
from hftlab.protocol.publishing.limits import Rate, ServerLimits
from hftlab.server.connection_info import ConnectionInfo
from hftlab.server.native.native_limits import NativeLimits
from hftlab.server.server import Server

__all__ = ["DEFAULT_PORT", "ConnectionInfo", "NativeLimits", "Rate", "Server", "ServerLimits", "Tokens"]
