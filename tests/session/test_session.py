"""Errors of a damaged or missing session name the file, the reason and what to do."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hftlab.errors import SessionDamaged, SessionError, SessionNotFound, SessionTooNew
from hftlab.session import Session, SessionWriter, open_session, recover
from tests.session.sessions import numbered, replayed, write_session
from tests.session.test_tables import ORDER


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Session with market data in several parts and one order update."""
    received = [(1, numbered(0)), (2, ORDER), (3, numbered(1)), (4, numbered(2))]
    return write_session(tmp_path / "session", received, segment_bytes=300)


def edit_manifest(folder: Path, **changes: object) -> None:
    """Change the manifest as one does by hand, without its checksum."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text()) | changes
    del manifest["checksum"]
    path.write_text(json.dumps(manifest))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


class TestNotASession:
    @pytest.mark.parametrize("path", ["absent", "empty", "file", "file/below"])
    def test_a_path_without_a_manifest_is_not_a_session(self, tmp_path: Path, path: str) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "file").write_text("notes")
        for opening in (open_session, recover):
            with pytest.raises(SessionNotFound, match=r"is not a recorded session: .*Give a folder") as caught:
                opening(tmp_path / path)
            assert caught.value.path == tmp_path / path
            assert str(tmp_path / path) in str(caught.value)

    @pytest.mark.parametrize("manifest", [{"name": "web app"}, {"format": "other", "schema": 99}, {}])
    def test_a_manifest_of_another_program_is_not_a_session(self, tmp_path: Path, manifest: dict[str, object]) -> None:
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(SessionNotFound, match="belongs to something else"):
            open_session(tmp_path)


class TestTooNew:
    def test_a_later_schema_is_not_guessed_at(self, session: Session) -> None:
        """The other fields of that manifest are not read at all."""
        edit_manifest(session.folder, schema=3, tables="another form")
        for opening in (open_session, recover):
            with pytest.raises(SessionTooNew, match=r"schema 3, .* up to 2: upgrade hftlab") as caught:
                opening(session.folder)
            assert caught.value.path == session.folder

    def test_fields_that_a_later_version_adds_are_passed_over(self, session: Session) -> None:
        """A schema version may gain fields."""
        edit_manifest(session.folder, weather="fine")
        assert open_session(session.folder).manifest.messages == 4


class TestDamage:
    @pytest.mark.parametrize("harm", [flip, truncate, Path.unlink], ids=["flipped", "truncated", "deleted"])
    def test_a_damaged_part_is_named_and_the_other_tables_stay_readable(
        self, session: Session, harm: Callable[[Path], object]
    ) -> None:
        part = session.folder / session.manifest.tables["market_data"][-1].file
        harm(part)
        damaged = open_session(session.folder)
        assert damaged.order_updates.collect().height == 1
        for reading in (lambda: damaged.market_data, damaged.verify, lambda: damaged.replay().advance(100)):
            with pytest.raises(SessionDamaged, match="restore it from a copy") as caught:
                reading()
            assert caught.value.path == part
            assert str(part) in str(caught.value)

    def test_a_part_that_was_replaced_by_another_is_damage(self, session: Session) -> None:
        """The replacement is valid Parquet, but its checksum differs."""
        first, last = (session.folder / part.file for part in session.manifest.tables["market_data"][-2:])
        shutil.copy(first, last)
        with pytest.raises(SessionDamaged, match="checksum"):
            open_session(session.folder).verify()

    @pytest.mark.parametrize(
        "data", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"format": "hftlab session", "schema": "1"}']
    )
    def test_a_broken_manifest_is_named(self, session: Session, data: bytes) -> None:
        path = session.folder / "manifest.json"
        path.write_bytes(data)
        with pytest.raises(SessionDamaged, match=r"cannot be read.*restore it") as caught:
            open_session(session.folder)
        assert caught.value.path == path

    def test_a_manifest_without_its_end_is_named(self, session: Session) -> None:
        """The manifest is cut after every seventh byte."""
        path = session.folder / "manifest.json"
        data = path.read_bytes()
        for cut in range(0, len(data) - 1, 7):
            path.write_bytes(data[:cut])
            with pytest.raises(SessionDamaged):
                open_session(session.folder)

    def test_a_damaged_index_costs_no_table(self, session: Session) -> None:
        """Nothing in the tables depends on it. To verify is to look at it as well."""
        (part, *_) = session.manifest.tables["market_data"]
        assert part.index is not None
        path = session.folder / part.index.file
        path.write_bytes(path.read_bytes()[:-1])
        opened = open_session(session.folder)
        assert opened.market_data.collect().height == session.manifest.rows("market_data")
        assert not opened.coverage().is_empty()
        with pytest.raises(SessionDamaged, match=path.name):
            opened.verify()

    def test_a_table_is_checked_once(self, session: Session) -> None:
        """A table that was verified once is not read again for each query."""
        assert session.market_data.collect().height == 3
        flip(session.folder / session.manifest.tables["market_data"][0].file)
        assert session.market_data is not None
        with pytest.raises(SessionError):
            open_session(session.folder).verify()

    def test_a_recording_that_was_not_closed_asks_for_recover(self, tmp_path: Path) -> None:
        """Nothing is recovered without being asked for."""
        writer = SessionWriter(tmp_path / "open", source={})
        writer.abandon()
        with pytest.raises(SessionDamaged, match=f"`hftlab recover {tmp_path / 'open'}`") as caught:
            open_session(tmp_path / "open")
        assert caught.value.path == tmp_path / "open"
        recover(tmp_path / "open")
        assert open_session(tmp_path / "open").manifest.complete

    def test_a_recording_that_is_still_written_is_read_as_far_as_it_is_parquet(self, tmp_path: Path) -> None:
        """It says who records it; what is only in the journal is not there yet."""
        writer = SessionWriter(tmp_path / "open", source={}, segment_bytes=1)
        writer.append(numbered(1), 1)
        writer.commit()
        writer.append(numbered(2), 2)
        running = open_session(tmp_path / "open")
        assert running.recorded_by is not None
        assert str(os.getpid()) in running.recorded_by
        assert not running.manifest.complete
        assert replayed(running) == [(1, numbered(1))]
        writer.close()
        closed = open_session(tmp_path / "open")
        assert (closed.recorded_by, closed.manifest.complete) == (None, True)
        assert replayed(closed) == [(1, numbered(1)), (2, numbered(2))]


class TestFace:
    def test_it_tells_what_it_is(self, session: Session) -> None:
        assert repr(session).startswith(f"Session({str(session.folder)!r}: 4 messages of 2 symbols, 0.0 s")

    def test_html_escapes_what_was_recorded(self, session: Session) -> None:
        """The source's name is not under our control."""
        edit_manifest(session.folder, source={"name": "<script>alert(1)</script>"}, symbols=["<b>"])
        html = open_session(session.folder)._repr_html_()
        assert "<script>" not in html
        assert "<b>" not in html
        assert "&lt;script&gt;" in html
        assert "4" in html

    def test_a_path_may_be_a_string(self, session: Session) -> None:
        assert open_session(str(session.folder)).manifest.messages == 4


