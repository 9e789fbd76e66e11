"""`hftlab upload` and `hftlab download`: sessions to and from object stores."""

from __future__ import annotations

from typing import Annotated

import typer

from hftlab.cli.options import Folder
from hftlab.cli.progress import Progress
from hftlab.cli.session_text import session_text
from hftlab.printable import printable

__all__ = ["download", "upload"]


def upload(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="Folder of a session.")],
    to: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where to put it, such as s3://bucket/path.")],
    overwrite: Annotated[bool, typer.Option(help="Replace a session that is there.")] = False,
) -> None:
    """Upload a session to an object store: it is there as a whole, or not at all.

    An upload that was interrupted is finished by running it again. The session's folder stays as it is.
    """
    from hftlab.session import open_session
    from hftlab.session import upload as upload_session

    opened = open_session(session)
    with Progress(f"uploading {printable(opened.folder.name)}", opened.manifest.size, "bytes") as progress:
        done = upload_session(opened, to, overwrite=overwrite, progress=progress.advance)
    typer.echo(session_text(done))


def download(
    session: Folder,
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Where to put it: a new folder.")],
) -> None:
    """Download a session from an object store, and compare each file of it with its checksum.

    A download that was interrupted is finished by running it again.
    """
    from hftlab.session import download as download_session
    from hftlab.session import open_session

    opened = open_session(session)
    with Progress(f"downloading {printable(opened.folder.name)}", opened.manifest.size, "bytes") as progress:
        done = download_session(opened, folder, progress=progress.advance)
    typer.echo(session_text(done))
