"""A recording to an object store: uploaded as it is sealed, whole at the end, and never lost here before that."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from functools import partial
from pathlib import Path

import pytest

import hftlab as hl
from hftlab.errors import ObjectStoreFailed, SessionBusy, SessionError, SessionExists, SessionNotFound
from hftlab.recorder import Recording, recording, uploader
from hftlab.recorder.closing import closed
from hftlab.session import SessionWriter, open_session, recover, verify
from hftlab.session.manifest import Manifest, read_manifest
from hftlab.session.object_path import ObjectPath
from tests.session.object_server import BUCKET, ObjectServer
from tests.session.sessions import numbered, replayed, write_session
from tests.waiting import until

WHERE = f"s3://{BUCKET}/day/session"
AT = ObjectPath(WHERE, {"max_retries": "0"})


@pytest.fixture(autouse=True)
def server(object_store: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ObjectServer:
    monkeypatch.setattr(uploader, "_WAITS", uploader.Backoff(base=0.01, limit=0.05, attempts=None))
    monkeypatch.setattr(uploader, "_PATIENCE", 0.1)
    return object_store


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seal a part with nearly every message."""
    monkeypatch.setattr(recording, "SessionWriter", partial(SessionWriter, segment_bytes=100))


def spool(tmp_path: Path) -> Path:
    return tmp_path / f"spool/s3/{BUCKET}/day/session"


def record(first: int = 0, count: int = 5, **options: bool) -> Recording:
    taken = Recording(AT, source={"name": "test"}, **options)
    for number in range(first, first + count):
        taken.message(numbered(number), number)
    return taken


def not_uploaded(server: ObjectServer) -> Recording:
    """Record while the store is there, and close while it is not: the session stays in its folder."""
    taken = record()
    server.refuse = lambda method, path: True
    with pytest.raises(ObjectStoreFailed):
        taken.close()
    server.refuse = lambda method, path: False
    return taken


def expected(first: int = 0, count: int = 5) -> list[tuple[int, object]]:
    return [(number, numbered(number)) for number in range(first, first + count)]


class TestRecording:
    def test_it_is_there_when_it_is_closed_and_gone_from_here(self, tmp_path: Path) -> None:
        taken = record()
        assert taken.folder == spool(tmp_path)
        assert str(taken.destination) == WHERE
        session = taken.close()
        assert str(session.folder) == WHERE
        assert replayed(session) == expected()
        assert verify(WHERE).is_whole
        assert not (tmp_path / "spool").exists() or not any((tmp_path / "spool").iterdir())
        assert replayed(taken.close()) == expected()

    def test_parts_are_there_before_the_end_and_no_session_is(self, server: ObjectServer, small_segments: None) -> None:
        taken = record()
        until(lambda: any("market_data/part" in key for key in server.stored()))
        with pytest.raises(SessionNotFound, match=r"has not ended.*hftlab upload .*/spool/s3/"):
            open_session(WHERE)
        assert replayed(taken.close()) == expected()

    def test_another_session_there_is_told_before_anything_is_recorded(self, tmp_path: Path) -> None:
        hl.upload(write_session(tmp_path / "other", [(1, numbered(9))]), WHERE)
        with pytest.raises(SessionExists, match="is a session already"):
            record()
        assert not spool(tmp_path).exists()

    def test_one_that_goes_on_is_left_alone(self, server: ObjectServer) -> None:
        taken = record()
        for overwrite in (False, True):
            with pytest.raises(SessionBusy, match=rf"{WHERE} is being recorded by this process"):
                record(overwrite=overwrite)
        assert replayed(taken.close()) == expected()

    def test_an_address_that_cannot_be_used_is_told_at_once(self) -> None:
        with pytest.raises(ObjectStoreFailed, match="no bucket"):
            Recording("s3://no-such-bucket/x", source={})

    def test_with_overwrite_the_old_one_is_there_until_the_new_one_is(self, tmp_path: Path) -> None:
        old = write_session(tmp_path / "other", [(1, numbered(9))])
        hl.upload(old, WHERE)
        taken = record(overwrite=True)
        assert replayed(open_session(WHERE)) == replayed(old)
        taken.close()
        assert replayed(open_session(WHERE)) == expected()
        assert verify(WHERE).is_whole

    def test_a_recording_of_nothing_leaves_nothing(self, server: ObjectServer, tmp_path: Path) -> None:
        taken = Recording(AT, source={}, keep_empty=False)
        taken.control("connect", 1)
        with pytest.raises(SessionError, match="no market data came"):
            taken.close()
        assert not server.stored()
        assert not spool(tmp_path).exists()


