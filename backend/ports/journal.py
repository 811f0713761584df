"""The durable record. Each method returns only after its transaction is committed; nothing is acted on before."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol

from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import Fill, Intent
from backend.domain.reasons import EndReason, ParkReason, RejectReason, UnknownReason
from backend.domain.records import Attempt, IntentRecord


class Journal(Protocol):
    """Raises JournalError when the store fails: the caller must then neither acknowledge nor send."""

    @property
    def cluster_tag(self) -> str:
        """8 hex characters, fixed when the journal is made: the first part of every client id."""
        ...

    @property
    def incarnation(self) -> str:
        """4 hex characters, one more each time the journal is opened."""
        ...

    async def accept(self, intent: Intent, *, body_hash: str, now: float, valid_until: float) -> IntentRecord:
        """Stores a NEW intent, or returns what is stored under its id.

        Raises IdempotencyConflict when the id is stored with another body.
        """
        ...

    async def open_attempt(self, attempt: Attempt, *, worst_price: Decimal) -> IntentRecord:
        """The transaction before a send: the attempt in state OPEN, the intent ACTIVE, the worst price set if unset.

        Asserts in the same transaction: no other open attempt of the intent, and fills + open attempts + this one
        within the intent's quantity. Raises JournalError when that does not hold: nothing may be sent.
        """
        ...

    async def step_attempt(
        self,
        attempt_id: str,
        state: AttemptState,
        *,
        now: float,
        venue_order_id: str | None = None,
        outcome_reason: RejectReason | UnknownReason | None = None,
        evidence: str | None = None,
        proof: Proof | None = None,
        settled_by: str | None = None,
        lookups: int | None = None,
        fills: Iterable[Fill] = (),
    ) -> IntentRecord:
        """Moves an attempt along the legal steps (or stays), books fills (each once), and sets what is given.

        Raises IllegalTransition, and JournalError when closing without a proof.
        """
        ...

    async def step_intent(
        self, intent_id: str, state: IntentState, *, now: float, reason: EndReason | ParkReason | None = None
    ) -> IntentRecord:
        """Moves an intent along the legal steps. Raises IllegalTransition, and JournalError for an end with an open
        attempt."""
        ...

    async def get(self, intent_id: str) -> IntentRecord | None: ...

    async def unfinished(self) -> tuple[IntentRecord, ...]:
        """Every intent that is not final, oldest first."""
        ...

    async def recent(self, limit: int = 100) -> tuple[IntentRecord, ...]:
        """The newest intents, newest first."""
        ...

    async def all_fills(self) -> tuple[tuple[str, Fill], ...]:
        """Every booked fill with its intent id (for the report and the exposure at start)."""
        ...

    async def close(self) -> None: ...
