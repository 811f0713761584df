"""The chain of events: append-only, each linked to the one before it; and the journal's own notes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from hashlib import sha256

from backend.integrations.journal.bulk import insert
from backend.integrations.journal.rows import as_json, quoted, scalar_json

FIRST_LINK = "0" * 64
CHECKED_EVERY = 10_000
"""After so many events the chain's mark moves on, so that no start has more than that to check."""


def append(
    db: sqlite3.Connection, at: float, kind: str, intent_id: str, attempt_id: str | None, data: Mapping[str, object]
) -> None:
    """Adds one event behind the last. Every change of the journal adds one, in its own transaction."""
    append_all(db, [(at, kind, intent_id, attempt_id, as_json(data))])


def append_all(db: sqlite3.Connection, events: Iterable[tuple[float, str, str, str | None, str]]) -> None:
    """Adds events behind the last, each linked to the one before it; their data are canonical JSON."""
    last = db.execute("SELECT seq, chain FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    before, link = (0, FIRST_LINK) if last is None else (last["seq"], last["chain"])
    rows, mark = [], None
    for seq, event in enumerate(events, start=before + 1):
        link = _link(link, *event)
        rows.append((seq, *event, link))
        if seq % CHECKED_EVERY == 0:
            mark = seq, link
    insert(db, "event (seq, at, kind, intent_id, attempt_id, data, chain)", rows)
    if mark is not None:
        set_meta(db, checked_seq=str(mark[0]), checked_link=mark[1])


def meta(db: sqlite3.Connection) -> dict[str, str]:
    """The journal's own notes."""
    return {row["name"]: row["value"] for row in db.execute("SELECT name, value FROM meta")}


def set_meta(db: sqlite3.Connection, **values: str | None) -> None:
    """Writes notes; None removes one."""
    for name, value in values.items():
        if value is None:
            db.execute("DELETE FROM meta WHERE name = ?", (name,))
        else:
            db.execute(
                "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value),
            )


def _link(before: str, at: float, kind: str, intent_id: str, attempt_id: str | None, text: str) -> str:
    whole = (
        f"[{quoted(before)},{scalar_json(at)},{quoted(kind)},{quoted(intent_id)},{scalar_json(attempt_id)},"
        f"{quoted(text)}]"
    )
    return sha256(whole.encode()).hexdigest()


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
