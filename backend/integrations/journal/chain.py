"""The chain of events: append-only, each linked to the one before it; and the journal's own notes."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping

from backend.integrations.journal.rows import as_json

FIRST_LINK = "0" * 64
CHECKED_EVERY = 10_000
"""After so many events the chain's mark moves on, so that no start has more than that to check."""


def append(
    db: sqlite3.Connection, at: float, kind: str, intent_id: str, attempt_id: str | None, data: Mapping[str, object]
) -> None:
    """Adds one event behind the last. Every change of the journal adds one, in its own transaction."""
    last = db.execute("SELECT chain FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    text = as_json(data)
    link = _link(FIRST_LINK if last is None else last["chain"], at, kind, intent_id, attempt_id, text)
    seq = db.execute(
        "INSERT INTO event (at, kind, intent_id, attempt_id, data, chain) VALUES (?, ?, ?, ?, ?, ?)",
        (at, kind, intent_id, attempt_id, text, link),
    ).lastrowid
    if seq is not None and seq % CHECKED_EVERY == 0:
        set_meta(db, checked_seq=str(seq), checked_link=link)


def meta(db: sqlite3.Connection) -> dict[str, str]:
    """The journal's own notes."""
    return {row["name"]: row["value"] for row in db.execute("SELECT name, value FROM meta")}


def set_meta(db: sqlite3.Connection, **values: str | None) -> None:
    """Writes notes; None removes one."""
    for name, value in values.items():
        if value is None:
            db.execute("DELETE FROM meta WHERE name = ?", (name,))
        else:
            db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def confirm(db: sqlite3.Connection, *, word: str, now: float) -> str | None:
    """Ends a halt of the whole journal by somebody's word; returns why it was halted, None when it was not."""
    halted = meta(db).get("halted")
    if halted is not None:
        set_meta(db, halted=None)
        append(db, now, "halt_confirmed", "", None, {"halted": halted, "word": word})
    return halted


def _link(before: str, *parts: object) -> str:
    return hashlib.sha256(as_json([before, *parts]).encode()).hexdigest()


def chain_problems(db: sqlite3.Connection, after: int = 0, link: str = FIRST_LINK) -> list[str]:
    """What is wrong with the chain of events: an altered, missing or inserted row breaks the next link. ``after``: only
    from the event behind that number, whose own ``link`` is known."""
    problems, before, number = [], link, after
    for row in db.execute("SELECT * FROM event WHERE seq > ? ORDER BY seq", (after,)):
        number += 1
        if row["seq"] != number:
            problems.append(f"event {number} is missing")
            number = row["seq"]
        link = _link(before, row["at"], row["kind"], row["intent_id"], row["attempt_id"], row["data"])
        if link != row["chain"]:
            problems.append(f"event {row['seq']} does not follow from the one before it")
        before = row["chain"]
    return problems
