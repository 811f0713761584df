"""An event loop without a clock: time jumps to the next timer, and a seed decides what runs first.

It uses the internals of asyncio's base loop (``_ready``, ``_scheduled``, ``Handle._run``), which are the same in Python
3.11 to 3.14; a test pins what it relies on. Nothing in it can wait for the world: no selector, no sockets, no threads.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from contextvars import ContextVar
from random import Random
from typing import Any, Protocol

UNHEARD_MAX = 100
HEARD_S = 1.0
"""Whoever waits for a task has looked at its error by then."""

THROWS_MAX = 20
TIME_MAX_S = 10_000.0
STEPS_MAX = 3_000_000


class Deadlock(RuntimeError):
    """Something is awaited that nothing will ever bring about: no callback is ready and no timer runs (L5)."""


class Endless(RuntimeError):
    """The world goes on and on (L1): TIME_MAX_S of its own time, or STEPS_MAX callbacks, were not enough."""


class Owner(Protocol):
    """A simulated process. What belongs to it runs only while it lives and is not paused."""

    @property
    def dead(self) -> bool: ...

    @property
    def lagging(self) -> bool:
        """It stands still, or did until this very moment: what has happened to it was not told to it yet."""
        ...

    def keeps(self, handle: asyncio.Handle) -> bool:
        """True: the callback must not run now, and the owner has taken it."""
        ...


OWNER: ContextVar[Owner | None] = ContextVar("owner", default=None)
"""Whose task or callback it is; None: the world's own."""


class VirtualLoop(asyncio.BaseEventLoop):
    """``time()`` starts at zero. Callbacks that are ready at a time run in an order drawn from ``rng``."""

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self._rng = rng
        self._virtual = 0.0
        self.steps = 0
        self.set_exception_handler(self._heard)
        self.set_task_factory(self._made)
        self._tasks: dict[asyncio.Task[Any], Owner | None] = {}
        self._failed: dict[asyncio.Task[Any], float] = {}
        self.unheard: list[str] = []

    def time(self) -> float:
        return self._virtual

    def run_in_executor(  # type: ignore[override]  # its own signature changes from version to version
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """At once, in place: a thread would bring the machine's own timing in."""
        del executor
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - an executor hands on whatever was raised
            future.set_exception(error)
        return future

    def _made(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **options)
        context = options.get("context")
        self._tasks[task] = OWNER.get() if context is None else context.get(OWNER)
        return task

    def listen(self, *, patience_s: float = HEARD_S) -> None:
        """Looks for tasks that ended in an error at which nobody has looked for so long. asyncio tells of one only when
        it is thrown away, and what throws it away here is the end of the world."""
        for task, owner in list(self._tasks.items()):
            if not task.done():
                continue
            unheard = not task.cancelled() and task._log_traceback and not (owner is not None and owner.dead)
            if unheard and owner is not None and owner.lagging:
                self._failed[task] = self._virtual
                continue
            since = self._failed.setdefault(task, self._virtual) if unheard else 0.0
            if unheard and self._virtual - since < patience_s:
                continue
            if unheard:
                self._unheard(f"{task.get_name()} failed, and nobody looked", task.exception())
            task._log_traceback = False
            del self._tasks[task]
            self._failed.pop(task, None)

    def _unheard(self, where: str, error: BaseException | None) -> None:
        if len(self.unheard) < UNHEARD_MAX:
            self.unheard.append(f"{where}: {error!r}")

    def _heard(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Errors that nobody waits for. What is left of dead processes is dropped on purpose and says nothing."""
        error, task = context.get("exception"), context.get("future")
        owner = self._tasks.get(task) if isinstance(task, asyncio.Task) else None
        if error is not None and (owner is None or not owner.dead):
            self._unheard(str(context.get("message")), error)

    def _run_once(self) -> None:
        ready, timers = self._ready, self._scheduled  # type: ignore[attr-defined]
        while timers and timers[0]._cancelled:
            heapq.heappop(timers)._scheduled = False
        if not ready:
            if not timers:
                raise Deadlock(f"at {self._virtual:.3f} s nothing is left that could happen")
            self._virtual = max(self._virtual, timers[0]._when)
        while timers and timers[0]._when <= self._virtual:
            handle = heapq.heappop(timers)
            handle._scheduled = False
            ready.append(handle)
        if self._virtual > TIME_MAX_S or self.steps > STEPS_MAX:
            raise Endless(f"not over after {self._virtual:,.0f} s and {self.steps:,} steps")
        batch = list(ready)
        ready.clear()
        if len(batch) > 1:
            self._rng.shuffle(batch)
        for handle in batch:
            if handle._cancelled:
                continue
            owner = handle._context.get(OWNER)
            if owner is not None and owner.keeps(handle):
                continue
            self.steps += 1
            handle._run()

    def _process_events(self, event_list: object) -> None:
        """There are none: nothing is connected."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector who would have to be woken."""

    def shutdown_at_once(self) -> None:
        """Ends the loop. What never ended, as in killed processes, is thrown away: whatever its ``finally`` tries then,
        there is no world left for it to change."""
        self._ready.clear()  # type: ignore[attr-defined]
        self._scheduled.clear()  # type: ignore[attr-defined]
        for task in [task for task in self._tasks if not task.done()]:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            for _ in range(THROWS_MAX):
                try:
                    task.get_coro().close()
                except RuntimeError:
                    continue  # it awaited something on its way out; the next throw ends that too
                except BaseException:  # noqa: BLE001, S110 - whatever it says, nobody is left to hear it
                    pass
                break
        self._tasks.clear()
        self._ready.clear()  # type: ignore[attr-defined]
        self.close()
