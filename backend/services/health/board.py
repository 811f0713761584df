"""What is known of each venue's health: live checks, and for the router a knowledge of bounded age."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from backend.config.model import Timeouts
from backend.domain.errors import ConfigurationError, VenueCallFailed
from backend.domain.health import HealthCause, VenueHealth
from backend.domain.reasons import HealthClass
from backend.policies.live_health import cause_of, down, judge_reading
from backend.ports.clock import Clock
from backend.ports.exchange import ExchangeAdapter
from backend.ports.telemetry import Telemetry
from backend.services.health.clocks import VenueClocks


class HealthBoard:
    """``check`` is always live. ``verdict`` may reuse an answer up to ``health_max_age_s`` old; concurrent callers
    share one check. ``clocks``: what the checks tell of the venues' clocks."""

    def __init__(
        self, adapter_of: Callable[[str], ExchangeAdapter], timeouts: Timeouts, clock: Clock, telemetry: Telemetry
    ) -> None:
        self._adapter_of = adapter_of
        self._timeouts = timeouts
        self._clock = clock
        self._telemetry = telemetry
        self.clocks = VenueClocks(self.check, clock)
        self._known: dict[str, tuple[VenueHealth, float]] = {}
        """With when it was told, on the clock that cannot be set: a wall clock that is set back keeps nothing young."""
        self._running: dict[str, asyncio.Task[VenueHealth]] = {}

    def __repr__(self) -> str:
        known = ", ".join(f"{venue}={health.status.value}" for venue, (health, _) in sorted(self._known.items()))
        return f"HealthBoard({known})"

    async def check(self, venue: str) -> VenueHealth:
        """One live check through the adapter's ``health()``, bounded by the timeout. Never raises for a venue's fault;
        a venue without an adapter is down."""
        started = self._clock.monotonic()
        health = await self._ask(venue)
        self._known[venue] = (health, self._clock.monotonic())
        self._telemetry.health_checked(venue, health.status.value, self._clock.monotonic() - started)
        return health

    async def verdict(self, venue: str) -> VenueHealth:
        """The health, at most ``health_max_age_s`` old."""
        known = self.known(venue)
        if known is not None:
            return known
        task = self._running.get(venue)
        if task is None:
            task = self._running[venue] = asyncio.create_task(self.check(venue), name=f"health of {venue}")
            task.add_done_callback(lambda _: self._running.pop(venue, None))
        return await asyncio.shield(task)

    def known(self, venue: str) -> VenueHealth | None:
        """What is known and young enough, without asking anybody."""
        health, told_at = self._known.get(venue, (None, 0.0))
        return health if self._clock.monotonic() - told_at <= self._timeouts.health_max_age_s else None

    def order_evidence(self, venue: str, evidence: HealthClass) -> None:
        """An order's own experience: after a failure what is known is no longer believed, so the next order asks. So
        too after a limit, which is no failure; a venue that refuses us is then not asked but known to do so."""
        if evidence in (HealthClass.FAILED, HealthClass.UNKNOWN, HealthClass.MODE, HealthClass.LIMITED):
            self._known.pop(venue, None)

    async def _ask(self, venue: str) -> VenueHealth:
        try:
            adapter = self._adapter_of(venue)
        except ConfigurationError as error:
            return down(HealthCause.NO_ADAPTER, str(error), at=self._clock.now())
        try:
            async with self._clock.timeout(self._timeouts.health_s):
                reading = await adapter.health()
        except TimeoutError:
            problem = f"no answer within {self._timeouts.health_s:g} s"
            return down(HealthCause.NO_VALID_ANSWER, problem, at=self._clock.now())
        except VenueCallFailed as error:
            return down(cause_of(error), error.problem, at=self._clock.now())
        self.clocks.note(adapter.rules, reading)
        return judge_reading(reading, degraded_after_s=self._timeouts.degraded_after_s, at=self._clock.now())

    async def close(self) -> None:
        """Ends checks that nobody waits for."""
        await self.clocks.close()
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
