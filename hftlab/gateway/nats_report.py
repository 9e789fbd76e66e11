"""Errors of a connection to NATS, in sentences that say what to do."""

from __future__ import annotations

from collections.abc import Callable
from ssl import SSLCertVerificationError, SSLError
from typing import Final

from hftlab.log import get_logger

__all__ = ["NatsReport"]

_EXPIRED: Final = (9, 10)
"""Codes of OpenSSL's x509_vfy.h: not valid yet, and no more."""
_OTHER_NAME: Final = (62, 63, 64)
"""Those of a certificate for another host, e-mail or IP address."""
_NO_CERTIFICATE: Final = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE")
_CUT_OFF: Final = (BrokenPipeError, ConnectionResetError, ConnectionAbortedError)
"""Errors of an attempt that NATS has ended before it could say why."""

_log = get_logger("hftlab.gateway")


class NatsReport:
    """Report of one connection: takes errors in and tells a sentence, None when nothing is wrong any more.

    What NATS has said for certain, such as that it refuses the credentials, stays told while further attempts are cut
    off. `given` are the names of the terms that are given. Sentences are logged, each once, unless start() is still to
    come: a caller that waits for the first connection raises them.
    """

    def __init__(self, shown: str, given: set[str], told: Callable[[str | None], None]) -> None:
        self.problem: str | None = None
        self._shown, self._given, self._told = shown, given, told
        self._certain: str | None = None
        self._logged: set[str] = set()
        self._is_started = False

    def start(self) -> None:
        """Log from now on."""
        self._is_started = True

    def failed(self, error: Exception) -> None:
        """Take in why an attempt to connect has failed."""
        said = self.explained(error)
        if self._is_certain(error):
            self._certain = said
        elif self._certain is not None and isinstance(error, _CUT_OFF):
            said = self._certain
        self._say(said)

    def lost(self) -> None:
        """Take in that the connection is lost."""
        self._say(f"the connection to NATS at {self._shown} is lost")

    def connected(self) -> None:
        """Take in that there is a connection."""
        if self._logged:
            _log.warning(f"NATS at {self._shown} is reached again")
        self._logged.clear()
        self.problem = self._certain = None
        self._told(None)

    def _say(self, problem: str) -> None:
        self.problem = problem
        if self._is_started and problem not in self._logged:
            self._logged.add(problem)
            _log.warning(problem)
        self._told(problem)

    # --- sentences ---

    def explained(self, error: Exception) -> str:
        """Say what an error means, and what to do."""
        from nats.errors import SecureConnWantedError

        said = str(error) or type(error).__name__
        if _is_refusal(error):
            return f"NATS at {self._shown} refuses the credentials ({said}): {self._how_to_sign_in()}"
        if isinstance(error, SecureConnWantedError):
            return (
                f"NATS at {self._shown} does not speak TLS, and nothing was sent to it: set up `tls` in it, or give "
                "an address nats:// and no certificates"
            )
        if isinstance(error, SSLError):
            return f"TLS to NATS at {self._shown} fails ({said}): {self._how_to_trust(error)}"
        return f"NATS at {self._shown} cannot be reached ({said}): start nats-server there, or check the address"

    def denied(self, error: Exception) -> str:
        """Say what a violation of permissions means, and what to do."""
        return (
            f"NATS at {self._shown} does not permit what a cluster needs ({error}): give its user the permissions that "
            "are listed under `NATS' credentials and TLS` in the page on gateways, or sign in as another"
        )

    def _how_to_sign_in(self) -> str:
        if self._given.isdisjoint({"user", "token", "credentials"}):
            return "give --nats-user and --nats-password, --nats-token or --nats-creds"
        return "check what is given as --nats-user and --nats-password, --nats-token or --nats-creds"

    def _how_to_trust(self, error: SSLError) -> str:
        reason = getattr(error, "reason", None) or ""  # errors that OpenSSL has not made have none
        if isinstance(error, SSLCertVerificationError):
            if error.verify_code in _EXPIRED:
                return "renew the certificate of nats-server, or set this machine's clock right"
            if error.verify_code in _OTHER_NAME:
                return "give an address that its certificate names, or make nats-server one for this address"
            return "give --nats-ca with the authority of its certificate"
        if "tls_cert" in self._given and "ALERT" in reason:
            return "nats-server does not take the certificate of --nats-cert: give one of an authority that it trusts"
        if reason.endswith(_NO_CERTIFICATE):
            return "nats-server asks for a certificate: give --nats-cert and --nats-key"
        return "is it nats-server, and does it speak TLS there?"

    def _is_certain(self, error: Exception) -> bool:
        return _is_refusal(error) or isinstance(error, SSLError)


def _is_refusal(error: Exception) -> bool:
    """True if NATS has refused the credentials."""
    said = str(error).lower()
    return "authorization" in said or "authentication" in said
