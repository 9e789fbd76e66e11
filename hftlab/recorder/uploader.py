"""Uploads a recording while it goes on: each part once it is sealed, and the manifest when all is there."""

from __future__ import annotations

import threading
import time
from typing import Final

from hftlab.errors import ObjectStoreFailed, SessionError, SessionExists
from hftlab.log import get_logger
from hftlab.session.manifest import read_manifest
from hftlab.session.object_path import ObjectPath
from hftlab.session.session import Session
from hftlab.session.spool import check_spool, not_uploaded, remove_spool, spool_folder
from hftlab.session.upload import Upload
from hftlab.transport.backoff import Backoff

__all__ = ["Uploader"]

_PATIENCE: Final = 60.0
"""Seconds for which the end of an upload is tried again: somebody waits for it."""
_WAITS: Final = Backoff(base=1.0, limit=30.0, factor=2.0, attempts=None)

_log = get_logger("hftlab.recorder")


class Uploader:
    """Upload of a recording from its `folder` of this machine, on a thread of its own until finish() or stop().

    While the store cannot be reached, the recording goes on, `problem` says so, and the thread tries again. Nothing of
    the folder is deleted before the whole session is there. Raises SessionExists and ObjectStoreFailed for an address
    that cannot be used.
    """

    def __init__(self, to: ObjectPath, *, overwrite: bool) -> None:
        self.to, self.folder = to, spool_folder(to)
        check_spool(self.folder, to, overwrite=overwrite)
        self._upload = Upload(self.folder, to, overwrite=overwrite)
        self.problem: str | None = None
        """Sentence that says why nothing is uploaded at present, None if something is."""
        self._untold: str | None = None
        self._sealed, self._stops, self._hurries = threading.Event(), threading.Event(), threading.Event()
        self._finishing = threading.Lock()
        self._is_done = False
        self._thread = threading.Thread(target=self._run, name="hftlab uploader", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Upload the parts that the manifest in the folder names by now. Returns at once."""
        self._sealed.set()

    def new_problem(self) -> str | None:
        """Return what is wrong since this was asked last, None if nothing is."""
        told, self._untold = self._untold, None
        return told

    def stop(self) -> None:
        """End the thread, once the file that it is at is sent or given up. The upload can be finished later."""
        self._stops.set()
        self._sealed.set()
        self._thread.join()

    def finish(self) -> Session:
        """Send the rest of the session, which must be closed, and delete its folder; returns it as it is there.

        Calling it again returns it again. If the store cannot be reached for a minute, raises ObjectStoreFailed, which
        says how to go on; calling it again tries again. Raises SessionExists if another upload to it began.
        """
        self.stop()
        with self._finishing:
            if not self._is_done:
                self._finish()
                self._is_done = True
                remove_spool(self.folder)
        return Session(self.to)

    def hurry(self) -> None:
        """Have finish() give up as soon as an attempt fails, instead of trying for a minute. From any thread."""
        self._hurries.set()

    def give_up(self) -> None:
        """End the thread, and delete what was sent: there is no session."""
        self.stop()
        try:
            self._upload.discard()
        except SessionError as exc:  # what stays there is no session, and the next upload deletes it
            _log.warning("parts of a recording that was given up stay on the object store", error=str(exc))

    def _finish(self) -> None:
        manifest = read_manifest(self.folder)
        self.problem = None  # what was said while it was recorded is true no more
        deadline, attempt = time.monotonic() + _PATIENCE, 0
        while True:
            try:
                self._upload.finish(manifest)
            except SessionExists as exc:  # another upload to the address has begun, or has ended
                raise not_uploaded(self.folder, self.to, exc) from exc
            except ObjectStoreFailed as exc:
                attempt += 1
                wait = _WAITS.ceiling(attempt)
                if self._hurries.is_set() or time.monotonic() + wait > deadline:
                    failure = not_uploaded(self.folder, self.to, exc)
                    self.problem = str(failure)
                    raise failure from exc
                self._tell(
                    exc,
                    f"the recording has ended and is whole in {self.folder}, and is not uploaded yet, which is tried "
                    f"again for {_PATIENCE:g} s (Ctrl-C gives it up)",
                )
                self._hurries.wait(wait)
            else:
                self._tell(None)
                return

    def _run(self) -> None:
        attempt = 0
        while not self._stops.is_set():
            self._sealed.wait()
            self._sealed.clear()
            try:
                self._send_sealed()
            except (ObjectStoreFailed, OSError) as exc:  # OSError: the disk of this machine
                attempt += 1
                self._tell(exc)
                self._stops.wait(_WAITS.ceiling(attempt))
                self._sealed.set()
            except SessionError as exc:  # of this machine's files: finish() meets it again, and raises it
                self._tell(exc)
            else:
                attempt = 0
                self._tell(None)

    def _send_sealed(self) -> None:
        """Send what is sealed, file by file, until stop()."""
        for file in self._upload.missing(read_manifest(self.folder)):
            if self._stops.is_set():
                return
            self._upload.send(file)

    def _tell(self, error: SessionError | OSError | None, state: str | None = None) -> None:
        if error is None:
            if self.problem is not None:
                _log.warning("the upload of a recording goes on", to=str(self.to))
            self.problem = None
        elif self.problem is None:
            goes_on = f"the recording in {self.folder} goes on, and nothing of it is uploaded at present"
            self.problem = self._untold = f"{state or goes_on}: {error}"
            _log.error(self.problem)
