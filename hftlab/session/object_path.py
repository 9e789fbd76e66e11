"""Location of a session: a folder of this machine, or an address on an object store."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from os import PathLike, fspath
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

from hftlab.errors import ArgumentError, ArgumentTypeError, ObjectStoreFailed, SessionError
from hftlab.session.object_store import ADVICE, SCHEMES, checked_options, file_system, polars_options, told

__all__ = ["Location", "ObjectPath", "is_object_uri", "local_folder", "located"]

_URI: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)
"""An address; a letter alone before the colon is a drive of Windows."""
_CONTROL: Final = re.compile(r"[\0-\x1f\x7f]")
"""Characters that polars does not take in an address."""
_BLOCK: Final = 8 << 20
_WITH_CRC32: Final = "application/vnd.apache.parquet; crc32={:08x}"
"""Content type of a part: every store keeps it with an object, and tells it without sending the object."""
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]{8}")
_AZURE: Final = ("abfs", "abfss", "wasb", "wasbs", "adl", "azure")
"""Schemes of other tools for az://, mostly with an account behind the container: container@account.example/path."""
_SAME: Final = {"s3a": "s3", "s3n": "s3", "gcs": "gs", **dict.fromkeys(_AZURE, "az")}
"""Schemes of other tools, and those that mean the same here."""


class ObjectStat(NamedTuple):
    """Size of an object in bytes, by the name that os.stat() has for it."""

    st_size: int


