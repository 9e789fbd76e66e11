"""Options that cannot be right are refused in one sentence, with their name and what to give instead."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hftlab.cli.checks import check_address, check_hosts, check_origins, check_readable, key_of
from hftlab.errors import HftlabError, PortInUse


class TestAddress:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
    def test_one_of_this_machine_can_be_listened_on_afterwards(self, host: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        check_address(host, port)
        socket.create_server(("127.0.0.1", port)).close()

    @pytest.mark.parametrize("host", ["192.0.2.1", "a b", "no.such.host.invalid", "x" * 70 + ".example"])
    def test_another_is_refused(self, host: str) -> None:
        with pytest.raises(HftlabError, match=r"cannot listen on .+:0 \(.+\): give another --host"):
            check_address(host, 0)

    def test_an_empty_one_is_refused(self) -> None:
        with pytest.raises(HftlabError, match="--host '' is not an address: give one such as"):
            check_address("", 0)

    def test_a_port_in_use_names_who_uses_it(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with pytest.raises(PortInUse, match=f"port {port}"):
                check_address("127.0.0.1", port)


class TestNames:
    @pytest.mark.parametrize("host", ["lab.example", "lab", "lab.example:8443", "192.0.2.1", "[2001:db8::1]:8443"])
    def test_a_host_s_name(self, host: str) -> None:
        check_hosts([host])

    @pytest.mark.parametrize("host", ["x y", "", "https://lab.example", "lab.example/", "lab.example:port", "a@b"])
    def test_what_is_no_host_s_name(self, host: str) -> None:
        with pytest.raises(HftlabError, match=r"--allow-host .+ is not a host's name: give one such as lab\.example"):
            check_hosts(["lab.example", host])

    @pytest.mark.parametrize("origin", ["https://lab.example", "http://127.0.0.1:8888", "http://[::1]:8888", "null"])
    def test_an_origin(self, origin: str) -> None:
        check_origins([origin])

    @pytest.mark.parametrize(
        "origin", ["foo bar", "", "lab.example", "https://lab.example/", "https://Lab.example", "https://a@b"]
    )
    def test_what_is_no_origin(self, origin: str) -> None:
        """A slash behind the host, or a capital: no browser sends it, so it would never match."""
        with pytest.raises(
            HftlabError, match=r"--origin .+ is not the origin of a web page: give .+https://lab\.example"
        ):
            check_origins(["https://lab.example", origin])


class TestFiles:
    def test_a_key_s_option_and_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(HftlabError, match=r"--key .+absent: No such file or directory: give a file with a key"):
            key_of(tmp_path / "absent")
        with pytest.raises(HftlabError, match=r"--key .+: Is a directory: give a file with a key"):
            key_of(tmp_path)

    def test_a_certificate_s(self, tmp_path: Path) -> None:
        check_readable("--tls-key", None)
        with pytest.raises(HftlabError, match=r"--tls-key .+absent: No such file or directory: give a file that"):
            check_readable("--tls-key", tmp_path / "absent")
