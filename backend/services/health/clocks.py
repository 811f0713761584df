"""The venues' clocks: what the health checks tell of them, and a few more checks where that is not enough."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from math import inf

from backend.domain.health import HealthReading, VenueHealth
from backend.domain.rules import VenueRules
from backend.policies.venue_clock import (
    AIMED_AT_S,
    AIMED_SAMPLES_MAX,
    ClockEstimate,
    ClockSample,
    aim,
    clock_problem,
    estimate,
    with_sample,
)
from backend.ports.clock import Clock

PAUSE_S = 15.0
"""After answers that did not make a clock known well enough, it is not asked again on purpose for so long."""


class VenueClocks:
    """Kept against our monotonic clock. ``check`` asks a venue's health, which comes back here through ``note``."""

    def __init__(self, check: Callable[[str], Awaitable[VenueHealth]], clock: Clock) -> None:
        self._check = check
        self._clock = clock
        self._samples: dict[str, tuple[ClockSample, ...]] = {}
        self._paused_until: dict[str, float] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def __repr__(self) -> str:
        return f"VenueClocks({', '.join(sorted(self._samples))})"

    def note(self, rules: VenueRules, reading: HealthReading) -> None:
        """Every health check is a sample, if it says when it was made."""
        if reading.asked is not None and rules.clock_resolution_s is not None:
            sample = ClockSample(reading.server_time, rules.clock_resolution_s.value, *reading.asked)
            self._samples[rules.venue] = with_sample(self._samples.get(rules.venue, ()), sample)

    def known(self, venue: str) -> ClockEstimate | None:
        """What is known now, without asking anybody."""
        return estimate(self._samples.get(venue, ()), self._clock.monotonic())

    def error_s(self, venue: str) -> float | None:
        """The error bound; None: nothing is known."""
        known = self.known(venue)
        return None if known is None else known.error_s

    async def narrow(self, rules: VenueRules) -> bool:
        """A few more checks, if an order needs the error bound to be narrower; True: there were some. Concurrent
        callers share them; a venue whose answers do not help is left alone for a while."""
        task = self._begun(rules)
        if task is None:
            return False
        await asyncio.shield(task)
        return True

    def begin(self, every: Iterable[VenueRules]) -> None:
        """Starts to learn the clocks that orders will need, so that the first of them need not wait for that."""
        for rules in every:
            self._begun(rules)

    def _begun(self, rules: VenueRules) -> asyncio.Task[None] | None:
        """The checks that are under way, or begin now; None: none are needed, or they do not help for now."""
        venue = rules.venue
        left_alone = self._paused_until.get(venue, -inf) > self._clock.monotonic()
        if left_alone or clock_problem(rules, self.error_s(venue)) is None:
            return None
        if venue not in self._running:
            task = self._running[venue] = asyncio.create_task(self._narrow(rules), name=f"clock of {venue}")
            task.add_done_callback(lambda _: self._running.pop(venue, None))
        return self._running[venue]

    async def _narrow(self, rules: VenueRules) -> None:
        venue = rules.venue
        if self.known(venue) is None:
            await self._check(venue)
        for _ in range(AIMED_SAMPLES_MAX):
            known = self.known(venue)
            if known is None or known.error_s <= AIMED_AT_S:
                return
            await self._clock.sleep(aim(known, self._samples[venue], self._clock.monotonic()))
            if (await self._check(venue)).latency_ms is None:
                return
        if clock_problem(rules, self.error_s(venue)) is not None:
            self._paused_until[venue] = self._clock.monotonic() + PAUSE_S

    async def close(self) -> None:
        """Ends checks that nobody waits for."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
