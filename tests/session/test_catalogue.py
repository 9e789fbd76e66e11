"""A folder of sessions as one catalogue."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import zlib
from pathlib import Path

import polars as pl
import pytest

from hftlab.clock import NANOSECONDS
from hftlab.errors import SessionError, SessionNotFound
from hftlab.session import Session, SessionWriter, sessions
from hftlab.session import catalogue as catalogue_module
from hftlab.session.manifest import Manifest, read_manifest
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import crashed, numbered, write_session

DAY = 86_400 * NANOSECONDS
JANUARY_2 = 20_455 * DAY
"""2026-01-02 in ns."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Plain and hive folders, one of them damaged, one running, and things that are not sessions."""
    root = tmp_path / "data"
    write_session(root / "walk", [(JANUARY_2 + at, numbered(at)) for at in range(3)])
    write_session(
        root / "date=2026-01-05" / "session=open",
        [(JANUARY_2 + 3 * DAY + at, market_data(symbol("MSFT"))) for at in range(2)],
    )
    write_session(root / "date=2026-01-06" / "session=open", [(JANUARY_2 + 4 * DAY, numbered(1))])
    writer = SessionWriter(tmp_path / "running", source={"name": "live", "kind": "client"})
    writer.append(numbered(7), JANUARY_2 + 9 * DAY)
    writer.commit()
    crashed(writer, root / "running")
    (root / "broken").mkdir()
    (root / "broken" / "manifest.json").write_text('{"format": "hftlab session", "schema": ')
    (root / "notes").mkdir()
    (root / "notes" / "manifest.txt").write_text("nothing")
    return root


