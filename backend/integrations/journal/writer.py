"""The one thread that touches the database. Everything that waits at a time is committed at once.

A waiter is told only after the commit. A unit of work that is refused rolls back alone; a commit that fails ends the
journal: what is on disk is then unknown, and going on would be guessing.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from backend.domain.errors import JournalError, QuantumTraderError

QUEUE_MAX = 10_000
BATCH_MAX = 256

REFUSALS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)
"""The database's own errors that are about the values of one unit; every other one is about the journal."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Unit(Generic[T]):
    work: Callable[[sqlite3.Connection], T]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[T]


_Told = tuple[asyncio.Future[object], object, BaseException | None]


def _tell(units: Sequence[_Unit[object]], outcomes: Iterable[tuple[object, BaseException | None]]) -> None:
    """Wakes the waiters, each in its own loop and those of a loop together: waking a loop costs more than a unit of
    work. A waiter that has gone, or whose loop has ended, is nobody to tell."""
    told: dict[asyncio.AbstractEventLoop, list[_Told]] = {}
    for unit, (result, error) in zip(units, outcomes, strict=True):
        told.setdefault(unit.loop, []).append((unit.future, result, error))
    for loop, waiters in told.items():
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, waiters)


def _resolve(waiters: Sequence[_Told]) -> None:
    for future, result, error in waiters:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


class Writer:
    """Owns the connection for its whole life. ``commits`` counts transactions."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self.commits = 0
        self._units: queue.Queue[_Unit[object] | None] = queue.Queue(QUEUE_MAX)
        self._failed: JournalError | None = None
        self._closed = False
        self._intake = threading.Lock()
        self._connect = connect
        self._started = threading.Event()
        self._start_errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="journal writer", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._start_errors:
            self._thread.join()
            raise self._start_errors[0]

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs ``work`` in the next transaction; returns after its commit. Raises JournalError when there is none."""
        if self._failed is not None:
            raise JournalError(str(self._failed))
        loop = asyncio.get_running_loop()
        unit: _Unit[T] = _Unit(work, loop, loop.create_future())
        # A unit behind the end marker would wait for ever: closing and queueing exclude each other.
        with self._intake:
            if self._closed:
                raise JournalError("the journal is closed")
            try:
                self._units.put_nowait(unit)  # type: ignore[arg-type]
            except queue.Full:
                raise JournalError(f"{QUEUE_MAX} writes are waiting for the journal; nothing was stored") from None
        return await unit.future

    def stop(self) -> None:
        """Commits what is waiting and ends the thread; a second call does nothing."""
        with self._intake:
            first, self._closed = not self._closed, True
        if first:
            self._units.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            connection = self._connect()
        except BaseException as error:  # noqa: BLE001 - handed to the opener, whatever it is
            self._start_errors.append(error)
            self._started.set()
            return
        self._started.set()
        try:
            while (batch := self._gathered()) is not None:
                self._commit(connection, batch)
        finally:
            connection.close()

    def _gathered(self) -> list[_Unit[object]] | None:
        """Everything that waits, at most BATCH_MAX; None at the end."""
        first = self._units.get()
        if first is None:
            return None
        batch = [first]
        while len(batch) < BATCH_MAX:
            try:
                unit = self._units.get_nowait()
            except queue.Empty:
                break
            if unit is None:
                self._units.put(None)
                break
            batch.append(unit)
        return batch

    def _commit(self, connection: sqlite3.Connection, batch: list[_Unit[object]]) -> None:
        if self._failed is not None:
            _tell(batch, [(None, JournalError(str(self._failed))) for _ in batch])
            return
        try:
            connection.execute("BEGIN IMMEDIATE")
            results = [self._one(connection, unit) for unit in batch]
            connection.execute("COMMIT")
            self.commits += 1
        except BaseException as error:  # noqa: BLE001 - the thread's edge: dying here would leave every waiter waiting
            self._fail(connection, batch, error)
            return
        _tell(batch, results)

    def _one(self, connection: sqlite3.Connection, unit: _Unit[object]) -> tuple[object, QuantumTraderError | None]:
        connection.execute("SAVEPOINT unit")
        try:
            result = unit.work(connection)
        except QuantumTraderError as refusal:
            connection.execute("ROLLBACK TO unit")
            connection.execute("RELEASE unit")
            return None, refusal
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not isinstance(error, REFUSALS):
                raise
            connection.execute("ROLLBACK TO unit")
            connection.execute("RELEASE unit")
            return None, JournalError(f"the journal refuses this: {error!r}")
        connection.execute("RELEASE unit")
        return result, None

    def _fail(self, connection: sqlite3.Connection, batch: list[_Unit[object]], error: BaseException) -> None:
        self._failed = JournalError(
            f"the journal failed ({error}); nothing is accepted or sent any more. Mend the disk, then start again: "
            "what was open is settled from what is stored"
        )
        if connection.in_transaction:
            # The journal is given up already; closing the connection undoes what is left.
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        _tell(batch, [(None, JournalError(str(self._failed))) for _ in batch])
