"""A client of NATS that comes back whatever the server has ended its connection for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nats.aio.client import Client as NatsClient

__all__ = ["lasting_client"]


def lasting_client() -> NatsClient:
    """Make a client like the library's, which gives up for good where the server says why it ends a connection.

    It says so where credentials have expired or were revoked, or there are too many connections: all of which somebody
    mends at the server, while publishers and gateways go on. Raises ImportError where nats-py is absent.
    """
    from nats.aio.client import Client
    from nats.errors import AuthorizationError, Error

    class LastingClient(Client):
        async def _process_err(self, err_msg: str) -> None:
            said = err_msg.strip("'")
            if said.lower().startswith("permissions violation"):  # the connection goes on
                await super()._process_err(err_msg)
                return
            error = AuthorizationError() if said.lower() == "authorization violation" else Error(f"nats: {said}")
            await self._process_op_err(error)
            await self._error_cb(error)

        async def _select_next_server(self) -> None:
            if self._transport is not None:
                self._transport.close()  # type: ignore[no-untyped-call] # an attempt that was refused is left open
            await super()._select_next_server()

    return LastingClient()
