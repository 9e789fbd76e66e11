"""A client of NATS that comes back whatever the server has ended its connection for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nats.aio.client import Client as NatsClient

__all__ = ["lasting_client"]


def lasting_client(*, needs_tls: bool = False) -> NatsClient:
    """Make a client like the library's, which gives up for good where the server says why it ends a connection.

    It says so where credentials have expired or were revoked, or there are too many connections: all of which somebody
    mends at the server, while publishers and gateways go on. The library uses TLS where the server asks for it; this
    one never goes on without at an address tls://, nor anywhere with `needs_tls`: who sits between could have taken the
    question out. Raises ImportError where nats-py is absent.
    """
    from nats.aio.client import Client
    from nats.errors import AuthorizationError, Error, SecureConnWantedError

    class LastingClient(Client):
        async def _process_err(self, err_msg: str) -> None:
            said = err_msg.strip("'")
            if said.lower().startswith("permissions violation"):  # the connection goes on
                await super()._process_err(err_msg)
                return
            error = AuthorizationError() if said.lower() == "authorization violation" else Error(f"nats: {said}")
            await self._process_op_err(error)
            await self._error_cb(error)

        async def _process_msg(self, *of_message: Any) -> None:
            self._pings_outstanding = 0  # what comes shows life; an answer may be behind all that JetStream has to send
            await super()._process_msg(*of_message)

        async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
            server = self._current_server
            if initial_connection and (needs_tls or (server is not None and server.uri.scheme == "tls")):
                if not (info.get("tls_required") or info.get("tls_available")):
                    raise SecureConnWantedError
                info["tls_required"] = True
            await super()._process_info(info, initial_connection)

        def _connect_command(self) -> bytes:
            transport = getattr(getattr(self._transport, "_io_writer", None), "transport", None)
            if transport is not None and transport.get_extra_info("sslcontext") is not None:
                # The library changes to TLS in a way that the protocol does not notice, which asyncio warns of.
                protocol = transport.get_protocol()
                if protocol is not None:  # it is gone where NATS has refused a certificate
                    protocol._over_ssl = True
            return super()._connect_command()

        async def _select_next_server(self) -> None:
            if self._transport is not None:
                self._transport.close()  # type: ignore[no-untyped-call] # an attempt that was refused is left open
            await super()._select_next_server()

    return LastingClient()
