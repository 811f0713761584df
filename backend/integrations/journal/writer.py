"""The one thread that touches the database. Everything that waits at a time is committed at once.

A waiter is told only after the commit. A unit of work that is refused rolls back alone; a commit that fails ends the
journal: what is on disk is then unknown, and going on would be guessing.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import Generic, NamedTuple, TypeVar

from backend.domain.errors import JournalError, JournalFailed, QuantumTraderError
from backend.integrations.journal.schema import BEGIN

QUEUE_MAX = 10_000
BATCH_MAX = 256

REFUSALS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)
"""The database's own errors that are about the values of one unit; every other one is about the journal."""

T = TypeVar("T")
Item = TypeVar("Item")


class _Unit(NamedTuple, Generic[T]):
    """``together``: this unit is done as one item of that work, with its neighbours of the same kind if it can be."""

    work: Callable[[sqlite3.Connection], T]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[T]
    together: Callable[[sqlite3.Connection, Sequence[object]], Sequence[T]] | None = None
    item: object = None


_Outcome = tuple[object, BaseException | None]
_Told = tuple[asyncio.Future[object], object, BaseException | None]


def _alone(
    work: Callable[[sqlite3.Connection, Sequence[Item]], Sequence[T]], item: Item, connection: sqlite3.Connection
) -> T:
    return work(connection, [item])[0]


def _tell(units: Sequence[_Unit[object]], outcomes: Iterable[_Outcome]) -> None:
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
        self._waiting: deque[_Unit[object]] = deque()
        self._failed: JournalFailed | None = None
        self._closed = False
        self._intake = threading.Condition(threading.Lock())
        self._connect = connect
        self._started = threading.Event()
        self._start_errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="journal writer", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._start_errors:
            self._thread.join()
            raise self._start_errors[0]

    @property
    def failed(self) -> str | None:
        """Why nothing is written any more; None while it is."""
        return None if self._failed is None else str(self._failed)

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs ``work`` in the next transaction; returns after its commit. Raises JournalError when there is none."""
        loop = asyncio.get_running_loop()
        unit: _Unit[T] = _Unit(work, loop, loop.create_future())
        self._take_in(unit)  # type: ignore[arg-type]
        return await unit.future

    async def do_together(self, work: Callable[[sqlite3.Connection, Sequence[Item]], Sequence[T]], item: Item) -> T:
        """As ``do``, for work that does several items at less cost than one by one, with a result for each.

        Those that wait in a row are done at once. When one of them is refused, each is done on its own.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._take_in(_Unit(partial(_alone, work, item), loop, future, work, item))  # type: ignore[arg-type]
        return await future

    def _take_in(self, unit: _Unit[object]) -> None:
        if self._failed is not None:
            raise JournalFailed(str(self._failed))
        # A unit that comes after the end would wait for ever: closing and queueing exclude each other.
        with self._intake:
            if self._closed:
                raise JournalError("the journal is closed")
            if len(self._waiting) >= QUEUE_MAX:
                raise JournalError(f"{QUEUE_MAX} writes are waiting for the journal; nothing was stored")
            self._waiting.append(unit)
            if len(self._waiting) == 1:  # behind others, the writer knows already
                self._intake.notify()

    def stop(self) -> None:
        """Commits what is waiting and ends the thread; a second call does nothing."""
        with self._intake:
            self._closed = True
            self._intake.notify()
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
        with self._intake:
            while not self._waiting:
                if self._closed:
                    return None
                self._intake.wait()
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]

    def _commit(self, connection: sqlite3.Connection, batch: list[_Unit[object]]) -> None:
        if self._failed is not None:
            _tell(batch, [(None, JournalFailed(str(self._failed))) for _ in batch])
            return
        try:
            connection.execute(BEGIN)
            results = self._all(connection, batch)
            connection.execute("COMMIT")
            self.commits += 1
        except BaseException as error:  # noqa: BLE001 - the thread's edge: dying here would leave every waiter waiting
            self._fail(connection, batch, error)
            return
        _tell(batch, results)

    def _all(self, connection: sqlite3.Connection, batch: Sequence[_Unit[object]]) -> list[_Outcome]:
        """In the order of the queue."""
        outcomes: list[_Outcome] = []
        for together, units in groupby(batch, lambda unit: unit.together):
            row = list(units)
            if together is not None and len(row) > 1:
                results, refusal = self._one(connection, partial(together, items=[unit.item for unit in row]))
                if refusal is None:
                    outcomes += [(result, None) for result in results or ()]
                    continue
            outcomes += [self._one(connection, unit.work) for unit in row]
        return outcomes

    def _one(
        self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]
    ) -> tuple[T | None, QuantumTraderError | None]:
        connection.execute("SAVEPOINT unit")
        try:
            result = work(connection)
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
        self._failed = JournalFailed(
            f"the journal failed ({error}); nothing is accepted or sent any more. Mend the disk, then start again: "
            "what was open is settled from what is stored"
        )
        if connection.in_transaction:
            # The journal is given up already; closing the connection undoes what is left.
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        _tell(batch, [(None, JournalFailed(str(self._failed))) for _ in batch])
