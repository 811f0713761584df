"""The Journal port over SQLite."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Protocol, Self, TypeVar

from backend.domain.errors import JournalCorrupt, JournalError
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import Fill, Intent
from backend.domain.reasons import EndReason, ParkReason, RejectReason, UnknownReason
from backend.domain.records import Attempt, Event, ExposureState, Ghost, Halt, IntentRecord
from backend.integrations.journal import chain, checkpoint, confirming, exposure, halting, store, traces
from backend.integrations.journal.lock import FileLock
from backend.integrations.journal.schema import BEGIN, open_connection, prepare
from backend.integrations.journal.writer import Writer

INCARNATIONS = 0x10000
IN_MEMORY = ":memory:"
TAG_BYTES = 4
T = TypeVar("T")
Item = TypeVar("Item")


class Writing(Protocol):
    """What runs the transactions: a thread of its own (``Writer``), or in place, in a simulation."""

    commits: int

    @property
    def failed(self) -> str | None: ...

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T: ...

    async def do_together(self, work: Callable[[sqlite3.Connection, Sequence[Item]], Sequence[T]], item: Item) -> T: ...

    def stop(self) -> None: ...


def _fresh_tag() -> str:
    return secrets.token_hex(TAG_BYTES)


class SqliteJournal:
    """Open it with ``SqliteJournal.open``; it is yours until ``close`` or until the process dies."""

    def __init__(
        self,
        path: Path | None,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
        *,
        writer_of: Callable[[Callable[[], sqlite3.Connection]], Writing] = Writer,
        connect: Callable[[], sqlite3.Connection] | None = None,
        new_tag: Callable[[], str] = _fresh_tag,
    ) -> None:
        """``writer_of``, ``connect``, ``new_tag``: what else writes, where to, and who names a new cluster."""
        self._factory = factory
        self._connect = connect or self._opened
        self._new_tag = new_tag
        # Resolved: one journal has one lock, by whatever link it is reached.
        self._path = None if path is None else path.resolve()
        self._names: dict[str, str] = {}
        self.halted: str | None = None
        self._lock = None if self._path is None else FileLock(self._path.with_name(self._path.name + ".lock"))
        try:
            self._writer: Writing = writer_of(self._connected)
        except BaseException as error:
            self._unlock()
            if isinstance(error, sqlite3.Error):
                raise JournalError(f"{path} cannot be opened as a journal: {error}") from error
            raise

    @classmethod
    def open(cls, path: Path | None, factory: type[sqlite3.Connection] = sqlite3.Connection) -> Self:
        """None keeps it in memory, for throwaway use. ``factory``: the kind of connection, for tests of faults.

        Raises JournalLocked when another process holds the file, JournalCorrupt when a newer program wrote it or it
        contradicts itself, RestoreInterrupted beside the traces of a restore, JournalError when it cannot be used."""
        return cls(path, factory)

    def __repr__(self) -> str:
        name = IN_MEMORY if self._path is None else self._path.name
        return f"SqliteJournal({name}, incarnation {self.incarnation}, {self.commits} commits)"

    @property
    def cluster_tag(self) -> str:
        return self._names["cluster_tag"]

    @property
    def incarnation(self) -> str:
        return self._names["incarnation"]

    @property
    def commits(self) -> int:
        """Transactions so far: fewer than units of work when several waited at a time."""
        return self._writer.commits

    @property
    def failed(self) -> str | None:
        return self._writer.failed

    def _connected(self) -> sqlite3.Connection:
        """Runs in the writer's thread."""
        connection = self._connect()
        try:
            prepare(connection)
            self._names = _names(connection, self._new_tag)
            self.halted = chain.meta(connection).get("halted")
        except BaseException:
            connection.close()
            raise
        return connection

    def _opened(self) -> sqlite3.Connection:
        if self._path is None:
            return open_connection(IN_MEMORY, self._factory)
        traces.check(self._path)
        return open_connection(str(self._path), self._factory)

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
        item = store.Acceptance(intent, body_hash, now, valid_until, pinned, tuple(legs))
        return await self._writer.do_together(store.accept, item)

    async def add_leg(self, intent_id: str, quantity: Decimal, *, now: float) -> IntentRecord:
        return await self._writer.do(partial(store.add_leg, intent_id=intent_id, quantity=quantity, now=now))

    async def request_cancel(self, intent_id: str, *, now: float) -> IntentRecord:
        return await self._writer.do(partial(store.request_cancel, intent_id=intent_id, now=now))

    async def open_attempt(self, attempt: Attempt, *, worst_price: Decimal, cap: Decimal | None = None) -> IntentRecord:
        return await self._writer.do(partial(store.open_attempt, attempt=attempt, worst_price=worst_price, cap=cap))

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
        return await self._writer.do(
            partial(
                store.step_attempt,
                attempt_id=attempt_id,
                state=state,
                now=now,
                venue_order_id=venue_order_id,
                outcome_reason=outcome_reason,
                evidence=evidence,
                proof=proof,
                settled_by=settled_by,
                lookups=lookups,
                fills=tuple(fills),
                ghost_until=ghost_until,
                whole=whole,
            )
        )

    async def step_intent(
        self, intent_id: str, state: IntentState, *, now: float, reason: EndReason | ParkReason | None = None
    ) -> IntentRecord:
        return await self._writer.do(
            partial(store.step_intent, intent_id=intent_id, state=state, now=now, reason=reason)
        )

    async def get(self, intent_id: str) -> IntentRecord | None:
        return await self._writer.do(partial(store.get, intent_id=intent_id))

    async def unfinished(self) -> tuple[IntentRecord, ...]:
        return await self._writer.do(store.unfinished)

    async def ghosts(self) -> tuple[Ghost, ...]:
        return await self._writer.do(store.ghosts)

    async def lay_ghost(self, attempt_id: str, *, looked_at: float) -> bool:
        return await self._writer.do(partial(exposure.lay_ghost, attempt_id=attempt_id, looked_at=looked_at))

    async def exposure(self) -> ExposureState:
        return await self._writer.do(exposure.state)

    async def halts(self) -> tuple[Halt, ...]:
        return await self._writer.do(exposure.halts)

    async def acknowledge(self, venue: str, *, word: str, now: float) -> int:
        return await self._writer.do(partial(halting.acknowledge, venue=venue, word=word, now=now))

    async def recent(self, limit: int = 100, *, before: str | None = None) -> tuple[IntentRecord, ...]:
        return await self._writer.do(partial(store.recent, limit=limit, before=before))

    async def events(self, after: int, limit: int) -> tuple[Event, ...]:
        return await self._writer.do(partial(store.events, after=after, limit=limit))

    async def all_fills(self) -> tuple[tuple[str, Fill], ...]:
        return await self._writer.do(store.all_fills)

    async def record_sweep(
        self, venues: Collection[str], orphans: Sequence[str], problems: Sequence[str], *, now: float
    ) -> None:
        await self._writer.do(partial(confirming.sweep, venues=venues, orphans=orphans, problems=problems, now=now))

    async def confirm(
        self, *, word: str, now: float, venues: Collection[str] = (), unswept: bool = False
    ) -> str | None:
        halted = await self._writer.do(
            partial(confirming.confirm, word=word, now=now, venues=tuple(venues), unswept=unswept)
        )
        self.halted = None
        return halted

    async def verify_chain(self) -> list[str]:
        """What is wrong with the chain of events; empty when it is whole."""
        return await self._writer.do(chain.chain_problems)

    async def close(self) -> None:
        """Commits what waits, ends the thread, frees the lock. A second call does nothing."""
        await asyncio.get_running_loop().run_in_executor(None, self._writer.stop)
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()


def _names(connection: sqlite3.Connection, new_tag: Callable[[], str]) -> dict[str, str]:
    """The cluster tag, made once, and this opening's incarnation. Raises JournalCorrupt when the stored one is none."""
    connection.execute(BEGIN)
    checkpoint.check(connection)
    stored = chain.meta(connection)
    last = stored.get("incarnation", "0")
    try:
        number = (int(last, 16) + 1) % INCARNATIONS
    except ValueError:
        raise JournalCorrupt(
            f"the journal's incarnation {last!r} is no number; restore the file from a backup"
        ) from None
    names = {"cluster_tag": stored.get("cluster_tag") or new_tag(), "incarnation": f"{number:04x}"}
    chain.set_meta(connection, **names)
    connection.execute("COMMIT")
    return names
