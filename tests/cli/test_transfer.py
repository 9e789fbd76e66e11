"""`hftlab upload` and `download`, and the other commands with addresses of an object store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hftlab.session import Session, open_session
from hftlab.session.object_path import ObjectPath
from tests.command import Run, sentence
from tests.session.object_server import BUCKET, ObjectServer

WHERE = f"s3://{BUCKET}/day one/session"


@pytest.fixture
def server(object_store: ObjectServer) -> ObjectServer:
    return object_store


class TestUploadAndDownload:
    def test_there_and_back(self, server: ObjectServer, session: Session, run: Run, tmp_path: Path) -> None:
        status, out, err = run("upload", session.folder, WHERE)
        assert (status, err) == (0, "")
        assert out.startswith(f"{WHERE}: 6 messages")
        assert run("upload", session.folder, WHERE).status == 0
        assert run("download", WHERE, tmp_path / "back").out.startswith(f"{tmp_path / 'back'}: 6 messages")
        assert open_session(tmp_path / "back").manifest == session.manifest

    def test_a_session_that_is_there_is_kept(
        self, server: ObjectServer, session: Session, run: Run, tmp_path: Path
    ) -> None:
        run("upload", session.folder, WHERE)
        manifest = json.loads((session.folder / "manifest.json").read_text())
        manifest.pop("checksum")
        (session.folder / "manifest.json").write_text(json.dumps(manifest | {"source": {"name": "another"}}))
        assert "--overwrite" in sentence(run("upload", session.folder, WHERE))
        assert run("upload", session.folder, WHERE, "--overwrite").status == 0
        assert open_session(WHERE).manifest.source == {"name": "another"}

    def test_what_is_wrong_is_one_sentence(self, server: ObjectServer, session: Session, run: Run) -> None:
        assert "give an address such as s3://" in sentence(run("upload", session.folder, "folder"))
        assert "no bucket" in sentence(run("upload", session.folder, "s3://no-such-bucket/x"))
        assert "there is nothing at" in sentence(run("download", WHERE, "back"))


class TestOtherCommands:
    @pytest.fixture(autouse=True)
    def uploaded(self, server: ObjectServer, session: Session, run: Run) -> None:
        run("upload", session.folder, WHERE)

    def test_info(self, session: Session, run: Run) -> None:
        status, out, err = run("info", WHERE)
        assert (status, err) == (0, "")
        assert out.splitlines()[1:] == run("info", session.folder).out.splitlines()[1:]
        assert json.loads(run("info", WHERE, "--json").out)["messages"] == 6

    def test_verify(self, server: ObjectServer, run: Run) -> None:
        assert run("verify", WHERE).out.startswith(f"{WHERE}: whole")
        key = open_session(WHERE).manifest.tables["market_data"][0].file
        server.write(f"day one/session/{key}", b"x")
        status, out, _ = run("verify", WHERE)
        assert status == 1
        assert f"{ObjectPath(WHERE) / key}: it has 1 bytes" in out

    def test_verify_of_a_folder_names_the_sessions_in_it(self, run: Run) -> None:
        assert "in it are day one" in sentence(run("verify", f"s3://{BUCKET}"))
        assert "in it are session" in sentence(run("verify", f"s3://{BUCKET}/day one"))

    def test_diff(self, session: Session, run: Run) -> None:
        assert run("diff", WHERE, session.folder) == (0, "equal\n", "")

    def test_what_works_in_place_asks_to_download(self, run: Run) -> None:
        assert f"run `hftlab download {WHERE} FOLDER`" in sentence(run("compact", WHERE))
        assert f"`hftlab verify {WHERE}`" in sentence(run("recover", WHERE))
