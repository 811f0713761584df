"""A venue's limits at work: whose turn it is, who waits, and who is told at once that it is not worth waiting.

The decision itself is in ``budget``. Counts are shared by every event loop; what waits belongs to its own.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import Generic, TypeVar

from backend.domain.limits import COMMAND_KINDS, CallKind, VenueLimits
from backend.integrations.exchanges.shared.budget import Budget, Need
from backend.integrations.exchanges.shared.outcomes import VenueError
from backend.integrations.exchanges.shared.refusals import closing_of, seconds_closed
from backend.ports.clock import Clock

T = TypeVar("T")

WAITERS_MAX = 64
"""How many calls of one kind may wait at once; the next one is refused."""
OVERTAKE_S = 0.05
"""How long an order or a cancel lets a read of the same key go ahead, from when that one left: time to arrive first. If
it is slower still, it is the read that is refused for its nonce, and a read may be repeated."""
TICK_S = 0.001
"""The shortest wait; also what a call leaves to the one before it."""
PATIENT_KINDS = frozenset({CallKind.CANCEL, CallKind.LOOKUP})
"""The kinds that wait for the end of a limit, if it is near. For the others there is another venue."""


class PerLoop(Generic[T]):
    """One value per running event loop: locks and futures belong to one loop."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: dict[asyncio.AbstractEventLoop, T] = {}

    def get(self) -> T:
        """The running loop's value. Those of closed loops are dropped."""
        loop = asyncio.get_running_loop()
        if loop not in self._values:
            self._values = {kept: value for kept, value in self._values.items() if not kept.is_closed()}
            self._values[loop] = self._make()
        return self._values[loop]


