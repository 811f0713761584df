"""One process at a time: an flock on a separate file, held for the journal's life and freed by the system at death."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from backend.domain.errors import JournalError, JournalLocked


class FileLock:
    """Raises JournalLocked when somebody else holds it."""

    def __init__(self, path: Path) -> None:
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"lock file {path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._handle)
            raise JournalLocked(
                f"{path} is held by another process: one router at a time works on a journal; "
                "stop the other one, or set another journal_path"
            ) from None

    def release(self) -> None:
        """Frees the lock; a second call does nothing. The file stays: removing it would let two processes in."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
