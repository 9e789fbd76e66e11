"""The HTTP side of the server's port: admission, endpoints and monitoring."""

__all__: list[str] = []
