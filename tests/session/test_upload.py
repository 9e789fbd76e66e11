from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

import hftlab as hl
from hftlab.errors import (
    ArgumentError,
    ObjectStoreFailed,
    SessionDamaged,
    SessionError,
    SessionExists,
    SessionNotFound,
)
from hftlab.session import Session, SessionWriter, compact, recover, verify
from hftlab.session.object_path import ObjectPath
from hftlab.session.table_ids import RAW
from hftlab.session.upload import Upload, plain_name
from tests.session.object_server import BUCKET, ObjectServer
from tests.session.sessions import numbered, replayed, write_session

OPTIONS = {"max_retries": "0", "timeout": "5"}


@pytest.fixture
def server(object_store: ObjectServer) -> ObjectServer:
    return object_store


def session(folder: Path, first: int = 0, parts: int = 3) -> Session:
    """A session of several parts, with frames beside it."""
    written = write_session(folder, [(n + 1, numbered(first + n)) for n in range(parts)], segment_bytes=1)
    (folder / RAW).mkdir()
    (folder / RAW / "AAPL.jsonl").write_text(f"{first}\n")
    return written


def where(name: str = "session") -> str:
    return f"s3://{BUCKET}/{name}"


class TestUpload:
    def test_it_is_the_session_there(self, server: ObjectServer, tmp_path: Path) -> None:
        local = session(tmp_path / "s")
        told: list[int] = []
        uploaded = hl.upload(local, where(), progress=told.append)
        assert hl.diff(local, uploaded) is None
        assert replayed(uploaded) == replayed(local)
        assert verify(where()).is_whole
        assert server.read("session/raw/AAPL.jsonl") == b"0\n"
        assert told == sorted(told)
        assert told[-1] == local.manifest.size + 2
        assert not any("upload.json" in key for key in server.stored())
        assert local.market_data.collect().height == 3  # it stays as it is

    def test_the_manifest_is_last(self, server: ObjectServer, tmp_path: Path) -> None:
        server.log.clear()
        hl.upload(session(tmp_path / "s"), where())
        put = [one.path for one in server.log if one.method == "PUT" and not one.path.endswith("/")]
        assert put[-1] == f"/{BUCKET}/session/manifest.json"

    def test_uploading_again_does_nothing(self, server: ObjectServer, tmp_path: Path) -> None:
        local = session(tmp_path / "s")
        hl.upload(local, where())
        server.log.clear()
        assert hl.upload(local.folder, where()).manifest == local.manifest
        assert not any(one.method == "PUT" for one in server.log)

    def test_uploading_again_brings_what_is_missing_or_has_another_size(
        self, server: ObjectServer, tmp_path: Path
    ) -> None:
        local = session(tmp_path / "s")
        hl.upload(local, where())
        server.delete("session/market_data/part-000001.parquet")
        server.write("session/index/market_data-000002.parquet", b"short")
        assert not verify(where()).is_whole
        hl.upload(local, where())
        assert verify(where()).is_whole
        assert replayed(hl.open_session(where())) == replayed(local)

    def test_with_overwrite_it_is_sent_whatever_is_there(self, server: ObjectServer, tmp_path: Path) -> None:
        local = session(tmp_path / "s")
        hl.upload(local, where())
        key = "session/market_data/part-000001.parquet"
        server.write(key, server.read(key)[:-1] + b"?")  # of the same size
        with pytest.raises(SessionDamaged, match="overwrite=True"):
            hl.download(where(), tmp_path / "back")
        hl.upload(local, where(), overwrite=True)
        assert verify(where()).is_whole

    def test_another_session_in_its_place_is_kept(self, server: ObjectServer, tmp_path: Path) -> None:
        first = hl.upload(session(tmp_path / "one"), where())
        with pytest.raises(SessionExists, match=r"s3://recordings/session is a session already.*--overwrite"):
            hl.upload(session(tmp_path / "two", 100), where())
        assert hl.open_session(where()).manifest == first.manifest
        assert verify(where()).is_whole

    def test_objects_of_others_are_kept(self, server: ObjectServer, tmp_path: Path) -> None:
        server.write("session/thesis.pdf", b"mine")
        with pytest.raises(SessionExists, match=r"thesis\.pdf"):
            hl.upload(session(tmp_path / "s"), where(), overwrite=True)
        assert server.stored() == ["session/thesis.pdf"]

    def test_what_can_be_put_and_not_read_is_told_before_a_part(self, server: ObjectServer, tmp_path: Path) -> None:
        local = session(tmp_path / "s")
        server.refuse = lambda method, path: method == "GET" and "upload.json" in path
        with pytest.raises(ObjectStoreFailed, match=r"upload\.json"):
            hl.upload(local, where(), storage_options=OPTIONS)
        server.refuse = lambda method, path: False
        assert not [key for key in server.stored() if not key.endswith("/")]

    def test_what_is_no_object_store_is_told(self, server: ObjectServer, tmp_path: Path) -> None:
        local = session(tmp_path / "s")
        with pytest.raises(SessionError, match="give an address such as s3://"):
            hl.upload(local, tmp_path / "there")
        with pytest.raises(ArgumentError, match="is not the address"):
            hl.upload(local, "ftp://host/there")
        uploaded = hl.upload(local, where())
        with pytest.raises(SessionError, match="download it first"):
            hl.upload(uploaded, where("again"))

    def test_a_recording_that_goes_on_is_refused(self, server: ObjectServer, tmp_path: Path) -> None:
        writer = SessionWriter(tmp_path / "s", source={})
        writer.append(numbered(1), 1)
        writer.commit()
        with pytest.raises(SessionError, match="is being recorded"):
            hl.upload(writer.folder, where())
        writer.close()
        assert not server.stored()

    def test_a_damaged_file_is_not_uploaded_as_a_session(self, server: ObjectServer, tmp_path: Path) -> None:
        local = session(tmp_path / "s")
        part = tmp_path / "s/market_data/part-000002.parquet"
        part.write_bytes(part.read_bytes()[:-1] + b"?")
        with pytest.raises(SessionDamaged, match=r"part-000002\.parquet is damaged"):
            hl.upload(local, where())
        with pytest.raises(SessionNotFound, match="its upload has not ended"):
            hl.open_session(where())
        assert "session/market_data/part-000002.parquet" not in server.stored()  # it would state what it is not