class TestManifests:
    def test_every_session_has_a_row_with_what_its_manifest_says(self, folder: Path) -> None:
        frame = sessions(folder).manifests.collect()
        assert frame.select("session", "date", "messages", "ending").rows() == [
            ("broken", None, None, None),
            ("open", dt.date(2026, 1, 5), 2, "closed"),
            ("open", dt.date(2026, 1, 6), 1, "closed"),
            ("running", None, 0, "running"),
            ("walk", dt.date(2026, 1, 2), 3, "closed"),
        ]
        walk = frame.row(-1, named=True)
        assert walk["path"] == str(folder / "walk")
        assert (walk["started"], walk["ended"], walk["rows"]) == (JANUARY_2, JANUARY_2 + 2, 3)
        assert walk["bytes"] == sum(path.stat().st_size for path in folder.glob("walk/*/*.parquet"))
        assert (walk["source"], walk["symbols"], walk["complete"]) == ("test", ["AAPL"], True)

    def test_what_is_wrong_is_said_in_a_column(self, folder: Path) -> None:
        frame = sessions(folder).manifests.collect()
        problems = dict(frame.filter(pl.col("problem").is_not_null()).select("session", "problem").rows())
        assert set(problems) == {"broken", "running"}
        assert "cannot be read" in problems["broken"]
        assert "hftlab recover" in problems["running"]

    def test_a_folder_that_may_not_be_read_is_a_problem_of_its_own(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As the sessions of somebody else may be: the others are found all the same."""

        def guarded(path: Path) -> Manifest:
            if path.name == "walk":
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return read_manifest(path)

        monkeypatch.setattr(catalogue_module, "read_manifest", guarded)
        problems = sessions(folder).manifests.drop_nulls("problem").select("session", "problem").collect().rows()
        assert ("walk", "it cannot be read (Permission denied)") in problems
        assert len(list(sessions(folder))) == 2

    def test_a_table_that_cannot_be_read_leaves_the_others(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A bad sector, for instance."""
        table = Session.table

        def failing(session: Session, name: str) -> pl.LazyFrame:
            if session.folder.name == "walk":
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return table(session, name)

        monkeypatch.setattr(Session, "table", failing)
        with pytest.warns(UserWarning, match=r"walk cannot be read \(Input/output error\)"):
            found = sessions(folder).market_data.collect()
        assert found["session"].unique().to_list() == ["open"]

    def test_two_of_one_name_and_date_have_their_paths(self, tmp_path: Path) -> None:
        for inner in ("a", "b"):
            write_session(tmp_path / inner / "walk", [(1, numbered(1))])
        assert sessions(tmp_path).names == ["a/walk", "b/walk"]

    def test_a_folder_without_sessions_is_empty_and_one_that_is_missing_an_error(self, tmp_path: Path) -> None:
        assert len(sessions(tmp_path)) == 0
        assert sessions(tmp_path).manifests.collect().is_empty()
        assert sessions(tmp_path).market_data.collect().is_empty()
        with pytest.raises(SessionNotFound, match="nowhere"):
            sessions(tmp_path / "nowhere")


class TestFilter:
    def test_by_date_symbols_and_kind(self, folder: Path) -> None:
        catalogue = sessions(folder)
        assert catalogue.filter(date="2026-01-05").names == ["open"]
        assert catalogue.filter(since="2026-01-03", until=dt.date(2026, 1, 6)).names == ["open", "open"]
        assert catalogue.filter(symbols="MSFT").manifests.collect()["date"].to_list() == [dt.date(2026, 1, 5)]
        assert catalogue.filter(symbols=["AAPL"], until="2026-01-02").names == ["walk"]
        assert catalogue.filter(kind="client").names == ["running"]
        assert catalogue.filter(symbols=["AAPL", "MSFT"]).names == []

    def test_text_that_is_not_a_date_is_refused(self, folder: Path) -> None:
        with pytest.raises(ValueError, match="Jan"):
            sessions(folder).filter(date="Jan 2")


class TestTables:
    def test_a_table_has_the_rows_of_all_with_their_session_and_date(self, folder: Path) -> None:
        with pytest.warns(UserWarning, match="left out of the table market_data") as told:
            frame = sessions(folder).table("market_data")
        assert isinstance(frame, pl.LazyFrame)
        assert frame.select("date", "session", "symbol").collect().rows() == [
            (dt.date(2026, 1, 5), "open", "MSFT"),
            (dt.date(2026, 1, 5), "open", "MSFT"),
            (dt.date(2026, 1, 6), "open", "AAPL"),
            *[(dt.date(2026, 1, 2), "walk", "AAPL")] * 3,
        ]
        assert all(name in str(told[0].message) for name in ("broken", "running"))

    def test_a_damaged_part_leaves_its_session_out(self, folder: Path) -> None:
        (part,) = folder.glob("walk/market_data/*.parquet")
        part.write_bytes(part.read_bytes()[:-1] + b"x")
        with pytest.warns(UserWarning, match=part.name):
            frame = sessions(folder).filter(symbols="AAPL", until="2026-01-06").market_data
        assert frame.collect()["session"].to_list() == ["open"]

    def test_schemas_are_united(self, tmp_path: Path) -> None:
        """Columns of a later version are null in the rows of an earlier one, and those unknown here are kept."""
        old, new = (write_session(tmp_path / name, [(1, numbered(1))]) for name in ("old", "new"))
        for session, change in ((old, pl.all().exclude("ts_capture")), (new, pl.all())):
            (part,) = session.manifest.tables["market_data"]
            path = session.folder / part.file
            pl.read_parquet(path).select(change).write_parquet(path)
            text = (session.folder / "manifest.json").read_text()
            sizes = {f'"size": {part.size}': f'"size": {path.stat().st_size}'}
            sizes[f'"crc32": {part.crc32}'] = f'"crc32": {zlib.crc32(path.read_bytes())}'
            for before, after in sizes.items():
                text = text.replace(before, after)
            edited = json.loads(text)
            del edited["checksum"]
            (session.folder / "manifest.json").write_text(json.dumps(edited))
        frame = sessions(tmp_path).market_data.collect()
        assert frame["session"].to_list() == ["new", "old"]
        assert frame["ts_capture"].to_list() == [None, None]

    def test_a_table_of_no_sessions_has_its_columns(self, folder: Path) -> None:
        none = sessions(folder).filter(kind="nothing").market_data
        assert none.group_by("date", "symbol").agg(pl.len()).collect().is_empty()
        some = sessions(folder).filter(symbols="MSFT").market_data
        assert none.collect_schema() == some.collect_schema()

    def test_an_unknown_table_is_refused_with_the_known_ones(self, folder: Path) -> None:
        with pytest.raises(SessionError, match="market_data, order_updates"):
            sessions(folder).table("quotes")


class TestSlice:
    def test_it_has_the_rows_of_its_time(self, folder: Path) -> None:
        catalogue = sessions(folder).filter(since="2026-01-01")
        whole = catalogue.market_data.collect()
        between = pl.col("ts_recv").is_between(JANUARY_2 + 1, JANUARY_2 + 3 * DAY + 1, closed="left")
        found = catalogue.slice(JANUARY_2 + 1, JANUARY_2 + 3 * DAY + 1)
        assert found.equals(whole.filter(between))
        assert found.height == 3
        assert catalogue.slice("2026-01-02", "2026-01-07", "MSFT").equals(whole.filter(pl.col("symbol") == "MSFT"))
        assert catalogue.slice(0, 1).schema == whole.schema

    def test_unknown_symbols_are_refused_and_what_cannot_be_read_is_told(self, folder: Path) -> None:
        with pytest.raises(SessionError, match=r"GOOG.*see catalogue\.symbols"):
            sessions(folder).slice(0, 1, "GOOG")
        with pytest.warns(UserWarning, match="left out of the slice: .*broken"):
            sessions(folder).slice(0, 1)


class TestSessions:
    def test_it_iterates_over_those_that_can_be_read(self, folder: Path) -> None:
        assert [session.manifest.messages for session in sessions(folder)] == [2, 1, 3]

    def test_one_is_opened_by_its_name(self, folder: Path) -> None:
        assert sessions(folder)["walk"].folder == folder / "walk"
        with pytest.raises(KeyError, match="nothing"):
            sessions(folder)["nothing"]

    def test_it_is_shown_as_a_table(self, folder: Path) -> None:
        catalogue = sessions(folder)
        assert repr(catalogue) == f"Catalogue({str(folder)!r}: 5 sessions, 2 with a problem)"
        html = catalogue._repr_html_()
        assert html.count("<tr>") == 6
        assert "hftlab recover" in html
