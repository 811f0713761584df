"""The halt of a journal that was put back: begun by the restore, looked into by sweeps, ended by somebody's word."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence

from backend.domain.errors import NotSwept
from backend.integrations.journal import chain
from backend.integrations.journal.rows import as_json

TOLD_MAX = 100
"""So many orphans and problems of a sweep are kept in words; beyond them only their number."""


def begin(db: sqlite3.Connection, reason: str, incarnation: str, *, now: float) -> None:
    """Nothing that was known of the exchanges before counts any more."""
    chain.set_meta(db, halted=reason, incarnation=incarnation, swept=None)
    tag = chain.meta(db).get("cluster_tag")
    chain.append(db, now, "restored", "", None, {"halted": reason, "incarnation": incarnation, "cluster_tag": tag})


def sweep(
    db: sqlite3.Connection, venues: Collection[str], orphans: Sequence[str], problems: Sequence[str], *, now: float
) -> None:
    """Keeps that these venues were looked at, to their end, since the journal was put back; a journal that is not
    halted has no use for it."""
    notes = chain.meta(db)
    if "halted" not in notes or not venues:
        return
    chain.set_meta(db, swept=as_json(sorted({*_swept(notes.get("swept")), *venues})))
    told = {
        "venues": sorted(venues),
        "orphans": list(orphans[:TOLD_MAX]),
        "orphans_found": len(orphans),
        "problems": list(problems[:TOLD_MAX]),
        "problems_found": len(problems),
    }
    chain.append(db, now, "venues_swept", "", None, told)


def confirm(
    db: sqlite3.Connection, *, word: str, now: float, venues: Collection[str] = (), unswept: bool = False
) -> str | None:
    """Ends a halt of the whole journal by somebody's word; returns why it was halted, None when it was not.

    Raises NotSwept before a sweep of each of these ``venues``, and before any; with ``unswept`` the word alone counts.
    """
    notes = chain.meta(db)
    halted, swept = notes.get("halted"), _swept(notes.get("swept"))
    if halted is None:
        return None
    missing = sorted({*venues} - swept)
    if (missing or not swept) and not unswept:
        raise NotSwept(tuple(missing))
    chain.set_meta(db, halted=None, swept=None)
    told = {"halted": halted, "word": word, "swept": sorted(swept), "unswept": missing or not swept}
    chain.append(db, now, "halt_confirmed", "", None, told)
    return halted


def _swept(note: str | None) -> set[str]:
    return set() if note is None else set(json.loads(note))
