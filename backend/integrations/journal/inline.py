"""A journal in memory that runs where it is called: for a simulation, whose every step must be repeatable.

The tables, statements and checks are those of the journal on disk. What is missing is the thread: each unit of work is
a transaction of its own, between two gates at which a simulated process may die. The tables outlive such a process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from backend.domain.errors import JournalError, JournalFailed, QuantumTraderError
from backend.domain.records import Event, IntentRecord
from backend.integrations.journal import exposure, halting, store, verify
from backend.integrations.journal.journal import IN_MEMORY, SqliteJournal
from backend.integrations.journal.schema import BEGIN, open_connection

T = TypeVar("T")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Unit:
    """What a transaction is about: the statement's name, and the state it leads to, if any."""

    name: str
    state: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.state}" if self.state else self.name


class Gate(Protocol):
    """What stands around each transaction. Both may raise sqlite3.Error: ``before`` as a disk that is full would,
    ``after`` as one that fails at the fsync and has kept what was written."""

    async def before(self, unit: object) -> None:
        """``str(unit)`` says what the transaction is about."""
        ...

    async def after(self, unit: object) -> None: ...


class InlineWriter:
    """Stands in for the thread of the journal on disk. After an error of the store nothing is written any more."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], gate: Gate) -> None:
        self.commits = 0
        self._db = connect()
        self._gate = gate
        self._failed = ""
        self._closed = False

    @property
    def failed(self) -> str | None:
        return self._failed or None

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs ``work`` in a transaction. Raises JournalError when there is none, and whatever refuses the work."""
        return await self._done(_unit_of(work), work)

    async def do_together(self, work: Callable[[sqlite3.Connection, Sequence[Item]], Sequence[T]], item: Item) -> T:
        """As ``do``: here nothing waits in a row."""
        return await self._done(_unit_of(work), lambda db: work(db, [item])[0])

    async def _done(self, unit: Unit, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            await self._gate.before(unit)
            result = self._transaction(work)
            await self._gate.after(unit)
        except sqlite3.Error as error:
            self._failed = f"the journal failed ({error})"
            raise JournalFailed(self._failed) from error
        return result

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._failed:
            raise JournalFailed(self._failed)
        if self._closed:
            raise JournalError("the journal is closed")
        self._db.execute(BEGIN)
        try:
            result = work(self._db)
        except QuantumTraderError:
            self._db.execute("ROLLBACK")
            raise
        except sqlite3.IntegrityError as error:
            self._db.execute("ROLLBACK")
            raise JournalError(f"the journal refuses this: {error!r}") from error
        self._db.execute("COMMIT")
        self.commits += 1
        return result

    def stop(self) -> None:
        """Takes nothing more; the tables stay."""
        self._closed = True


def _unit_of(work: Callable[..., object]) -> Unit:
    statement = getattr(work, "func", work)
    state = getattr(work, "keywords", {}).get("state", "")
    return Unit(str(getattr(statement, "__name__", statement)), str(getattr(state, "value", state)))


class MemoryStore:
    """The tables of simulated routers, one after the other. ``tag``: 8 hex characters, the first part of client ids."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._db = open_connection(IN_MEMORY)

    def opened(self, gate: Gate) -> SqliteJournal:
        """The journal as the next process opens it. Raises JournalCorrupt."""
        return SqliteJournal(
            None,
            writer_of=lambda connect: InlineWriter(connect, gate),
            connect=lambda: self._db,
            new_tag=lambda: self._tag,
        )

    def record(self, intent_id: str) -> IntentRecord | None:
        """The intent as it is stored now."""
        return store.get(self._db, intent_id)

    def records(self, limit: int) -> tuple[IntentRecord, ...]:
        """The newest intents, oldest first."""
        return tuple(reversed(store.recent(self._db, limit)))

    def unfinished(self) -> tuple[IntentRecord, ...]:
        """The intents that have not ended, oldest first."""
        return store.unfinished(self._db)

    def events(self, after: int, limit: int) -> tuple[Event, ...]:
        """What happened after the event of that number, oldest first."""
        return store.events(self._db, after, limit)

    def acknowledge(self, word: str, now: float) -> int:
        """Somebody has looked at every account that is halted; returns how many halts there were."""
        self._db.execute(BEGIN)
        venues = sorted({halt.venue for halt in exposure.halts(self._db)})
        count = sum(halting.acknowledge(self._db, venue, word=word, now=now) for venue in venues)
        self._db.execute("COMMIT")
        return count

    def problems(self) -> tuple[str, ...]:
        """What is wrong with it: chain, states, sums, and the tables against the events."""
        return verify.problems_of(self._db)

    def close(self) -> None:
        """Forgets everything."""
        self._db.close()
