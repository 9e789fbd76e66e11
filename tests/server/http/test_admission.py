"""Who may open a connection, and how many of them."""

from __future__ import annotations

import pytest
from websockets.datastructures import Headers

from hftlab.server import ServerLimits
from hftlab.server.http.admission import Admission, is_loopback


class TestAdmission:
    def test_a_lone_name_is_one_name(self) -> None:
        admission = Admission("127.0.0.1", ServerLimits(), origins="https://x", hosts="Lab.example")
        headers = Headers([("Host", "lab.example"), ("Origin", "https://x")])
        assert admission.check(headers, "/", "127.0.0.1") is None
        for host, origin, reason in (("l", "https://x", "host"), ("lab.example", "h", "origin")):
            refusal = admission.check(Headers([("Host", host), ("Origin", origin)]), "/", "127.0.0.1")
            assert refusal is not None
            assert refusal.reason == reason

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.9.1", "::ffff:127.0.0.1"])
    def test_loopback(self, host: str) -> None:
        assert is_loopback(host)

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "", "localhost.evil.example", "::ffff:192.0.2.1"])
    def test_not_loopback(self, host: str) -> None:
        assert not is_loopback(host)

    def test_an_address_has_its_share(self) -> None:
        admission = Admission("0.0.0.0", ServerLimits(connections_per_address=2))
        for _ in range(3):
            admission.enter("192.0.2.1")
            admission.enter("127.0.0.1")
        admission.enter("192.0.2.2")
        refusal = admission.check_room("192.0.2.1")
        assert refusal is not None
        assert refusal.status == 503
        assert admission.check_room("127.0.0.1") is admission.check_room("192.0.2.2") is None
        admission.leave("192.0.2.1")
        assert admission.check_room("192.0.2.1") is None

    def test_the_share_is_of_each_address(self) -> None:
        admission = Admission("0.0.0.0", ServerLimits(connections=20, connections_per_address=3))
        for _ in range(6):
            assert not admission.is_overrun("203.0.113.9")
            admission.enter("203.0.113.9")
            admission.enter("127.0.0.1")
        assert admission.is_overrun("203.0.113.9")
        assert not admission.is_overrun("127.0.0.1")
        assert not admission.is_overrun("198.51.100.7")
