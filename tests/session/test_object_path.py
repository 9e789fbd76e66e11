from __future__ import annotations

import pickle
import random
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import polars as pl
import pytest

import hftlab as hl
from hftlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    ObjectStoreFailed,
    SessionDamaged,
    SessionError,
    SessionNotFound,
)
from hftlab.protocol import MarketData
from hftlab.session import Session, SessionWriter, merged, verify
from hftlab.session.object_path import ObjectPath, is_object_uri, local_folder, located
from tests.protocol.conftest import market_data, symbol
from tests.session.object_server import BUCKET, ObjectServer
from tests.session.sessions import numbered, replayed, write_session
from tests.session.test_tables import ORDER

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
MESSAGES = 20_000
NAME = "date=2026-01-02/session=an öpening *"
"""A folder with what addresses have to escape: a space, a letter that is not of ASCII, an asterisk."""


@pytest.fixture(scope="module")
def server(object_servers: ObjectServer) -> Iterator[ObjectServer]:
    yield object_servers
    object_servers.clear()


@pytest.fixture(autouse=True)
def environment(server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.log.clear()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session of two symbols, with a hundred messages a second, and a gap."""
    received = [(SECOND + n * SECOND // 100, _message(n)) for n in range(MESSAGES)]
    return write_session(tmp_path_factory.mktemp("local") / "session", received)


@pytest.fixture(scope="module")
def uri(server: ObjectServer, local: Session) -> str:
    """The same session on the object store, copied there as any tool would."""
    return copied(server, local, NAME)


def copied(server: ObjectServer, local: Session, name: str) -> str:
    assert isinstance(local.folder, Path)
    for path in local.folder.rglob("*"):
        if path.is_file():
            server.write(f"{name}/{path.relative_to(local.folder).as_posix()}", path.read_bytes())
    return f"s3://{BUCKET}/{name}"


def _message(number: int) -> MarketData:
    name = ("AAPL", "MSFT")[number % 2]
    return market_data(symbol(name, price=100.0 + number % 7, volume=float(number)), id=f"md_{number}")


class TestOpenSession:
    def test_it_is_what_was_copied(self, local: Session, uri: str) -> None:
        opened = hl.open_session(uri)
        assert opened.manifest == local.manifest
        assert opened.market_data.collect().equals(local.market_data.collect())
        assert opened.order_updates.collect().is_empty()
        assert opened.coverage().equals(local.coverage())
        assert hl.diff(local, uri) is None

    def test_credentials_and_the_endpoint_may_be_given(
        self, server: ObjectServer, uri: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in server.environment:
            monkeypatch.delenv(name)
        opened = hl.open_session(uri, storage_options=server.environment)
        assert opened.market_data.select(pl.len()).collect().item() == MESSAGES
        again = pickle.loads(pickle.dumps(opened))
        assert again.market_data.select(pl.len()).collect().item() == MESSAGES

    def test_what_is_shown_holds_no_credentials(self, server: ObjectServer, uri: str) -> None:
        opened = hl.open_session(uri, storage_options=server.environment | {"aws_secret_access_key": "hush-hush"})
        shown = f"{opened} {opened!r} {opened.folder!r} {opened._repr_html_()} {opened.replay()!r}"
        assert "hush-hush" not in shown
        assert uri in repr(opened)
        assert "session=an öpening *" in opened._repr_html_()

    def test_a_folder_that_is_not_a_session_says_what_is_there(self, uri: str) -> None:
        with pytest.raises(SessionNotFound, match=r"nothing at s3://recordings/nowhere"):
            hl.open_session(f"s3://{BUCKET}/nowhere")
        with pytest.raises(SessionNotFound, match=r"in it are session=an öpening \*"):
            hl.open_session(f"s3://{BUCKET}/date=2026-01-02")
        with pytest.raises(SessionNotFound, match="it is an object"):
            hl.open_session(f"{uri}/manifest.json")

    def test_a_bucket_that_does_not_exist_is_named(self) -> None:
        with pytest.raises(ObjectStoreFailed, match="no bucket 'no-such-bucket'"):
            hl.open_session("s3://no-such-bucket/session")

    @pytest.mark.parametrize("address", ["http://host/x", "s3://", "s3:///x", "s3://b/../x", "s3://b/a\tb"])
    def test_other_addresses_are_refused(self, address: str) -> None:
        with pytest.raises(ArgumentError, match=r"s3://bucket/path|leave it out"):
            hl.open_session(address)

    @pytest.mark.parametrize("address", ["s3:/bucket/x", "s3:bucket/x", "S3:/bucket/x"])
    def test_an_address_that_lacks_a_slash_is_told(self, address: str, tmp_path: Path) -> None:
        for call in (hl.open_session, hl.sessions, verify, lambda one: hl.download(one, tmp_path / "back")):
            with pytest.raises(ArgumentError, match="write 's3://bucket/x'"):
                call(address)

    @pytest.mark.parametrize(
        ("address", "said"),
        [
            ("s3a://bucket/x/", "write 's3://bucket/x'"),
            ("S3N://bucket", "write 's3://bucket'"),
            ("gcs://bucket/x", "write 'gs://bucket/x'"),
            ("abfss://container@account.dfs.core.windows.net/x", "write 'az://container/x'"),
        ],
    )
    def test_the_schemes_of_other_tools_are_told(self, address: str, said: str) -> None:
        for call in (hl.open_session, hl.sessions, verify):
            with pytest.raises(ArgumentError, match=said):
                call(address)

    def test_credentials_in_an_address_are_not_repeated(self) -> None:
        with pytest.raises(ArgumentError, match="not part of an address") as caught:
            hl.open_session("s3://key:secret@bucket/x")
        assert "secret" not in str(caught.value)
        for scheme in ("s3a", "ftp", "gcs"):
            with pytest.raises(ArgumentError) as caught:
                hl.open_session(f"{scheme}://key:secret@bucket/x")
            assert "secret" not in str(caught.value)

    def test_a_path_of_an_address_is_told(self) -> None:
        with pytest.raises(ArgumentTypeError, match="'s3://bucket/session'"):
            hl.open_session(Path("s3://bucket/session"))

    def test_options_are_for_object_stores_alone(self, tmp_path: Path) -> None:
        with pytest.raises(ArgumentError, match="is a folder"):
            hl.open_session(tmp_path, storage_options={"aws_region": "eu-west-1"})


class TestBytes:
    """What is fetched, by the server's own log."""

    def test_a_second_fetches_its_row_groups_alone(self, server: ObjectServer, local: Session, uri: str) -> None:
        opened = hl.open_session(uri)
        server.log.clear()
        start, stop = 101 * SECOND, 102 * SECOND
        rows = opened.slice(start, stop, "MSFT")
        assert rows.height == 50
        assert rows.equals(local.slice(start, stop, "MSFT"))
        index = pl.read_parquet(local.folder / "index/market_data-000001.parquet").filter(pl.col("symbol").is_null())
        groups = index.filter(pl.col("started") < stop, pl.col("ended") >= start)
        footer = index.filter(pl.col("started").is_null())
        needed = pl.concat([groups, footer]).select((pl.col("stop") - pl.col("start")).sum()).item()
        assert server.fetched("market_data/") == needed
        assert needed < local.manifest.size_of("market_data") / 2

    def test_another_second_close_by_fetches_nothing(self, server: ObjectServer, uri: str) -> None:
        opened = hl.open_session(uri)
        opened.slice(101 * SECOND, 102 * SECOND)
        server.log.clear()
        opened.slice(102 * SECOND, 103 * SECOND)
        assert server.fetched() == 0

    def test_opening_takes_three_requests(self, server: ObjectServer, uri: str) -> None:
        hl.open_session(uri)
        assert [request.method for request in server.log] == ["HEAD", "GET", "GET"]  # manifest, and one list

    def test_a_replay_fetches_each_row_group_once(self, server: ObjectServer, local: Session, uri: str) -> None:
        opened = hl.open_session(uri)
        server.log.clear()
        assert replayed(opened) == replayed(local)
        assert server.fetched("market_data/") == local.manifest.tables["market_data"][0].size
        requests = [one for one in server.log if one.method == "GET" and "market_data/part" in one.path]
        assert len(requests) < 1 + MESSAGES // 4096  # neighbours come together

    def test_a_seek_reads_what_it_needs(self, server: ObjectServer, local: Session, uri: str) -> None:
        opened = hl.open_session(uri)
        server.log.clear()
        replay, same = opened.replay(), local.replay()
        assert replay.seek(150 * SECOND) == same.seek(150 * SECOND)
        assert replay.take(10) == same.take(10)
        replay.close()
        same.close()
        assert server.fetched("market_data/part") < local.manifest.size_of("market_data")

    def test_a_seek_reads_what_it_needs_of_private_messages_as_well(self, server: ObjectServer, tmp_path: Path) -> None:
        writer = SessionWriter(tmp_path / "s", source={})
        for n in range(10_000):
            order = msgspec.structs.replace(ORDER, client_order_id=f"{hash((n, 7)):x}")
            writer.append(order, SECOND + n * SECOND // 100, account="alice")
        writer.close()
        written = hl.open_session(tmp_path / "s")
        replay, same = hl.open_session(copied(server, written, "private")).replay(), written.replay()
        server.log.clear()
        replay.seek(100 * SECOND)
        same.seek(100 * SECOND)
        assert replay.take(10) == same.take(10)
        replay.close()
        same.close()
        index = pl.read_parquet(tmp_path / "s/index/order_updates-000001.parquet").filter(pl.col("symbol").is_null())
        groups = index.filter(pl.col("started").is_null() | (pl.col("ended") > 100 * SECOND))
        needed = groups.select((pl.col("stop") - pl.col("start")).sum()).item()
        assert server.fetched("order_updates/") == needed
        assert needed < written.manifest.size_of("order_updates") / 2


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Session:
    chance = random.Random(7)
    names = [f"S{number:02}" for number in range(20)]
    received = [
        (
            SECOND + n * SECOND // 100,
            market_data(*(symbol(name, price=2 + chance.random(), volume=chance.random()) for name in names)),
        )
        for n in range(20_000)
    ]
    return write_session(tmp_path_factory.mktemp("large") / "session", received)


@pytest.fixture(scope="module")
def large_uri(server: ObjectServer, large: Session) -> str:
    return copied(server, large, "large")


@pytest.mark.soak
class TestLargeTables:
    """A table of several row groups of polars' own reads, which is scanned where it lies."""

    def test_a_query_fetches_its_columns_and_row_groups(
        self, server: ObjectServer, large: Session, large_uri: str
    ) -> None:
        size = large.manifest.size_of("market_data")
        opened = hl.open_session(large_uri)
        assert size > 8 << 20
        server.log.clear()
        column = pl.col("price").max()
        assert opened.market_data.select(column).collect().equals(large.market_data.select(column).collect())
        assert server.fetched("market_data/") < size / 2
        server.log.clear()
        some = pl.col("ts_recv").is_between(100 * SECOND, 101 * SECOND) & (pl.col("symbol") == "S03")
        assert opened.market_data.filter(some).collect().equals(large.market_data.filter(some).collect())
        assert server.fetched("market_data/") < size / 10

    def test_a_minute_of_a_symbol_is_a_small_share(self, server: ObjectServer, large: Session, large_uri: str) -> None:
        opened = hl.open_session(large_uri)
        server.log.clear()
        assert opened.slice(100 * SECOND, 101 * SECOND, "S03").equals(large.slice(100 * SECOND, 101 * SECOND, "S03"))
        assert server.fetched("market_data/") < large.manifest.size_of("market_data") / 20

    def test_damage_is_found_by_all_but_a_query(self, server: ObjectServer, large_uri: str) -> None:
        key = "large/market_data/part-000001.parquet"
        data = bytearray(server.read(key))
        data[len(data) // 2] ^= 1
        server.write(key, bytes(data))
        opened = hl.open_session(large_uri)
        assert opened.market_data.select(pl.len()).collect().item() == 400_000
        for read in (opened.verify, lambda: opened.slice(0, 10**12)):
            with pytest.raises(SessionDamaged):
                read()


class TestDamage:
    @pytest.fixture
    def own(self, server: ObjectServer, local: Session, request: pytest.FixtureRequest) -> Iterator[str]:
        name = request.node.name
        yield copied(server, local, name)
        for key in server.stored(name):
            server.delete(key)

    def _change(self, server: ObjectServer, key: str) -> None:
        data = bytearray(server.read(key))
        data[len(data) // 3] ^= 1
        server.write(key, bytes(data))

    def test_a_damaged_part_is_never_served(self, server: ObjectServer, own: str) -> None:
        part = own.removeprefix(f"s3://{BUCKET}/") + "/market_data/part-000001.parquet"
        self._change(server, part)
        opened = hl.open_session(own)
        for read in (
            lambda: opened.market_data,
            lambda: opened.slice(0, 10**12),
            lambda: opened.replay().take(MESSAGES),
            opened.verify,
        ):
            with pytest.raises(SessionDamaged, match=r"s3://.*part-000001\.parquet is damaged"):
                read()
        assert [problem.path for problem in verify(own).problems] == [ObjectPath(f"s3://{BUCKET}/{part}")]

    def test_an_object_that_is_changed_under_its_reader_is_told(self, server: ObjectServer, own: str) -> None:
        opened = hl.open_session(own)
        opened.slice(0, 2 * SECOND)
        self._change(server, own.removeprefix(f"s3://{BUCKET}/") + "/market_data/part-000001.parquet")
        with pytest.raises(SessionDamaged, match="checksum"):
            opened.slice(0, 10**12)

    def test_an_object_that_is_deleted_under_its_reader_is_told(self, server: ObjectServer, own: str) -> None:
        opened = hl.open_session(own)
        opened.slice(0, 2 * SECOND)
        server.delete(own.removeprefix(f"s3://{BUCKET}/") + "/market_data/part-000001.parquet")
        with pytest.raises(SessionDamaged, match="is missing"):
            opened.slice(0, 10**12)

    def test_a_part_that_is_not_there_is_told_when_a_replay_begins(self, server: ObjectServer, own: str) -> None:
        server.delete(own.removeprefix(f"s3://{BUCKET}/") + "/market_data/part-000001.parquet")
        opened = hl.open_session(own)
        with pytest.raises(SessionDamaged, match="is missing"):
            opened.replay()
        with pytest.raises(SessionDamaged, match="is missing"):
            _ = opened.market_data

    def test_without_its_index_a_part_is_read_as_a_whole(self, server: ObjectServer, local: Session, own: str) -> None:
        server.delete(own.removeprefix(f"s3://{BUCKET}/") + "/index/market_data-000001.parquet")
        assert replayed(hl.open_session(own)) == replayed(local)

    def test_objects_of_others_are_a_problem_of_verify(self, server: ObjectServer, own: str) -> None:
        server.write(own.removeprefix(f"s3://{BUCKET}/") + "/market_data/part-000002.parquet", b"what")
        (problem,) = verify(own).problems
        assert "the manifest does not name it" in problem.what


class TestCatalogue:
    def test_sessions_are_found_behind_more_than_a_thousand_objects(
        self, server: ObjectServer, local: Session, uri: str
    ) -> None:
        with server.keys_beside([f"date=2026-01-02/many/{number:04}" for number in range(1001)]):
            server.log.clear()
            catalogue = hl.sessions(f"s3://{BUCKET}/date=2026-01-02")
        lists = [one for one in server.log if one.path == f"/{BUCKET}" and one.method == "GET"]
        assert len(lists) == 2
        assert catalogue.names == ["an öpening *"]
        assert catalogue.manifests.select("path", "session", "date", "messages", "problem").collect().rows() == [
            (uri, "an öpening *", date(2026, 1, 2), MESSAGES, None)
        ]
        assert catalogue["an öpening *"].manifest == local.manifest
        assert [one.folder for one in catalogue.filter(date="2026-01-02")] == [ObjectPath(uri)]
        assert catalogue.market_data.select(pl.len()).collect().item() == MESSAGES
        assert uri.split("/")[2] in catalogue._repr_html_()

    def test_it_fetches_each_manifest_once_and_no_part(self, server: ObjectServer, tmp_path: Path) -> None:
        local = write_session(tmp_path / "s", [(1, numbered(1))])
        for number in range(20):
            copied(server, local, f"twenty/{number:02}")
        server.log.clear()
        catalogue = hl.sessions(f"s3://{BUCKET}/twenty")
        assert catalogue.names == [f"{number:02}" for number in range(20)]
        assert catalogue.manifests.select("messages").sum().collect().item() == 20
        fetched = [one.path for one in server.log if one.method == "GET" and one.path.rstrip("/") != f"/{BUCKET}"]
        assert sorted(fetched) == [f"/{BUCKET}/twenty/{number:02}/manifest.json" for number in range(20)]

    @pytest.fixture
    def days(self, server: ObjectServer, local: Session) -> str:
        """Three days of one content in folders that say so, one in a folder that does not, and one of a later time."""
        for place in (
            "date=2026-01-02/session=é",
            "date=2026-01-03/session=b",
            "date=2026-01-04/session=c%20d",
            "plain",
        ):
            copied(server, local, f"days/{place}")
        with tempfile.TemporaryDirectory() as folder:
            received = [(DAY + n, numbered(n)) for n in range(3)]
            copied(server, write_session(Path(folder) / "s", received), "days/later")
        return f"s3://{BUCKET}/days"

    def test_tables_and_iterating_ask_nothing(self, server: ObjectServer, days: str) -> None:
        catalogue = hl.sessions(days)
        server.log.clear()
        table = catalogue.market_data
        assert [one.manifest.messages for one in catalogue] == [MESSAGES, MESSAGES, MESSAGES, 3, MESSAGES]
        assert catalogue.filter(date="2026-01-03").market_data.collect_schema() == table.collect_schema()
        assert not server.log
        assert all(len(pickle.dumps(one)) < 10_000 for one in catalogue)
        assert table.select(pl.len()).collect().item() == 4 * MESSAGES + 3

    @pytest.mark.parametrize(
        ("some", "count"),
        [
            (pl.col("date") == date(2026, 1, 3), 1),
            (pl.col("session") == "é", 1),
            (pl.col("date").is_between(date(2026, 1, 2), date(2026, 1, 3)), 2),
        ],
    )
    def test_a_query_of_a_date_fetches_nothing_of_others(
        self, server: ObjectServer, days: str, some: pl.Expr, count: int
    ) -> None:
        """Folders without such names are looked at."""
        table = hl.sessions(days).market_data
        server.log.clear()
        assert table.filter(some).collect().height == count * MESSAGES
        assert len({one.path for one in server.log if "/date=" in one.path and "c%" not in one.path}) == count

    def test_a_second_of_a_symbol_fetches_its_row_groups_alone(
        self, server: ObjectServer, local: Session, days: str
    ) -> None:
        catalogue = hl.sessions(days)
        server.log.clear()
        rows = catalogue.slice(101 * SECOND, 102 * SECOND, "MSFT")
        assert rows["session"].unique(maintain_order=True).to_list() == ["é", "b", "c%20d", "plain"]
        one = rows.filter(pl.col("session") == "b").drop("session", "date")
        assert one.equals(local.slice(101 * SECOND, 102 * SECOND, "MSFT"))
        fetched = server.fetched("market_data/")
        server.log.clear()
        hl.open_session(f"{days}/plain").slice(101 * SECOND, 102 * SECOND)
        assert fetched == 4 * server.fetched("market_data/")
        assert fetched < 4 * local.manifest.size_of("market_data") / 2
        server.log.clear()
        assert catalogue.slice(DAY, DAY + 2).height == 2
        assert {one.path for one in server.log if "part" in one.path} == {
            f"/{BUCKET}/days/later/market_data/part-000001.parquet"
        }

    def test_one_that_was_uploaded_while_it_was_looked_for_is_there(
        self, server: ObjectServer, local: Session, tmp_path: Path
    ) -> None:
        """Its manifest comes after the list of objects, which has the old parts."""
        copied(server, write_session(tmp_path / "old", [(1, numbered(1))]), "raced/s")
        assert isinstance(local.folder, Path)
        files = [path for path in local.folder.rglob("*") if path.is_file()]
        new = {path.relative_to(local.folder).as_posix(): path.read_bytes() for path in files}

        def replace(method: str, path: str) -> bool:
            if path.endswith("raced/s/manifest.json"):
                server.refuse = lambda method, path: False
                for name, data in new.items():
                    server.place(f"raced/s/{name}", data)
            return False

        server.refuse = replace
        assert hl.sessions(f"s3://{BUCKET}/raced").market_data.select(pl.len()).collect().item() == MESSAGES

    def test_a_part_that_is_missing_leaves_its_session_out(self, server: ObjectServer, days: str) -> None:
        server.delete("days/plain/market_data/part-000001.parquet")
        with pytest.warns(UserWarning, match=r"days/plain/market_data/part-000001\.parquet is missing"):
            table = hl.sessions(days).market_data
        assert table.select(pl.len()).collect().item() == 3 * MESSAGES + 3

    def test_what_cannot_be_read_is_left_out_with_a_warning(self, server: ObjectServer, local: Session) -> None:
        copied(server, local, "two/good")
        server.write("two/bad/manifest.json", b"{")
        catalogue = hl.sessions(f"s3://{BUCKET}/two")
        assert catalogue.names == ["bad", "good"]
        with pytest.warns(UserWarning, match=r"s3://recordings/two/bad"):
            table = catalogue.market_data
        assert table.select(pl.len()).collect().item() == MESSAGES

    def test_keys_that_no_path_has_are_left_out(self, server: ObjectServer, uri: str) -> None:
        with server.keys_beside([f"{NAME}/../x/manifest.json", "a//manifest.json", "b/./manifest.json"]):
            assert hl.sessions(f"s3://{BUCKET}/date=2026-01-02").names == ["an öpening *"]

    def test_nothing_there_is_an_error(self) -> None:
        with pytest.raises(SessionNotFound, match="nothing at s3://recordings/nowhere"):
            hl.sessions(f"s3://{BUCKET}/nowhere")
        with pytest.raises(ObjectStoreFailed, match="no bucket"):
            hl.sessions("s3://no-such-bucket/x")


class TestOtherReaders:
    def test_a_backtest_of_it_is_that_of_the_folder(self, local: Session, uri: str) -> None:
        class Buyer(hl.Strategy):
            def on_start(self) -> None: ...

        here, there = (hl.backtest(Buyer(), one, fill="risk_averse").facts[0] for one in (local, uri))
        assert there.path == uri
        assert (there.manifest, there.start, there.end) == (here.manifest, here.start, here.end)

    def test_it_is_merged_with_one_of_this_machine(self, tmp_path: Path, uri: str) -> None:
        other = write_session(tmp_path / "other", [(2 * SECOND, numbered(1))])
        assert len(merged([uri, other]).take(MESSAGES + 5)) == MESSAGES + 1

    def test_a_book_at_a_time(self, local: Session, uri: str) -> None:
        assert hl.open_session(uri).book_at(100 * SECOND, "AAPL") == local.book_at(100 * SECOND, "AAPL")

    def test_what_changes_files_in_place_asks_to_download(self, uri: str) -> None:
        with pytest.raises(SessionError, match="hftlab download s3://"):
            hl.compact(uri)


class TestLocated:
    def test_addresses_and_folders(self, tmp_path: Path) -> None:
        assert located(str(tmp_path)) == tmp_path
        assert located("s3://b/x/") == ObjectPath("s3://b/x")
        assert str(located("S3://b")) == "s3://b"
        assert located("C:/data") == Path("C:/data").absolute()
        assert is_object_uri("s3://b/x")
        assert not is_object_uri("data/session")
        assert local_folder(tmp_path, "is tested") == tmp_path

    def test_names(self) -> None:
        path = ObjectPath("s3://b/x/y")
        assert (path.name, path.parts, str(path / "z")) == ("y", ("b", "x", "y"), "s3://b/x/y/z")
        assert path.relative_to(ObjectPath("s3://b")).as_posix() == "x/y"
        assert {path, ObjectPath("s3://b/x/y/")} == {path}
        assert sorted([path, ObjectPath("s3://b/a")])[0].name == "a"
