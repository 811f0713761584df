"""The parent's side of a router in another process: asks it, waits for its answers, and can kill it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self, TypeVar

from backend.domain.errors import QuantumTraderError
from backend.domain.orders import Intent
from backend.domain.records import ExecutionResult
from backend.lab.worker import Ask, Setup, Tell, work

ENDING_S = 30.0
EXIT_CODE_S = 2.0
LAST_LINES = 5
Life = Callable[[Connection, Setup], None]
"""What the process does, from its first line to its last."""

T = TypeVar("T")


class RouterDied(QuantumTraderError):
    """The process is gone: nobody knows what became of the question. Repeat it with the same id at the next one. The
    text names the process, its exit code (negative: the signal) and the last lines of its standard error."""


class RouterFailed(QuantumTraderError):
    """The router answered with an error."""


class RouterProcess:
    """Make it with ``RouterProcess.start``. Its questions are bounded by the orders in flight."""

    def __init__(self, setup: Setup, life: Life = work) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_lived, args=(life, theirs, setup), name="router", daemon=True)
        self._last_words = _last_words(setup)
        self._process.start()
        theirs.close()
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._latencies: asyncio.Future[Mapping[str, list[float]]] = self._loop.create_future()
        self._questions: dict[int, asyncio.Future[object]] = {}
        self._asked = 0
        self._loop.add_reader(self._pipe.fileno(), self._heard)

    @classmethod
    async def start(cls, setup: Setup, life: Life = work) -> Self:
        """Returns when the router takes orders. Raises RouterDied, RouterFailed."""
        process = cls(setup, life)
        await process._ready
        return process

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def in_flight(self) -> int:
        """Questions without an answer yet."""
        return len(self._questions)

    async def submit(self, intent: Intent) -> ExecutionResult:
        """Raises RouterDied, RouterFailed."""
        return await self._ask(Ask.SUBMIT, intent, ExecutionResult)

    async def cancel(self, intent_id: str) -> ExecutionResult:
        """Raises RouterDied, RouterFailed."""
        return await self._ask(Ask.CANCEL, intent_id, ExecutionResult)

    async def review(self) -> tuple[ExecutionResult, ...]:
        """Raises RouterDied, RouterFailed."""
        return await self._ask(Ask.REVIEW, None, tuple)

    def kill(self) -> None:
        """SIGKILL: nothing of it runs any more when this returns. Every question in flight ends with RouterDied."""
        self._process.kill()
        self._process.join()
        self._gone()

    async def close(self) -> Mapping[str, list[float]]:
        """Ends it in order; returns the latencies that it measured. A second call does nothing."""
        if not self._process.is_alive() or self._latencies.done():
            self._gone()
            return self._latencies.result() if self._latencies.done() and not self._latencies.cancelled() else {}
        self._pipe.send((Ask.CLOSE, 0, None))
        try:
            async with asyncio.timeout(ENDING_S):
                return await self._latencies
        finally:
            self._process.kill()
            self._process.join()
            self._gone()

    async def _ask(self, kind: Ask, what: object, expected: type[T]) -> T:
        if self._pipe.closed:
            raise self._died()
        self._asked += 1
        number = self._asked
        answer: asyncio.Future[object] = self._loop.create_future()
        self._questions[number] = answer
        try:
            self._pipe.send((kind, number, what))
            found = await answer
        except OSError as error:
            raise self._died() from error
        finally:
            self._questions.pop(number, None)
        if not isinstance(found, expected):
            raise RouterFailed(f"{kind} was answered with {found!r}")
        return found

    def _heard(self) -> None:
        try:
            kind, number, what = self._pipe.recv()
        except (EOFError, OSError):
            self._gone()
            return
        if kind is Tell.READY:
            self._ready.set_result(None)
        elif kind is Tell.LATENCIES:
            self._latencies.set_result(what)
        elif number in self._questions:
            question = self._questions[number]
            if kind is Tell.RESULT:
                question.set_result(what)
            else:
                question.set_exception(RouterFailed(str(what)))
        elif not self._ready.done():
            self._ready.set_exception(RouterFailed(str(what)))

    def _gone(self) -> None:
        """The pipe is closed: every waiter is told."""
        if not self._pipe.closed:
            self._loop.remove_reader(self._pipe.fileno())
            self._pipe.close()
        died = self._died()
        if not self._ready.done():
            self._ready.set_exception(died)
        for question in self._questions.values():
            if not question.done():
                question.set_exception(died)
        if not self._latencies.done():
            self._latencies.set_result({})

    def _died(self) -> RouterDied:
        """Its pipe is closed, so it has ended or is about to: its exit code is worth a short wait."""
        self._process.join(EXIT_CODE_S)
        lines = self._last_words.read_text(errors="replace").splitlines() if self._last_words.exists() else []
        said = "\n  ".join(lines[-LAST_LINES:]) or "nothing"
        return RouterDied(
            f"the router process {self.pid} has ended, exit code {self._process.exitcode}; the last that it wrote:\n"
            f"  {said}\nWhat became of its orders is in its journal: start the next one on it and repeat them with the "
            "same ids. If it ends like this again, report it with these lines"
        )


def _last_words(setup: Setup) -> Path:
    """Where the process writes its standard error: beside its journal."""
    return Path(f"{setup.settings.journal_path}.stderr")


def _lived(life: Life, pipe: Connection, setup: Setup) -> None:
    """In the new process: whatever writes to its standard error, its parent can read it when it has gone."""
    with _last_words(setup).open("wb", buffering=0) as words:
        os.dup2(words.fileno(), 2)
    life(pipe, setup)
