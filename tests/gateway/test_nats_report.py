from __future__ import annotations

import logging
from ssl import SSLCertVerificationError, SSLError

import pytest

from hftlab.gateway.nats_report import NatsReport

SHOWN = "nats://127.0.0.1:4222"


class Told:
    """Report of a connection, and all that it has told."""

    def __init__(self, *given: str) -> None:
        self.said: list[str | None] = []
        self.report = NatsReport(SHOWN, set(given), self.said.append)


def test_a_server_that_is_not_there() -> None:
    one = Told()
    one.report.failed(ConnectionRefusedError("refused"))
    assert one.said == [f"NATS at {SHOWN} cannot be reached (refused): start nats-server there, or check the address"]
    one.report.connected()
    assert one.said[-1] is None
    assert one.report.problem is None


def test_the_advice_on_credentials_depends_on_whether_some_are_given() -> None:
    refusal = Exception("nats: 'Authorization Violation'")
    assert (
        Told()
        .report.explained(refusal)
        .endswith(": give --nats-user and --nats-password, --nats-token or --nats-creds")
    )
    assert ": check what is given as --nats-user" in Told("user").report.explained(refusal)


@pytest.mark.parametrize(
    ("code", "advice"),
    [(10, "renew the certificate"), (62, "an address that its certificate names"), (19, "give --nats-ca")],
)
def test_a_certificate_that_is_not_trusted(code: int, advice: str) -> None:
    error = SSLCertVerificationError("not trusted")
    error.verify_code = code
    assert advice in Told().report.explained(error)


def test_what_is_certain_stays_told_while_attempts_are_cut_off_until_there_is_a_connection() -> None:
    one = Told()
    one.report.failed(SSLError("wrong"))
    certain = one.report.problem
    one.report.failed(ConnectionResetError("cut"))
    assert one.report.problem == certain
    one.report.connected()
    one.report.failed(ConnectionResetError("cut"))
    assert "cannot be reached (cut)" in str(one.report.problem)


def test_sentences_are_logged_once_and_not_before_the_start(caplog: pytest.LogCaptureFixture) -> None:
    one = Told()
    with caplog.at_level(logging.WARNING, logger="hftlab.gateway"):
        one.report.failed(ConnectionRefusedError("refused"))
        assert caplog.messages == []
        one.report.start()
        one.report.lost()
        one.report.lost()
        one.report.connected()
    said = [message.removeprefix("event=") for message in caplog.messages]
    assert said == [f"the connection to NATS at {SHOWN} is lost", f"NATS at {SHOWN} is reached again"]
