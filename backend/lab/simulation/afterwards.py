"""What must follow when an exchange breaks its bound: the promises for an order that was proven dead and executed.

Its account is halted with the booking; what works elsewhere for the same order leaves when it would bring more than
what is left; and nothing of ours is left to rest at an exchange that nobody follows any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from backend.domain.lifecycle import Proof
from backend.domain.money import ZERO
from backend.domain.orders import TimeInForce
from backend.domain.records import Event, IntentRecord
from backend.lab.simulation.plan import LONGEST_PAUSE_S
from backend.policies.late import too_much

LEAVE_S = 60.0 + LONGEST_PAUSE_S
"""Within this time its cancel is sent, if it has not ended: also over a kill, a start that is slow, and one pause."""


@dataclass(slots=True)
class Afterwards:
    """``violated`` and ``seen`` tell promises and counts."""

    violated: Callable[[str], None]
    seen: Callable[[str], None]
    halted: set[tuple[str, str]] = field(default_factory=set)
    """Exchange and order."""
    _leaving: dict[str, float] = field(default_factory=dict)
    """Attempts that have to leave, and since when."""
    _names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Under which ids a cancel of them goes."""

    def told(self, event: Event) -> None:
        """An event of the journal, before ``look_at`` sees what it led to."""
        if event.kind == "account_halted":
            venues = event.data["venues"]
            named = venues if isinstance(venues, list) else []
            self.halted |= {(str(venue), event.intent_id) for venue in named}
            self.seen("an account was halted by late evidence")

    def look_at(self, record: IntentRecord, now: float) -> None:
        """The record as it was committed."""
        name = record.intent.id
        for attempt in record.attempts:
            wrong = attempt.proof is Proof.DEADLINE and attempt.filled > ZERO
            if wrong and (attempt.venue, name) not in self.halted:
                self.violated(f"S1: {attempt.id} executed after it was proven dead, and {attempt.venue} is not halted")
        leaving = {one.id: one for one in too_much(record) if one.order.time_in_force is TimeInForce.GTC}
        for attempt in record.attempts:
            if attempt.id in leaving and attempt.venue_order_id is not None:
                if attempt.id not in self._leaving:
                    self.seen("a working order had to leave")
                self._leaving.setdefault(attempt.id, now)
                self._names[attempt.id] = tuple(filter(None, (attempt.order.client_id, attempt.venue_order_id)))
            else:
                self._gone(attempt.id, now)

    def cancelling(self, wire: bytes, now: float) -> None:
        """A cancel leaves for an exchange."""
        for attempt_id in [one for one in self._leaving if any(i.encode() in wire for i in self._names[one])]:
            self._gone(attempt_id, now)

    def _gone(self, attempt_id: str, now: float) -> None:
        since = self._leaving.get(attempt_id)
        if since is not None and since != float("inf"):
            self._leaving[attempt_id] = float("inf")
            if now - since > LEAVE_S:
                self.violated(f"S1: {attempt_id} worked for more than what was left for {now - since:.0f} s")