_READING = """
import sys
import hftlab as hl

session = hl.open_session("data/walk")
assert len(session.replay(float("inf")).take(1000)) == 300
quotes = hl.analysis.quotes(session.market_data)
assert hl.analysis.latency_summary(hl.analysis.latency(session.market_data)).height == 3
assert quotes.collect().height == 2400
print(*sys.modules)
"""


def test_reading_a_session_loads_no_server_and_no_client() -> None:
    """Opened, replayed and analysed in a fresh interpreter: no socket library, no authentication, no metrics."""
    root = Path(__file__).parents[2]
    loaded = subprocess.run([sys.executable, "-c", _READING], capture_output=True, text=True, check=True, cwd=root)
    networking = {"websockets", "jwt", "prometheus_client", "uvloop", "hftlab.server", "hftlab.client"}
    assert networking.isdisjoint(loaded.stdout.split())
    assert "hftlab.session.replay" in loaded.stdout.split()


def test_a_session_given_by_a_relative_path_is_read_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The working directory changes while it is written, recovered, and read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    writer = SessionWriter("session", source={})
    killed = SessionWriter("killed", source={})
    monkeypatch.chdir(tmp_path / "elsewhere")
    for one in (writer, killed):
        one.append(numbered(1), 1)
        one.commit()
    writer.close()
    killed.abandon()
    monkeypatch.chdir(tmp_path)
    recover("killed")
    sessions = [open_session(name) for name in ("session", "killed")]
    monkeypatch.chdir(tmp_path / "elsewhere")
    for session in sessions:
        assert replayed(session) == [(1, numbered(1))]
        assert session.market_data.collect().height == 1
    assert [session.folder for session in sessions] == [tmp_path / "session", tmp_path / "killed"]
    assert not any((tmp_path / "elsewhere").iterdir())


def test_a_table_that_sessions_do_not_have_is_not_an_empty_one(session: Session) -> None:
    for read in (session.table, session.to_arrow, session.to_pandas):
        with pytest.raises(SessionError, match=r"no table 'market_dat': there are market_data, .*events"):
            read("market_dat")


class TestOtherLibraries:
    def test_a_table_as_arrow_has_the_same_rows(self, tmp_path: Path) -> None:
        session = write_session(tmp_path / "session", [(at, numbered(at)) for at in range(3)])
        table = session.to_arrow()
        assert table.column_names == session.market_data.collect_schema().names()
        assert table.to_pylist() == session.market_data.collect().to_dicts()
        assert session.to_arrow("control").num_rows == 0

    def test_a_table_as_pandas_has_the_same_rows(self, tmp_path: Path) -> None:
        session = write_session(tmp_path / "session", [(at, numbered(at)) for at in range(3)])
        frame = session.to_pandas()
        assert list(frame["price"]) == session.market_data.collect()["price"].to_list()
        assert list(frame.columns) == session.market_data.collect_schema().names()

    def test_without_pandas_it_says_what_to_install(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        session = write_session(tmp_path / "session", [(1, numbered(1))])
        found = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None if name == "pandas" else found(name))
        with pytest.raises(ImportError, match="pip install pandas"):
            session.to_pandas()
