"""What a simulation saw: the trace with its hash, and how often each thing that has to happen sometimes did."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Collection, Mapping

LINES_KEPT = 20_000


class Trace:
    """Every event in order. The hash covers all of them; the newest LINES_KEPT are kept to be read."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        """``secrets``: what must stand in none of the lines (S11)."""
        self._secrets = tuple(secrets)
        self._clean = True
        self._digest = hashlib.sha256()
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)
        self.count = 0

    def add(self, at: float, what: str) -> None:
        line = f"{at:10.4f} {what}"
        self._digest.update(f"{line}\n".encode())
        self.lines.append(line)
        self.count += 1
        if self.count % LINES_KEPT == 0:
            self._look()

    @property
    def clean(self) -> bool:
        """No line has a secret, nor had one of those that are not kept."""
        self._look()
        return self._clean

    def _look(self) -> None:
        written = "\n".join(self.lines)
        self._clean = self._clean and not any(secret in written for secret in self._secrets)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


Sightings = Counter[str]

CRASH_POINTS: Mapping[str, int] = {
    "journal accept before": 0,
    "journal accept after": 1,
    "DEPTH before": 2,
    "DEPTH answered": 2,
    "BALANCES before": 2,
    "BALANCES answered": 2,
    "journal open_attempt before": 3,
    "journal open_attempt after": 4,
    "PLACE before": 4,
    "PLACE sent": 5,
    "PLACE answered taken": 6,
    "PLACE answered refused": 7,
    "QUERY before": 8,
    "QUERY answered": 8,
    "TRADES before": 8,
    "TRADES answered": 8,
    "CANCEL sent": 9,
    "journal step_attempt closed before": 10,
    "journal step_attempt closed after": 11,
    "journal step_intent done after": 12,
    "journal step_intent done_short after": 12,
    "journal step_intent rejected after": 12,
}
"""Kills at these points; 14 is a disk that fails, 15 an order whose bytes leave after its deadline, because its process
stood still."""