class TestReplacing:
    def test_the_old_one_is_there_until_the_new_one_is(self, server: ObjectServer, tmp_path: Path) -> None:
        """Every state of the store that a reader can meet holds one of the two whole sessions."""
        old, new = session(tmp_path / "old"), session(tmp_path / "new", 100, parts=2)
        hl.upload(old, where())
        reader = hl.open_session(where())
        states: list[object] = []

        def look(method: str, path: str) -> bool:
            if method in ("PUT", "DELETE"):
                server.refuse = lambda method, path: False
                states.append(replayed(hl.open_session(where())))
                server.refuse = look
            return False

        server.refuse = look
        hl.upload(new, where(), overwrite=True)
        server.refuse = lambda method, path: False
        expected = [replayed(old), replayed(new)]
        assert [one for one, after in zip(states, [*states[1:], None], strict=True) if one != after] == expected
        assert verify(where()).is_whole
        assert server.read("session/raw/AAPL.jsonl") == b"100\n"
        with pytest.raises(SessionDamaged, match="is missing"):
            reader.replay().take(5)  # as with a folder that was replaced

    def test_a_table_without_hftlab_has_the_new_rows_alone(self, server: ObjectServer, tmp_path: Path) -> None:
        hl.upload(session(tmp_path / "old"), where())
        new = session(tmp_path / "new", 100, parts=2)
        hl.upload(new, where(), overwrite=True)
        options = ObjectPath(where()).polars_options
        frame = pl.scan_parquet(f"{where()}/market_data/*.parquet", **options).collect()
        assert frame["id"].to_list() == ["md_100", "md_101"]

    def test_replacing_it_again_and_again(self, server: ObjectServer, tmp_path: Path) -> None:
        for number in range(4):
            hl.upload(session(tmp_path / f"{number}", number % 2), where(), overwrite=True)
            assert verify(where()).is_whole
            assert hl.open_session(where()).market_data.collect()["id"][0] == f"md_{number % 2}"

    def test_names_with_checksums_are_gone_after_a_download(self, server: ObjectServer, tmp_path: Path) -> None:
        hl.upload(session(tmp_path / "old"), where())
        new = session(tmp_path / "new", 100)
        there = hl.upload(new, where(), overwrite=True)
        names = [part.file for part in there.manifest.tables["market_data"]]
        assert all(plain_name(name) != name for name in names)
        back = hl.download(where(), tmp_path / "back")
        assert back.manifest == new.manifest
        assert compact(back).parts_after == 1

    def test_a_copy_with_checksums_in_its_names_is_compacted(self, server: ObjectServer, tmp_path: Path) -> None:
        hl.upload(session(tmp_path / "old"), where())
        new = session(tmp_path / "new", 100)
        hl.upload(new, where(), overwrite=True)
        for key in server.stored("session"):  # as any other tool copies it
            path = tmp_path / "copy" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(server.read(key))
        copy = tmp_path / "copy/session"
        assert compact(copy).parts_after == 1
        assert replayed(hl.open_session(copy)) == replayed(new)