class ObjectPath(PathLike[str]):
    """Address of an object, or of a folder of them, on an object store: `s3://bucket/path`.

    It has those methods of pathlib.Path that reading a session takes. Text of it is its address, which never holds
    credentials: they are its `options`, which go with it when it is pickled, and otherwise of the environment.
    """

    def __init__(self, uri: str, options: Mapping[str, str] | None = None) -> None:
        found = _URI.fullmatch(uri)
        scheme = "" if found is None else found[1].lower()
        bucket, _, key = ("", "", "") if found is None else found[2].partition("/")
        key = key.strip("/")
        if found is None or scheme not in SCHEMES:
            _refuse_scheme(uri, scheme, bucket, key)
        if "@" in bucket:  # without the address, which has what nobody should see
            raise ArgumentError(
                f"credentials are not part of an address: write {scheme}://bucket/path, see storage_options"
            )
        if not bucket:
            raise ArgumentError(f"{uri!r} has no bucket: write s3://bucket/path")
        if key and not _is_path(key):
            raise ArgumentError(f"{uri!r} has an empty name, . or .. or a control character in its path: leave it out")
        self.scheme, self.bucket, self.key = scheme, bucket, key
        self.options = dict(options or {})
        self._sizes: dict[str, int] | None = None
        """Sizes of the objects that were there when they were listed, by their keys; None before that."""

    # --- as a path ---

    def __str__(self) -> str:
        return f"{self.scheme}://{self.place}"

    def __fspath__(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"ObjectPath({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectPath) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __lt__(self, other: ObjectPath) -> bool:
        return self.parts < other.parts

    def __truediv__(self, name: str) -> ObjectPath:
        inner = ObjectPath(f"{self}/{name}", self.options)
        inner._sizes = self._sizes
        return inner

    @property
    def place(self) -> str:
        """The bucket and the key, as a file system takes them."""
        return f"{self.bucket}/{self.key}" if self.key else self.bucket

    @property
    def parts(self) -> tuple[str, ...]:
        """The bucket, and the names of the key."""
        return tuple(self.place.split("/"))

    @property
    def name(self) -> str:
        """The last name; of a whole bucket that of the bucket."""
        return self.parts[-1]

    def absolute(self) -> ObjectPath:
        """Return the address: it does not depend on a working directory."""
        return self

    def relative_to(self, root: ObjectPath) -> PurePosixPath:
        """Return the names below `root`. Raises ValueError for what is not there."""
        return PurePosixPath(self.place).relative_to(root.place)

    # --- what is there ---

    def listed(self) -> ObjectPath:
        """Return the address with what is below it at present: one request for each thousand objects.

        Whether these exist, and their sizes, is then known without a request each. Raises ObjectStoreFailed.
        """
        return self.with_sizes(self.sizes())

    def with_sizes(self, sizes: Mapping[str, int]) -> ObjectPath:
        """Return the address with what is below it, as sizes() has told it."""
        listed = ObjectPath(str(self), self.options)
        listed._sizes = {f"{self.place}/{name}": size for name, size in sizes.items()}
        return listed

    def sizes(self) -> dict[str, int]:
        """List all objects below: the size of each, by its name from here on. Raises ObjectStoreFailed.

        Those whose keys no path has (an empty name, "..", a control character) are left out: no session has them.
        """
        from pyarrow import fs

        with told(self):
            selector = fs.FileSelector(self.place, recursive=True, allow_not_found=True)
            infos = self._files.get_file_info(selector)
        if not infos:
            self._check_bucket()
        start = len(self.place) + 1
        files = [one for one in infos if one.type == fs.FileType.File and _is_path(one.path[start:])]
        return {one.path[start:]: one.size for one in files}

    def names(self) -> list[str]:
        """List what is right below, objects and folders. Raises ObjectStoreFailed."""
        from pyarrow import fs

        with told(self):
            infos = self._files.get_file_info(fs.FileSelector(self.place, allow_not_found=True))
        if not infos:
            self._check_bucket()
        return sorted(one.base_name for one in infos)

    def has_objects(self) -> bool:
        """True if there is an object of this address, or one below it. Raises ObjectStoreFailed."""
        return self.is_file() or bool(self.sizes())

    def _check_bucket(self) -> None:
        from pyarrow import fs

        with told(self):
            info = self._files.get_file_info(self.bucket)
        if info.type == fs.FileType.NotFound:
            raise ObjectStoreFailed(f"{self} cannot be had, as there is no bucket {self.bucket!r}: {ADVICE}", path=self)

    def is_file(self) -> bool:
        """True if there is an object of this address. Raises ObjectStoreFailed."""
        return self._size() is not None

    def stat(self) -> ObjectStat:
        """Return the object's size. Raises FileNotFoundError or ObjectStoreFailed."""
        size = self._size()
        if size is None:
            raise FileNotFoundError(str(self))
        return ObjectStat(size)

    def _size(self) -> int | None:
        if self._sizes is not None:
            return self._sizes.get(self.place)
        from pyarrow import fs

        with told(self):
            info = self._files.get_file_info(self.place)
        return info.size if info.type == fs.FileType.File else None

    # --- reading ---

    def open(self, mode: str = "rb", buffering: int = -1) -> Any:  # noqa: ARG002 - as Path has them
        """Open the object to read bytes of it by their places. Raises FileNotFoundError or ObjectStoreFailed."""
        with told(self):
            return self._files.open_input_file(self.place)

    def read_bytes(self) -> bytes:
        """Fetch the whole object. Raises FileNotFoundError or ObjectStoreFailed."""
        with told(self), self._files.open_input_file(self.place) as file:
            data: bytes = file.read()
            return data

    @property
    def polars_options(self) -> dict[str, Any]:
        """Arguments for `polars.scan_parquet` that give it credentials and the endpoint."""
        return polars_options(self.scheme, self.options)

    # --- writing ---

    def write_bytes(self, data: bytes | memoryview) -> None:
        """Put an object in the place of what is there: its readers have the old or the new one. See told()."""
        with told(self), self._files.open_output_stream(self.place) as file:
            file.write(data)

    def upload(self, path: Path, crc32: int | None = None) -> tuple[int, int]:
        """Put a file in the place of what is there, as write_bytes() does; returns its size and its CRC32.

        The CRC32 that it must have, if it is given, goes with the object: see stated_crc32().
        """
        size = actual = 0
        metadata = None if crc32 is None else {"Content-Type": _WITH_CRC32.format(crc32)}
        with path.open("rb") as source, told(self):
            sink = self._files.open_output_stream(self.place, metadata=metadata)
            while block := source.read(_BLOCK):
                sink.write(block)
                size, actual = size + len(block), zlib.crc32(block, actual)
            sink.close()  # not after an error: closing says that the object is whole
        return size, actual

    def stated_crc32(self) -> int | None:
        """Return the CRC32 that upload() has stated, None if there is no object, or one of others.

        One request, whatever the size. Raises ObjectStoreFailed.
        """
        try:
            with told(self), self._files.open_input_stream(self.place) as file:
                stated = file.metadata().get("Content-Type", b"").decode("latin-1")
        except FileNotFoundError:
            return None
        prefix = _WITH_CRC32.partition("{")[0]
        text = stated.removeprefix(prefix)
        return int(text, 16) if stated != text and _HEXADECIMAL.fullmatch(text) else None

    def delete(self) -> None:
        """Delete the object; one that is gone already is no error. Raises ObjectStoreFailed."""
        try:
            with told(self):
                self._files.delete_file(self.place)
        except FileNotFoundError:
            pass

    @property
    def _files(self) -> Any:
        return file_system(self.scheme, self.bucket, self.options)


def _refuse_scheme(uri: str, scheme: str, bucket: str, key: str) -> NoReturn:
    if "@" in bucket and scheme not in _AZURE:  # credentials, which nobody should see
        bucket = bucket.rpartition("@")[2]
        uri = f"{scheme}://{bucket}/{key}"
    same = _SAME.get(scheme)
    if same is None:
        raise ArgumentError(f"{uri!r} is not the address of a session: give a folder, or one such as s3://bucket/path")
    if scheme in _AZURE:
        bucket = bucket.partition("@")[0]  # the account is of the environment
    address = f"{same}://{bucket}/{key}".rstrip("/")
    raise ArgumentError(f"{uri!r} has the scheme of another tool: write {address!r}").advise(
        instead={uri: repr(address)}
    )


def _is_path(key: str) -> bool:
    return _CONTROL.search(key) is None and not any(name in ("", ".", "..") for name in key.split("/"))


Location: TypeAlias = Path | ObjectPath


def is_object_uri(given: object) -> bool:
    """True if it is an address, such as s3://bucket/path, and not a folder of this machine."""
    return isinstance(given, ObjectPath) or (isinstance(given, str) and _URI.fullmatch(given) is not None)


def located(given: str | PathLike[str], storage_options: Mapping[str, object] | None = None) -> Location:
    """Return an absolute folder, or the address of an object store. Raises ArgumentError for other addresses.

    `storage_options` are credentials and the endpoint (see hftlab.session.object_store): for an object store only.
    """
    options = checked_options(storage_options)
    if isinstance(given, ObjectPath):
        return ObjectPath(str(given), given.options | options)
    if isinstance(given, PurePath):
        scheme, _, rest = given.as_posix().partition(":/")
        if scheme in SCHEMES:
            raise ArgumentTypeError(
                f"{given} is an address that was made a Path, which takes one of its slashes away: give it as text, "
                f"'{scheme}://{rest}'"
            )
    text = fspath(given)
    if is_object_uri(text):
        return ObjectPath(text, options)
    scheme, _, rest = text.partition(":")
    if scheme.lower() in SCHEMES and not Path(text).exists():
        raise ArgumentError(f"{text!r} is not an address: write '{scheme.lower()}://{rest.lstrip('/')}'").advise(
            instead={text: repr(f"{scheme.lower()}://{rest.lstrip('/')}")}
        )
    if options:
        raise ArgumentError(f"storage_options are for object stores, and {text} is a folder: leave them out")
    return Path(text).absolute()


def local_folder(given: str | PathLike[str], what: str, instead: Callable[[ObjectPath], str] | None = None) -> Path:
    """Return an absolute folder of this machine. Raises SessionError for an object store, where `what` cannot be.

    `instead` says what to do there, if that is not to download the session and to upload it again.
    """
    place = located(given)
    if isinstance(place, ObjectPath):
        if instead is not None:
            raise SessionError(
                f"{place} lies on an object store, where no session {what}: {instead(place)}", path=place
            )
        raise SessionError(
            f"{place} lies on an object store, where no session {what}: run `hftlab download {place} FOLDER`, do it "
            f"there, and run `hftlab upload FOLDER {place} --overwrite`",
            path=place,
        )
    return place
