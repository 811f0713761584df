"""The durable record. Each method returns only after its transaction is committed; nothing is acted on before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Protocol

from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import Fill, Intent
from backend.domain.reasons import EndReason, ParkReason, RejectReason, UnknownReason
from backend.domain.records import Attempt, Event, ExposureState, Ghost, Halt, IntentRecord


class Journal(Protocol):
    """Raises JournalFailed when the store fails: the caller must then neither acknowledge nor send, and the process has
    to end."""

    @property
    def cluster_tag(self) -> str:
        """8 hex characters, fixed when the journal is made: the first part of every client id."""
        ...

    @property
    def incarnation(self) -> str:
        """4 hex characters, one more each time the journal is opened."""
        ...

    @property
    def halted(self) -> str | None:
        """Why nothing may be accepted or sent, for a journal that was put back from a backup; None when it may."""
        ...

    @property
    def failed(self) -> str | None:
        """Why the store can do nothing any more; None while it works. It stays so until the journal is opened again."""
        ...

    async def accept(
        self,
        intent: Intent,
        *,
        body_hash: str,
        now: float,
        valid_until: float,
        pinned: str | None = None,
        legs: Sequence[Decimal] = (),
    ) -> IntentRecord:
        """Stores a NEW intent, or returns what is stored under its id. ``pinned``: the one venue that its caller chose.

        Raises IdempotencyConflict when the id is stored with another body, JournalError for legs that do not add up.
        """
        ...

    async def add_leg(self, intent_id: str, quantity: Decimal, *, now: float) -> IntentRecord:
        """One more leg, paid for by the intent's overfill budget. Raises JournalError beyond it, and NoRoom when
        less than that is missing by now."""
        ...

    async def request_cancel(self, intent_id: str, *, now: float) -> IntentRecord:
        """Stores that the intent is to be cancelled: from here on no attempt of it is opened. One that is final stays
        as it is. Raises UnknownOrder."""
        ...

    async def open_attempt(self, attempt: Attempt, *, worst_price: Decimal, cap: Decimal | None = None) -> IntentRecord:
        """The transaction before a send: the attempt in state OPEN, its worst case reserved, the intent ACTIVE, the
        worst price set if unset.

        Asserts in the same transaction: no other open attempt of the leg; fills + open attempts + this one within the
        intent's quantity; what is reserved and used at the venue within ``cap`` (None: the order lowers it); no cancel
        requested; the account not halted. Raises IntentCancelled, AccountHalted, OverCap, NoRoom, or another
        JournalError when that does not hold: nothing may be sent.
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
        ghost_until: float | None = None,
        whole: bool = False,
    ) -> IntentRecord:
        """Moves an attempt along the legal steps, books fills (each once), and sets what is given. At the end, and at
        what is told after it, its reservation goes, or stays until ``ghost_until``. ``whole``: the fills are everything
        that it executed, so a provisional figure that is not among them is removed.

        An attempt that lives or executes after it was proven dead halts its account; so does an execution beyond what
        was asked for, at the accounts of the attempts whose proofs were wrong.

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

    async def ghosts(self) -> tuple[Ghost, ...]:
        """The ended attempts whose reservation stays for a while, also those whose time is over."""
        ...

    async def lay_ghost(self, attempt_id: str, *, looked_at: float) -> bool:
        """Frees the reservation of a ghost that a look, begun at that time, has not found; False: it is too early."""
        ...

    async def exposure(self) -> ExposureState:
        """What is reserved and what is held."""
        ...

    async def halts(self) -> tuple[Halt, ...]:
        """The accounts that take no new orders."""
        ...

    async def acknowledge(self, venue: str, *, word: str, now: float) -> int:
        """Ends the halts of a venue's account; how many there were. A ghost that was seen there is looked for a while
        longer, and no longer for ever."""
        ...

    async def recent(self, limit: int = 100, *, before: str | None = None) -> tuple[IntentRecord, ...]:
        """The newest intents, newest first; with ``before`` those older than that one."""
        ...

    async def events(self, after: int, limit: int) -> tuple[Event, ...]:
        """What happened after the event of that number, oldest first."""
        ...

    async def all_fills(self) -> tuple[tuple[str, Fill], ...]:
        """Every booked fill with its intent id (for the report and the exposure at start)."""
        ...

    async def record_sweep(
        self, venues: Collection[str], orphans: Sequence[str], problems: Sequence[str], *, now: float
    ) -> None:
        """Keeps that these venues were looked at, to their end, since the journal was put back, and what was found."""
        ...

    async def confirm(
        self, *, word: str, now: float, venues: Collection[str] = (), unswept: bool = False
    ) -> str | None:
        """Ends such a halt by somebody's word; returns why it was halted. Raises NotSwept before a sweep of each of
        these ``venues``, and before any; with ``unswept`` the word alone counts, and the journal says so."""
        ...

    async def close(self) -> None: ...