class NoTurn(Exception):
    """The call may not go in the time it has; nothing was sent. ``until``: epoch seconds from which on it may, as far
    as is known. ``refused``: the venue itself told us to stay away until then."""

    def __init__(self, problem: str, until: float, *, refused: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.until = until
        self.refused = refused


@dataclass(eq=False, slots=True)
class _Waiter:
    """``order``: the more urgent first, then the earlier."""

    order: tuple[int, int]
    need: Need
    private: bool
    wake: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who holds the turn of the key, and since when."""

    waiter: _Waiter
    since: float


class Limiter:
    """One account's limits at one venue.

    ``key_hold_s``, where requests of one key must arrive in the order they were signed: private calls go one after the
    other. A call gives the turn back with its answer, or loses it that much later: by then it has arrived, or it will
    be refused for its nonce, which is a definite no. So a lost answer cannot hold up every look-up behind it.
    """

    def __init__(self, limits: VenueLimits, clock: Clock, *, key_hold_s: float | None = None) -> None:
        self._clock = clock
        self._budget = Budget(limits)
        self._key_hold_s = key_hold_s
        self._holder: _Holder | None = None
        self._queues: PerLoop[list[_Waiter]] = PerLoop(list)
        self._numbers = count()
        self._guard = Lock()

    @asynccontextmanager
    async def turn(
        self, kind: CallKind, call: str, *, private: bool, patience_s: float, limited_s: float | None = None
    ) -> AsyncIterator[None]:
        """Inside, the call may go. Raises NoTurn after ``patience_s``; at once when the venue's limits alone would keep
        it waiting for longer than ``limited_s`` (``patience_s`` if None), or when the venue is closed to us and the
        kind does not wait for that."""
        queue = self._queues.get()
        waiter = _Waiter((kind.urgency, next(self._numbers)), self._budget.need(kind, call), private)
        if sum(other.need.kind is kind for other in queue) >= WAITERS_MAX:
            raise NoTurn(f"{WAITERS_MAX} calls of this kind wait already", self._clock.now())
        insort(queue, waiter, key=lambda one: one.order)
        try:
            await self._wait(queue, waiter, patience_s, patience_s if limited_s is None else min(limited_s, patience_s))
        finally:
            queue.remove(waiter)
            _wake(queue)
        try:
            yield
        finally:
            with self._guard:
                if self._holder is not None and self._holder.waiter is waiter:
                    self._holder = None
            _wake(queue)

    def note(
        self, kind: CallKind, call: str, status: int, headers: Mapping[str, str], errors: Iterable[VenueError]
    ) -> None:
        """Learns from an answer: what the venue counts, and whether it closes itself to us."""
        limits, now = self._budget.limits, self._clock.monotonic()
        lower = {name.lower(): value for name, value in headers.items()}
        pools = self._budget.need(kind, call).pools
        with self._guard:
            for told in limits.told:
                value = lower.get(told.header.lower(), "").strip()
                if value.isascii() and value.isdigit() and (told.pool in pools or not told.of_call):
                    measure = self._budget.left if told.left else self._budget.told
                    measure(told.pool, float(value), now)
            closing = closing_of(limits.closings, status, errors := tuple(errors))
            if closing is not None:
                seconds = seconds_closed(closing, limits, lower, errors, self._clock.now())
                why = " ".join((f"HTTP {status}", *(error.code for error in errors)))
                self._budget.close(closing.pools, now + seconds, why)
        _wake(self._queues.get())

    def used(self, pool: str) -> float:
        """How much of a pool is used at the moment, by our count or the venue's."""
        with self._guard:
            return self._budget.used(pool, self._clock.monotonic())

    async def _wait(self, queue: list[_Waiter], waiter: _Waiter, patience_s: float, limited_s: float) -> None:
        started = self._clock.monotonic()
        while True:
            now = self._clock.monotonic()
            waiter.wake.clear()
            with self._guard:
                limits_at, key_at = self._free_at(queue, waiter, now)
                at = max(limits_at, key_at)
                if at <= now:
                    self._budget.take(waiter.need, now)
                    if self._keyed(waiter):
                        self._holder = _Holder(waiter, now)
                    return
                self._check_worth(waiter, limits_at, now, started + limited_s)
            if now >= started + patience_s:
                raise NoTurn("no turn in time: other calls of the same key are still under way", self._clock.now())
            await self._pause(waiter, max(TICK_S, min(at, started + patience_s) - now))

    def _check_worth(self, waiter: _Waiter, at: float, now: float, give_up: float) -> None:
        """Raises NoTurn when the limits leave nothing to wait for."""
        closed = self._budget.closed(waiter.need, now)
        if closed is not None and (waiter.need.kind not in PATIENT_KINDS or closed[0] > give_up):
            seconds, why = closed[0] - now, closed[1]
            problem = f"the venue refuses us for another {seconds:.1f} s ({why}); nothing is sent before that"
            raise NoTurn(problem, self._clock.now() + seconds, refused=True)
        if at > give_up or (at > now >= give_up):
            problem = f"by our own rate limits the next turn is in {at - now:.2f} s, which is too late"
            raise NoTurn(problem, self._clock.now() + at - now)

    def _free_at(self, queue: list[_Waiter], waiter: _Waiter, now: float) -> tuple[float, float]:
        """The earliest times by the limits and by the key's turn, after those before it that need the same."""
        limits_at, key_at = self._limits_free_at(waiter, now), self._key_free_at(waiter, now)
        for other in queue:
            if other is waiter:
                break
            first_limits, first_key = self._limits_free_at(other, now), self._key_free_at(other, now)
            # One that waits only for its key leaves the pools alone, and the other way round.
            if waiter.need.pools & other.need.pools and (first_limits > now or first_key <= now):
                limits_at = max(limits_at, first_limits, now + TICK_S)
            if self._keyed(waiter) and self._keyed(other) and first_limits <= now:
                key_at = max(key_at, first_key, now + TICK_S)
        return limits_at, key_at

    def _limits_free_at(self, waiter: _Waiter, now: float) -> float:
        closed = self._budget.closed(waiter.need, now)
        return max(self._budget.free_at(waiter.need, now), closed[0] if closed else now)

    def _key_free_at(self, waiter: _Waiter, now: float) -> float:
        holder = self._holder
        if holder is None or self._key_hold_s is None or not self._keyed(waiter):
            return now
        overtakes = waiter.need.kind in COMMAND_KINDS and holder.waiter.need.kind not in COMMAND_KINDS
        return holder.since + (min(OVERTAKE_S, self._key_hold_s) if overtakes else self._key_hold_s)

    def _keyed(self, waiter: _Waiter) -> bool:
        return waiter.private and self._key_hold_s is not None

    async def _pause(self, waiter: _Waiter, seconds: float) -> None:
        """Until something changed, or the time is over."""
        sleeper = asyncio.create_task(self._clock.sleep(seconds), name="a turn's time")
        waker = asyncio.create_task(waiter.wake.wait(), name="a turn's change")
        try:
            await asyncio.wait({sleeper, waker}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            waker.cancel()


def _wake(queue: list[_Waiter]) -> None:
    for waiter in queue:
        waiter.wake.set()