class TestInterrupted:
    @pytest.mark.parametrize("failing", range(9))
    def test_it_is_no_session_and_is_finished_by_the_next(
        self, server: ObjectServer, tmp_path: Path, failing: int
    ) -> None:
        local, left = session(tmp_path / "s"), [failing]

        def refuse(method: str, path: str) -> bool:
            left[0] -= method in ("PUT", "POST")
            return left[0] < 0

        server.refuse = refuse
        with pytest.raises(ObjectStoreFailed, match=r"s3://recordings/session"):
            hl.upload(local, where(), storage_options=OPTIONS)
        server.refuse = lambda method, path: False
        with pytest.raises(SessionNotFound):
            hl.open_session(where())
        assert hl.sessions(f"s3://{BUCKET}").names == [] if server.stored() else True
        assert hl.diff(hl.upload(local, where()), local) is None
        assert verify(where()).is_whole

    def test_the_next_sends_what_is_not_there_yet(self, server: ObjectServer, tmp_path: Path) -> None:
        """Also one of another process; a part is sent again that has another size, another checksum, or states none."""
        local = session(tmp_path / "s", parts=6)
        started = Upload(tmp_path / "s", ObjectPath(where()))
        for file in started.missing(local.manifest)[:-2]:
            started.send(file)
        keys = [f"session/market_data/part-00000{number}.parquet" for number in (1, 2, 3)]
        server.write(keys[0], server.read(keys[0])[:-1])
        server.write(keys[1], server.read(keys[1]))  # as a tool that does not keep what the object states
        (tmp_path / "other").write_bytes(server.read(keys[2])[:-1] + b"?")
        ObjectPath(f"s3://{BUCKET}/{keys[2]}").upload(tmp_path / "other", 1)
        told: list[int] = []
        server.log.clear()
        hl.upload(local, where(), progress=told.append)
        sent = {one.path.removeprefix(f"/{BUCKET}/") for one in server.log if one.method == "PUT"}
        last = {f"session/{folder}-000006.parquet" for folder in ("market_data/part", "index/market_data")}
        assert {key for key in sent if key.endswith(".parquet")} == {*keys, *last}
        assert not any(one.method == "GET" and one.path.endswith(".parquet") for one in server.log)
        assert told[-1] == local.manifest.size + 2
        assert verify(where()).is_whole
        assert replayed(hl.open_session(where())) == replayed(local)

    def test_a_replacement_goes_on_as_well(self, server: ObjectServer, tmp_path: Path) -> None:
        hl.upload(session(tmp_path / "old"), where())
        new = session(tmp_path / "new", 100)
        started = Upload(tmp_path / "new", ObjectPath(where()), overwrite=True)
        for file in started.missing(new.manifest):
            started.send(file)
        server.log.clear()
        hl.upload(new, where(), overwrite=True)
        assert not any(one.method in ("PUT", "POST") and one.path.endswith(".parquet") for one in server.log)
        assert verify(where()).is_whole
        assert replayed(hl.open_session(where())) == replayed(new)

    def test_what_is_half_there_says_how_to_finish_it(self, server: ObjectServer, tmp_path: Path) -> None:
        local = session(tmp_path / "s")
        started = Upload(tmp_path / "s", ObjectPath(where()))
        for file in started.missing(local.manifest):
            started.send(file)
        with pytest.raises(SessionNotFound, match=rf"has not ended.*`hftlab upload {tmp_path / 's'} {where()}`"):
            hl.open_session(where())
        started.finish(local.manifest)
        assert hl.diff(hl.open_session(where()), local) is None

    def test_recovering_an_address_says_where_to_do_it(self, server: ObjectServer, tmp_path: Path) -> None:
        local = session(tmp_path / "s")
        started = Upload(tmp_path / "s", ObjectPath(where()))
        with pytest.raises(
            SessionError, match=rf"`hftlab recover {tmp_path / 's'}` there, then `hftlab upload {tmp_path}"
        ):
            recover(where())
        started.finish(local.manifest)
        with pytest.raises(SessionError, match=rf"`hftlab verify {where()}` says"):
            recover(where())
        with pytest.raises(SessionError, match="`hftlab recover FOLDER` with the folder that it was recorded in"):
            recover(where("nowhere"))

    def test_what_fails_behind_the_manifest_is_cleared_by_the_next(self, server: ObjectServer, tmp_path: Path) -> None:
        hl.upload(session(tmp_path / "old", parts=5), where())
        new = session(tmp_path / "new", 100)
        server.refuse = lambda method, path: method == "DELETE"
        with pytest.raises(ObjectStoreFailed):
            hl.upload(new, where(), overwrite=True, storage_options=OPTIONS)
        server.refuse = lambda method, path: False
        assert replayed(hl.open_session(where())) == replayed(new)
        assert not verify(where()).is_whole  # parts of the old one are there
        hl.upload(new, where())
        assert verify(where()).is_whole

    def test_an_object_that_is_lost_on_the_way_is_noticed(self, server: ObjectServer, tmp_path: Path) -> None:
        local = session(tmp_path / "s")
        started = Upload(tmp_path / "s", ObjectPath(where()))
        for file in started.missing(local.manifest):
            started.send(file)
        server.delete("session/market_data/part-000002.parquet")
        with pytest.raises(ObjectStoreFailed, match="is not as it was sent"):
            started.finish(local.manifest)
        started.finish(local.manifest)
        assert verify(where()).is_whole

    def test_discarding_leaves_nothing(self, server: ObjectServer, tmp_path: Path) -> None:
        local = session(tmp_path / "s")
        started = Upload(tmp_path / "s", ObjectPath(where()))
        for file in started.missing(local.manifest):
            started.send(file)
        started.discard()
        assert not server.stored()
        shutil.rmtree(tmp_path / "s")


