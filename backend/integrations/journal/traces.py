"""What a restore leaves when it is killed, and why nothing is opened beside it.

An empty journal knows of no order: it would accept every id again, and send it. So none is begun where one has stood.
"""

from __future__ import annotations

from pathlib import Path

from backend.domain.errors import RestoreInterrupted
from backend.integrations.journal.files import LOG, UNDO

AGAIN = "run `quantum-trader journal restore BACKUP` again"


def draft_of(journal: Path) -> Path:
    """The file that is to become the journal."""
    return journal.with_name(f"{journal.name}.restoring")


def mark_of(journal: Path) -> Path:
    """Is there while the file of that name and its log do not belong together."""
    return journal.with_name(f"{journal.name}.restore-unfinished")


def aside_of(journal: Path, stamp: str) -> Path:
    """Where the journal that was replaced is kept."""
    return journal.with_name(f"{journal.name}.replaced-{stamp}")


def asides(journal: Path) -> tuple[Path, ...]:
    """The journals that were replaced, the newest last; without their companions."""
    start = aside_of(journal, "").name
    if not journal.parent.is_dir():
        return ()
    found = (path for path in journal.parent.iterdir() if path.name.startswith(start))
    return tuple(sorted(path for path in found if not path.name.endswith(("-wal", "-shm", "-journal"))))


def check(journal: Path) -> None:
    """Raises RestoreInterrupted where a restore stopped half way, or would have."""
    mark = mark_of(journal)
    if mark.exists():
        raise RestoreInterrupted(f"{mark} tells that a restore was interrupted half way: {AGAIN}")
    if _holds(journal):
        return
    if journal.is_file():
        raise RestoreInterrupted(
            f"{journal} is empty: a journal that lost what it held would accept every order again, so it is not taken"
            f" for a new one. Put a backup in its place ({AGAIN.removesuffix(' again')}); or, where no router ever ran"
            " on it, remove it"
        )
    logs = (journal.with_name(journal.name + suffix) for suffix in (LOG, UNDO))
    for trace in (draft_of(journal), *(path for path in logs if _holds(path)), *asides(journal)):
        if trace.exists():
            raise RestoreInterrupted(
                f"{journal} is not there, and {trace} is: a restore was interrupted, or the journal was taken away. An"
                f" empty one would accept every order again, so none is made: {AGAIN}, with {trace} kept in its place."
                " To begin with an empty journal all the same, move that file away"
            )


def _holds(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