class TestAStoreThatFails:
    def test_the_recording_goes_on_and_is_uploaded_when_it_is_back(
        self, server: ObjectServer, small_segments: None
    ) -> None:
        taken = Recording(AT, source={"name": "test"})
        server.refuse = lambda method, path: True
        for number in range(5):
            taken.message(numbered(number), number)
        until(lambda: taken.problem is not None)
        assert "nothing of it is uploaded at present" in str(taken.new_problem())
        assert taken.new_problem() is None
        until(lambda: taken.recorded == 5)
        server.refuse = lambda method, path: False
        until(lambda: taken.problem is None)
        assert replayed(taken.close()) == expected()

    def test_so_does_one_whose_files_cannot_be_read_for_a_while(
        self, small_segments: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The disk of this machine, not the store."""
        fails = True

        def read(folder: Path) -> Manifest:
            if fails:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return read_manifest(folder)

        monkeypatch.setattr(uploader, "read_manifest", read)
        taken = record()
        until(lambda: "Input/output error" in str(taken.problem))
        fails = False
        until(lambda: taken.problem is None)
        assert replayed(taken.close()) == expected()

    def test_what_cannot_be_uploaded_stays_whole_and_is_finished_later(
        self, server: ObjectServer, tmp_path: Path
    ) -> None:
        taken = record()
        server.refuse = lambda method, path: True
        said = rf"whole in {spool(tmp_path)}, and is not uploaded: .*`hftlab upload {spool(tmp_path)} {WHERE}`"
        with pytest.raises(ObjectStoreFailed, match=said):
            taken.close()
        assert replayed(open_session(spool(tmp_path))) == expected()
        with pytest.raises(ObjectStoreFailed, match=said):
            taken.close()  # it tries again
        server.refuse = lambda method, path: False
        assert replayed(hl.upload(spool(tmp_path), WHERE)) == expected()
        assert replayed(open_session(spool(tmp_path))) == expected()

    def test_somebody_who_wants_to_leave_need_not_wait(
        self, server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(uploader, "_PATIENCE", 3600.0)
        monkeypatch.setattr(uploader, "_WAITS", uploader.Backoff(base=1800.0, limit=1800.0, attempts=None))
        taken = record()
        server.refuse = lambda method, path: True

        async def waited() -> None:
            await asyncio.to_thread(until, lambda: "Ctrl-C gives it up" in str(taken.problem))

        with pytest.raises(ObjectStoreFailed, match=rf"whole in {spool(tmp_path)}, and is not uploaded"):
            asyncio.run(closed(taken.close, taken, waited))
        assert str(taken.problem).startswith("the session is whole in")
        server.refuse = lambda method, path: False
        assert replayed(asyncio.run(closed(taken.close, taken, None))) == expected()
        assert taken.problem is None

    def test_closing_again_finishes_it(self, server: ObjectServer, tmp_path: Path) -> None:
        taken = not_uploaded(server)
        assert replayed(taken.close()) == expected()
        assert not spool(tmp_path).exists()

    def test_another_upload_to_the_address_ends_it_and_it_stays_here(self, tmp_path: Path) -> None:
        taken = record()
        other = hl.upload(write_session(tmp_path / "other", [(1, numbered(9))]), WHERE)
        said = rf"whole in {spool(tmp_path)}, and is not uploaded: another upload .*`hftlab upload {spool(tmp_path)} "
        with pytest.raises(SessionExists, match=said):
            taken.close()
        assert replayed(open_session(spool(tmp_path))) == expected()
        assert replayed(open_session(WHERE)) == replayed(other)

    def test_closing_again_after_it_was_uploaded_from_elsewhere(self, server: ObjectServer, tmp_path: Path) -> None:
        taken = not_uploaded(server)
        hl.upload(spool(tmp_path), WHERE)
        assert replayed(taken.close()) == expected()
        assert not spool(tmp_path).exists()

    def test_the_next_recording_does_not_touch_what_is_not_uploaded(self, server: ObjectServer, tmp_path: Path) -> None:
        not_uploaded(server)
        with pytest.raises(SessionExists, match=r"an earlier recording .* may not be uploaded: run `hftlab upload"):
            record(10)
        assert replayed(open_session(spool(tmp_path))) == expected()
        assert replayed(record(10, overwrite=True).close()) == expected(10)

    def test_a_killed_one_is_recovered_and_uploaded(self, server: ObjectServer, tmp_path: Path) -> None:
        taken = record()
        until(lambda: taken.recorded == 5)
        copy = tmp_path / "copy"
        shutil.copytree(spool(tmp_path), copy)  # as its disk is at the moment of a kill
        assert recover(copy).messages == 5
        taken.close()
        assert replayed(hl.upload(copy, f"s3://{BUCKET}/recovered")) == expected()
