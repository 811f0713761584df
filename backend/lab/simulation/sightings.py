"""What a simulation saw: the trace with its hash, and how often each thing that has to happen sometimes did."""

from __future__ import annotations

import hashlib
from collections import Counter, deque

LINES_KEPT = 4_000


class Trace:
    """Every event in order. The hash covers all of them; the newest LINES_KEPT are kept to be read."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)
        self.count = 0

    def add(self, at: float, what: str) -> None:
        line = f"{at:10.4f} {what}"
        self._digest.update(line.encode())
        self._digest.update(b"\n")
        self.lines.append(line)
        self.count += 1

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


Sightings = Counter[str]
