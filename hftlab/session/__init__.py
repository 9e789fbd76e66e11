"""A recorded session: its folder of Parquet files and journal, and the messages in it as a source. No sockets here."""

from hftlab.session.recovery import Recovery, recover
from hftlab.session.replay import Replay
from hftlab.session.session import Session, open_session
from hftlab.session.writer import SessionWriter

__all__ = ["Recovery", "Replay", "Session", "SessionWriter", "open_session", "recover"]
