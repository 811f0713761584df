"""The journal's own notes, as far as its events and its client ids determine them."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from backend.domain.ids import CLUSTER_TAG_LENGTH, DIGEST_LENGTH, INCARNATION_LENGTH
from backend.integrations.journal import chain

CLIENT_ID = re.compile(f"[0-9a-f]{{{CLUSTER_TAG_LENGTH + INCARNATION_LENGTH + DIGEST_LENGTH}}}")
INCARNATIONS = 16**INCARNATION_LENGTH
BEHIND_MAX = INCARNATIONS // 2
"""The number begins anew some day: what is further ahead than this is behind."""


@dataclass(slots=True)
class Notes:
    """``told``: do the events tell of halts? A restore by a program from before they did left a note alone."""

    told: bool = False
    halted: str | None = None
    swept: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    incarnation: int | None = None
    """The last that is known to have been used."""

    def take(self, kind: str, data: Mapping[str, object]) -> None:
        """One event of a restore, a sweep or a confirmation."""
        self.told = self.told or kind != "venues_swept"
        if kind == "venues_swept":
            venues = data["venues"]
            self.swept |= {str(one) for one in venues} if isinstance(venues, list) else set()
            return
        self.swept = set()
        self.halted = str(data["halted"]) if kind == "restored" else None
        if kind == "restored":
            self.incarnation = int(str(data["incarnation"]), 16)
            self.tags |= {str(data["cluster_tag"])} if data["cluster_tag"] else set()

    def used(self, client_id: str) -> None:
        """The id of an attempt."""
        if CLIENT_ID.fullmatch(client_id):
            self.tags.add(client_id[:CLUSTER_TAG_LENGTH])
            self.incarnation = int(client_id[CLUSTER_TAG_LENGTH : CLUSTER_TAG_LENGTH + INCARNATION_LENGTH], 16)

    def compared(self, db: sqlite3.Connection) -> Iterator[str]:
        """Where the notes are not what was told and used."""
        notes = chain.meta(db)
        if self.told and notes.get("halted") != self.halted:
            yield f"the note that the journal is halted is {notes.get('halted')!r}, by the events {self.halted!r}"
        swept = notes.get("swept")
        if (set() if swept is None else set(json.loads(swept))) != self.swept:
            yield f"the note of the exchanges that were swept is {swept}, by the events {sorted(self.swept)}"
        tag = notes.get("cluster_tag", "")
        if not re.fullmatch(f"[0-9a-f]{{{CLUSTER_TAG_LENGTH}}}", tag):
            yield f"the cluster tag {tag!r} is none"
        for other in sorted(self.tags - {tag}):
            yield f"the cluster tag is {tag!r}, that of the orders' ids {other!r}"
        yield from self._incarnation(notes.get("incarnation", ""))

    def _incarnation(self, text: str) -> Iterator[str]:
        if not re.fullmatch(f"[0-9a-f]{{{INCARNATION_LENGTH}}}", text):
            yield f"the incarnation {text!r} is none"
        elif self.incarnation is not None and (int(text, 16) - self.incarnation) % INCARNATIONS > BEHIND_MAX:
            yield f"the incarnation is {text!r}, and the orders' ids are at {self.incarnation:04x} already"
