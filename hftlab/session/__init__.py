"""The format of recorded sessions: journal and Parquet files, their writer, and a replay. It opens no sockets."""

from hftlab.session.recovery import Recovery, recover, unfinished_replacement
from hftlab.session.replay import Replay
from hftlab.session.session import Session, open_session
from hftlab.session.writer import SessionWriter

__all__ = ["Recovery", "Replay", "Session", "SessionWriter", "open_session", "recover", "unfinished_replacement"]
