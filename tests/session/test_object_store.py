from __future__ import annotations

import io
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import polars as pl
import pytest
from moto.core import set_initial_no_auth_action_count

from hftlab.errors import ArgumentError, ArgumentTypeError, ObjectStoreFailed
from hftlab.session.object_path import ObjectPath
from hftlab.session.object_store import checked_options, file_system, polars_options, told
from tests.session.object_server import BUCKET, ObjectServer

KEY = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
LIMITS = {"timeout": "1", "connect_timeout": "1", "max_retries": "0"}


@pytest.fixture(scope="module")
def server(object_servers: ObjectServer) -> Iterator[ObjectServer]:
    object_servers.write("table.parquet", _table())
    yield object_servers
    object_servers.clear()


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of whoever runs the tests counts, and no request goes anywhere but where a test says."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "AZURE_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def _table() -> bytes:
    sink = io.BytesIO()
    pl.DataFrame({"a": [1, 2]}).write_parquet(sink)
    return sink.getvalue()


@contextmanager
def silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    held: list[socket.socket] = []

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                held.append(listener.accept()[0])
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    for one in held:
        one.close()


class TestOptions:
    def test_names_are_those_of_the_environment_in_any_case(self) -> None:
        given = {"AWS_REGION": "eu-west-1", "aws_allow_http": True, "AWS_DEFAULT_REGION": None, "timeout": 3}
        assert checked_options(given) == {"aws_region": "eu-west-1", "aws_allow_http": "true", "timeout": "3"}
        assert checked_options(None) == {}

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"aws_acces_key_id": "x"}, "nearest: 'aws_access_key_id'"),
            ({"timeout": "soon"}, "timeout='soon'"),
            ({"max_retries": -1}, "0 or more"),
        ],
    )
    def test_what_cannot_be_is_told(self, options: dict[str, object], said: str) -> None:
        with pytest.raises(ArgumentError, match=said):
            checked_options(options)

    def test_a_dict_is_wanted(self) -> None:
        with pytest.raises(ArgumentTypeError, match="give a dict"):
            checked_options("AWS_REGION=eu-west-1")  # type: ignore[arg-type]

    @pytest.mark.parametrize("name", ["aws_access_key_id", "aws_secret_access_key"])
    def test_a_key_has_its_secret(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(variable, raising=False)
        with pytest.raises(ArgumentError, match=f"{name} is given and aws_.* is not") as caught:
            file_system("s3", "bucket", {name: "hidden", "aws_endpoint_url": "http://127.0.0.1:1"})
        assert "hidden" not in str(caught.value)

    def test_an_endpoint_has_no_credentials(self) -> None:
        with pytest.raises(ArgumentError, match="not part of aws_endpoint_url") as caught:
            file_system("s3", "bucket", {"aws_endpoint_url": "user:hidden@127.0.0.1:1"})
        assert "hidden" not in str(caught.value)

    def test_an_endpoint_has_its_scheme(self) -> None:
        with pytest.raises(ArgumentError, match="begin it with https://"):
            ObjectPath("s3://b/x", {"aws_endpoint_url": "127.0.0.1:9000"}).is_file()

    def test_those_given_count_before_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the environment")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "of the environment's key")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
        storage = polars_options("s3", {"aws_access_key_id": "given"})["storage_options"]
        assert storage["aws_access_key_id"] == "given"
        assert "aws_session_token" not in storage
        assert storage["aws_endpoint_url"] == "http://127.0.0.1:1"
        assert storage["aws_allow_http"] == "true"

    def test_the_endpoint_of_s3_alone_counts_before_that_of_all(
        self, server: ObjectServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As with Amazon's own tools, and an endpoint that is given counts before both: for pyarrow and for polars."""
        nobody = "http://127.0.0.1:9"
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        for all_services, s3, given in ((nobody, server.url, {}), (nobody, nobody, {"aws_endpoint_url": server.url})):
            monkeypatch.setenv("AWS_ENDPOINT_URL", all_services)
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3)
            path = ObjectPath(f"s3://{BUCKET}/table.parquet", given)
            assert path.read_bytes() == _table()
            assert pl.scan_parquet(str(path), **path.polars_options).collect()["a"].to_list() == [1, 2]

    def test_a_file_system_is_made_once_for_each(self, server: ObjectServer) -> None:
        options = checked_options(server.environment)
        assert file_system("s3", BUCKET, options) is file_system("s3", BUCKET, dict(options))
        assert file_system("s3", BUCKET, options) is not file_system("s3", BUCKET, options | {"timeout": "1"})

    def test_an_account_is_needed_at_azure(self) -> None:
        with pytest.raises(ArgumentError, match="AZURE_STORAGE_ACCOUNT_NAME"):
            ObjectPath("az://container/x").is_file()

    @pytest.mark.parametrize(
        ("address", "given", "kind"),
        [
            ("gs://bucket/x", {}, "gcs"),
            (
                "az://container/x",
                {"azure_storage_account_name": "account", "azure_storage_account_key": "a2V5"},
                "abfs",
            ),
            ("s3://bucket/x", KEY | {"aws_endpoint_url": "http://127.0.0.1:1"}, "s3"),
        ],
    )
    def test_an_address_has_the_file_system_of_its_scheme(self, address: str, given: dict[str, str], kind: str) -> None:
        path = ObjectPath(address, given)
        assert file_system(path.scheme, path.bucket, path.options).type_name == kind
        assert path.place == address.partition("://")[2]
        assert str(path / "y") == f"{address}/y"

    def test_polars_reads_with_them(self, server: ObjectServer) -> None:
        options = polars_options("s3", checked_options(server.environment))
        assert pl.scan_parquet(f"s3://{BUCKET}/table.parquet", **options).collect()["a"].to_list() == [1, 2]


class TestFailures:
    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        options = {
            "aws_endpoint_url": f"http://127.0.0.1:{port}",
            "aws_access_key_id": "k",
            "aws_secret_access_key": "s",
        }
        with pytest.raises(ObjectStoreFailed, match=r"s3://b/x cannot be reached: check the network, AWS_ENDPOINT_URL"):
            ObjectPath("s3://b/x", options | LIMITS).read_bytes()

    def test_a_server_that_does_not_answer_is_given_up(self) -> None:
        with silent() as url:
            path = ObjectPath("s3://b/x", KEY | LIMITS | {"aws_endpoint_url": url})
            with pytest.raises(ObjectStoreFailed, match="cannot be reached"):
                path.read_bytes()

    def test_a_server_that_is_overloaded_is_asked_again(self, server: ObjectServer) -> None:
        left = [2]

        def refuse(method: str, path: str) -> bool:
            left[0] -= 1
            return left[0] >= 0

        server.refuse = refuse
        assert ObjectPath(f"s3://{BUCKET}/table.parquet", checked_options(server.environment)).read_bytes() == _table()
        server.refuse = lambda method, path: True
        path = ObjectPath(f"s3://{BUCKET}/table.parquet", checked_options(server.environment) | LIMITS)
        with pytest.raises(
            ObjectStoreFailed, match=r"overloaded or down: try again later \(HTTP 503 during HeadObject"
        ):
            path.read_bytes()
        server.refuse = lambda method, path: False

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            ("SLOW_DOWN during PutObject operation: Please reduce your request rate.", "overloaded or down"),
            ("INTERNAL_FAILURE during ListObjectsV2 operation: We encountered an internal error", "store has failed"),
            ("UNKNOWN (HTTP status 400) during HeadObject operation: No response body.", "which may have expired"),
            ("UNKNOWN (HTTP status 301) during HeadObject operation: No response body.", "set AWS_REGION"),
            (
                "UNKNOWN (HTTP status 400) during PutObject operation: Unable to parse ExceptionName: ExpiredToken "
                "Message: The provided token has expired.",
                "the credentials have expired: set new ones",
            ),
            ("REQUEST_TIME_TOO_SKEWED during PutObject operation: The difference is too large", "the clock"),
        ],
    )
    def test_an_answer_says_what_to_do(self, answer: str, said: str) -> None:
        """The answers are as pyarrow told them of a server that gave these codes."""
        with pytest.raises(ObjectStoreFailed, match=said) as caught, told(ObjectPath("s3://b/x")):
            raise OSError(f"When putting 'x' in bucket 'b': AWS Error {answer} (Request ID: 1)")
        assert "UNKNOWN" not in str(caught.value)
        assert "Request ID" not in str(caught.value)

    def test_wrong_credentials_are_refused(self, server: ObjectServer) -> None:
        """Moto checks signatures from the first request on, as soon as there is a user who may do everything."""
        admin = {"endpoint_url": server.url, "aws_access_key_id": "a", "aws_secret_access_key": "b"}
        iam = boto3.client("iam", region_name="us-east-1", **admin)
        iam.create_user(UserName="reader")
        allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_user_policy(UserName="reader", PolicyName="all", PolicyDocument=json.dumps(allowed))
        key = iam.create_access_key(UserName="reader")["AccessKey"]
        iam.close()
        good = checked_options(server.environment) | {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }

        @set_initial_no_auth_action_count(0)
        def checked() -> None:
            assert ObjectPath(f"s3://{BUCKET}/table.parquet", good).read_bytes() == _table()
            wrong = good | {"aws_secret_access_key": "wrong-secret-value"}
            for name in (wrong, good | {"aws_access_key_id": "AKIANOBODY"}):
                path = ObjectPath(f"s3://{BUCKET}/table.parquet", name)
                for call in (path.read_bytes, path.sizes, lambda path=path: path.write_bytes(b"x")):
                    with pytest.raises(ObjectStoreFailed, match="is refused to these credentials") as caught:
                        call()
                    assert "wrong-secret-value" not in str(caught.value)

        checked()
