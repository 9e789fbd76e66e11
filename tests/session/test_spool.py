from __future__ import annotations

import errno
from pathlib import Path

import pytest

import hftlab as hl
from hftlab.errors import ObjectStoreFailed, SessionError, SessionExists
from hftlab.session import Session, SessionWriter, open_session
from hftlab.session.object_path import ObjectPath
from hftlab.session.spool import remove_spool, spool_folder, through_spool
from tests.session.object_server import BUCKET, ObjectServer
from tests.session.sessions import numbered, replayed, write_session

TO = ObjectPath(f"s3://{BUCKET}/day/session")


@pytest.fixture(autouse=True)
def server(object_store: ObjectServer) -> ObjectServer:
    return object_store


def write(folder: Path) -> Session:
    return write_session(folder, [(1, numbered(1))])


class TestSpool:
    def test_a_session_is_made_here_and_lies_there(self, tmp_path: Path) -> None:
        session, made = through_spool(TO, write, overwrite=False)
        assert session.folder == TO
        assert made.folder == tmp_path / f"spool/s3/{BUCKET}/day/session" == spool_folder(TO)
        assert replayed(session) == [(1, numbered(1))]
        assert not (tmp_path / "spool/s3").exists()

    def test_the_folder_of_a_user_is_the_default(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("HFTLAB_SPOOL")
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        assert spool_folder(TO) == tmp_path / f"hftlab/spool/s3/{BUCKET}/day/session"

    def test_what_is_there_is_told_before_it_is_written(self) -> None:
        through_spool(TO, write, overwrite=False)
        with pytest.raises(SessionExists, match="is a session already"):
            through_spool(TO, _never, overwrite=False)

    def test_an_error_leaves_no_trace_there(self, server: ObjectServer) -> None:
        with pytest.raises(ZeroDivisionError):
            through_spool(TO, lambda _: 1 // 0, overwrite=False)
        assert not server.stored()

    def test_an_upload_that_fails_leaves_it_here(self, server: ObjectServer) -> None:
        def written(folder: Path) -> None:
            write(folder)
            server.refuse = lambda method, path: True

        to = ObjectPath(str(TO), {"max_retries": "0"})
        with pytest.raises(ObjectStoreFailed, match=rf"whole in {spool_folder(TO)}.*hftlab upload"):
            through_spool(to, written, overwrite=False)
        server.refuse = lambda method, path: False
        with pytest.raises(SessionExists, match="earlier recording"):
            through_spool(TO, _never, overwrite=False)
        assert replayed(hl.upload(open_session(spool_folder(TO)), TO)) == [(1, numbered(1))]

    def test_a_full_disk_is_told_and_kept_free(self, server: ObjectServer, tmp_path: Path) -> None:
        def fill(folder: Path) -> None:
            write(folder)
            raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.raises(SessionError, match=rf"made in {spool_folder(TO)} first.*no room.*HFTLAB_SPOOL"):
            through_spool(TO, fill, overwrite=False)
        assert not (tmp_path / "spool/s3").exists()
        assert not any("upload.json" in key for key in server.stored())
        through_spool(TO, write, overwrite=False)

    def test_a_full_disk_leaves_an_earlier_session(self) -> None:
        def fill(_: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        write(spool_folder(TO))
        with pytest.raises(SessionError, match="no room"):
            through_spool(TO, fill, overwrite=True)
        assert replayed(open_session(spool_folder(TO))) == [(1, numbered(1))]

    def test_another_disk_that_is_full_is_told_as_it_is(self) -> None:
        def fill(_: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", "/elsewhere/day.itch")

        with pytest.raises(OSError, match="elsewhere"):
            through_spool(TO, fill, overwrite=False)

    def test_one_that_was_killed_is_told_with_what_to_do(self) -> None:
        writer = SessionWriter(spool_folder(TO), source={})
        writer.append(numbered(1), 1)
        writer.abandon()
        with pytest.raises(SessionExists, match=r"was not finished.*hftlab recover.*hftlab upload.*--overwrite"):
            through_spool(TO, _never, overwrite=False)

    def test_other_folders_around_it_stay(self, tmp_path: Path) -> None:
        (tmp_path / "spool/s3/other").mkdir(parents=True)
        SessionWriter(spool_folder(TO), source={}).close()
        remove_spool(spool_folder(TO))
        assert [path.name for path in (tmp_path / "spool/s3").iterdir()] == ["other"]


def _never(_: Path) -> None:
    raise AssertionError("it is not to be written")