class TestTwoAtOneAddress:
    """Two uploads that began before either had ended, as by two machines."""

    def test_the_one_that_began_first_stops(self, server: ObjectServer, tmp_path: Path) -> None:
        local, other = session(tmp_path / "a"), session(tmp_path / "b", 100)
        first = Upload(tmp_path / "a", ObjectPath(where()))
        files = first.missing(local.manifest)
        first.send(files[0])
        second = Upload(tmp_path / "b", ObjectPath(where()))
        for stopped in (lambda: first.send(files[1]), lambda: first.finish(local.manifest)):
            with pytest.raises(SessionExists, match=r"another upload to s3://recordings/session has begun"):
                stopped()
        first.discard()  # nothing of the other one
        second.finish(other.manifest)
        assert verify(where()).is_whole
        assert replayed(hl.open_session(where())) == replayed(other)

    def test_one_that_has_ended_is_not_replaced_by_one_that_did_not_see_it(
        self, server: ObjectServer, tmp_path: Path
    ) -> None:
        local, other = session(tmp_path / "a"), session(tmp_path / "b", 100)
        first = Upload(tmp_path / "a", ObjectPath(where()))
        hl.upload(other, where())
        with pytest.raises(SessionExists, match="choose another address"):
            first.finish(local.manifest)
        first.discard()
        assert verify(where()).is_whole
        assert replayed(hl.open_session(where())) == replayed(other)

    def test_one_that_was_finished_from_elsewhere_is_finished(self, server: ObjectServer, tmp_path: Path) -> None:
        local = session(tmp_path / "s")
        started = Upload(tmp_path / "s", ObjectPath(where()))
        hl.upload(local, where())
        server.log.clear()
        started.finish(local.manifest)
        assert not any(one.method == "PUT" for one in server.log)
        assert verify(where()).is_whole
