from __future__ import annotations

from pathlib import Path

import pytest

import hftlab as hl
from hftlab.errors import ObjectStoreFailed, SessionDamaged, SessionError, SessionExists, SessionNotFound
from hftlab.session import verify
from tests.session.object_server import BUCKET, ObjectServer
from tests.session.sessions import replayed
from tests.session.test_upload import OPTIONS, session, where


@pytest.fixture
def server(object_store: ObjectServer, tmp_path: Path) -> ObjectServer:
    """The server, with a session at where()."""
    hl.upload(session(tmp_path / "s"), where())
    return object_store


class TestDownload:
    def test_it_is_the_session_that_was_uploaded(self, server: ObjectServer, tmp_path: Path) -> None:
        told: list[int] = []
        there = hl.download(where(), tmp_path / "back", progress=told.append)
        assert there.manifest == hl.open_session(tmp_path / "s").manifest
        assert replayed(there) == replayed(hl.open_session(tmp_path / "s"))
        assert (tmp_path / "back/raw/AAPL.jsonl").read_text() == "0\n"
        assert verify(tmp_path / "back").is_whole
        assert told[-1] == there.manifest.size

    def test_an_interrupted_one_is_finished_by_the_next(self, server: ObjectServer, tmp_path: Path) -> None:
        server.refuse = lambda method, path: "part-000003" in path
        with pytest.raises(ObjectStoreFailed):
            hl.download(where(), tmp_path / "back", storage_options=OPTIONS)
        server.refuse = lambda method, path: False
        with pytest.raises(SessionNotFound):
            hl.open_session(tmp_path / "back")
        server.log.clear()
        assert replayed(hl.download(where(), tmp_path / "back")) == replayed(hl.open_session(tmp_path / "s"))
        assert not any("part-000001" in one.path for one in server.log)  # that was whole

    def test_a_damaged_object_is_told(self, server: ObjectServer, tmp_path: Path) -> None:
        key = "session/market_data/part-000002.parquet"
        server.write(key, server.read(key)[:-1] + b"?")
        with pytest.raises(SessionDamaged, match=r"part-000002\.parquet is damaged"):
            hl.download(where(), tmp_path / "back")

    def test_a_folder_with_something_else_is_kept(self, server: ObjectServer, tmp_path: Path) -> None:
        for there in (tmp_path / "s", tmp_path):
            with pytest.raises(SessionExists, match="is not empty"):
                hl.download(where(), there)

    def test_both_ends_must_be_what_they_are(self, server: ObjectServer, tmp_path: Path) -> None:
        with pytest.raises(SessionError, match="copy it"):
            hl.download(tmp_path / "s", tmp_path / "back")
        with pytest.raises(SessionError, match="is not a folder of this machine"):
            hl.download(where(), f"s3://{BUCKET}/other")

    def test_keys_that_lead_out_of_the_folder_are_left_out(self, server: ObjectServer, tmp_path: Path) -> None:
        with server.keys_beside(["session/raw/../../../outside"]):
            assert hl.download(where(), tmp_path / "deep/er/back").manifest.messages == 3
        assert not any(tmp_path.rglob("outside"))
