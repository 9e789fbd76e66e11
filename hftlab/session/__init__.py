"""The format of recorded sessions: journal and Parquet files, their writer, and a replay. It opens no sockets."""

from hftlab.session.catalogue import Catalogue, sessions
from hftlab.session.compaction import Compaction, compact
from hftlab.session.diff import Difference, diff
from hftlab.session.download import download
from hftlab.session.merged import Merged, merged
from hftlab.session.recovery import Recovery, recover, unfinished_replacement
from hftlab.session.replay import Replay
from hftlab.session.session import Session, open_session
from hftlab.session.upload import upload
from hftlab.session.verification import Verification, verify
from hftlab.session.writer import SessionWriter

__all__ = [
    "Catalogue",
    "Compaction",
    "Difference",
    "Merged",
    "Recovery",
    "Replay",
    "Session",
    "SessionWriter",
    "Verification",
    "compact",
    "diff",
    "download",
    "merged",
    "open_session",
    "recover",
    "sessions",
    "unfinished_replacement",
    "upload",
    "verify",
]
