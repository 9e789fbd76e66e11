"""An S3 server in this process, on a free port: moto's, which keeps objects in memory, with a log of what was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from pyarrow import fs
from werkzeug.serving import WSGIRequestHandler, make_server

BUCKET = "recordings"


class Request(NamedTuple):
    """One request: its method and path, the bytes it asked for of an object, and how many bytes the answer had."""

    method: str
    path: str
    range: str
    size: int


class ObjectServer:
    """The server's address, its log, and how to fail: `refuse(method, path)` answers 503 where it says so."""

    def __init__(self) -> None:
        self.log: list[Request] = []
        self.refuse: Callable[[str, str], bool] = lambda method, path: False
        self._app: Any = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which everything reads from this server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }

    @property
    def files(self) -> fs.S3FileSystem:
        """The server's objects, by a file system that is not hftlab's."""
        return fs.S3FileSystem(
            access_key="key",
            secret_key="secret",
            region="us-east-1",
            endpoint_override=self.url,
            allow_bucket_creation=True,
        )

    def stored(self, under: str = "") -> list[str]:
        """The keys of all objects in the bucket, or under one of its folders."""
        place = f"{BUCKET}/{under}".rstrip("/")
        infos = self.files.get_file_info(fs.FileSelector(place, recursive=True, allow_not_found=True))
        return sorted(one.path.removeprefix(f"{BUCKET}/") for one in infos if one.type == fs.FileType.File)

    def read(self, key: str) -> bytes:
        with self.files.open_input_file(f"{BUCKET}/{key}") as file:
            data: bytes = file.read()
            return data

    def write(self, key: str, data: bytes) -> None:
        with self.files.open_output_stream(f"{BUCKET}/{key}") as file:
            file.write(data)

    def place(self, key: str, data: bytes) -> None:
        """Write as write() does, without a request: also while one is answered."""
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(BUCKET, key, data)

    def clear(self) -> None:
        """Delete all objects."""
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys.clear()

    def delete(self, key: str) -> None:
        self.files.delete_file(f"{BUCKET}/{key}")

    def fetched(self, part: str = "") -> int:
        """How many bytes of objects whose path holds `part` were sent."""
        return sum(one.size for one in self.log if one.method == "GET" and part in one.path)

    @contextmanager
    def keys_beside(self, keys: Sequence[str]) -> Iterator[None]:
        """Have empty objects of these keys for as long as the block runs, also such as no client would make."""
        backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        for key in keys:
            backend.put_object(BUCKET, key, b"")
        try:
            yield
        finally:
            for key in keys:
                backend.delete_object(BUCKET, key)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].encode("latin-1").decode()
        if self.refuse(method, path):
            start("503 Service Unavailable", [("Content-Length", "0")])
            self.log.append(Request(method, path, "", 0))
            return [b""]
        parts = list(self._app(environ, start))
        size = 0 if method == "HEAD" else sum(map(len, parts))
        self.log.append(Request(method, path, environ.get("HTTP_RANGE", ""), size))
        return parts


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:
        """Nothing: what is asked is in the server's own log."""


@contextmanager
def object_server() -> Iterator[ObjectServer]:
    """Serve an empty bucket; the server ends with the block. All servers of a process have the same objects: moto's."""
    server = ObjectServer()
    try:
        server.files.create_dir(BUCKET)
        yield server
    finally:
        server.clear()
        server.close()
