"""How far the chain of events was found whole, so that a start checks only what came after.

The mark is part of ``meta``, written in a transaction of the journal's own; ``verify`` checks everything all the same.
"""

from __future__ import annotations

import sqlite3

from backend.domain.errors import JournalCorrupt
from backend.integrations.journal import chain


def check(db: sqlite3.Connection) -> None:
    """Follows the chain from the mark to its end and moves the mark there. Raises JournalCorrupt where it breaks."""
    seq, link = _mark(db)
    if seq and db.execute("SELECT chain FROM event WHERE seq = ?", (seq,)).fetchone() is None:
        raise JournalCorrupt(f"event {seq}, to which the journal was checked before, is gone; {_what_to_do()}")
    problems = chain.chain_problems(db, after=seq, link=link)
    if problems:
        raise JournalCorrupt(f"the journal's events contradict each other ({problems[0]}); {_what_to_do()}")
    last = db.execute("SELECT seq, chain FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    if last is not None and last["seq"] != seq:
        chain.set_meta(db, checked_seq=str(last["seq"]), checked_link=last["chain"])


def problems(db: sqlite3.Connection) -> list[str]:
    """Where the mark does not fit the chain."""
    seq, link = _mark(db)
    row = db.execute("SELECT chain FROM event WHERE seq = ?", (seq,)).fetchone()
    if seq and (row is None or row["chain"] != link):
        return [f"event {seq} is not the one to which the journal was checked before"]
    return []


def _mark(db: sqlite3.Connection) -> tuple[int, str]:
    meta = chain.meta(db)
    return int(meta.get("checked_seq", "0")), meta.get("checked_link", chain.FIRST_LINK)


def _what_to_do() -> str:
    return "`quantum-trader journal verify` tells all; restore a backup with `quantum-trader journal restore`"
