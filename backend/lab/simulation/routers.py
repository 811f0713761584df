"""The routers of a world, one after the other on one journal: how they are built, die, stand still, and lose a disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from backend import bootstrap
from backend.config import Settings
from backend.domain.errors import JournalCorrupt, JournalError
from backend.domain.rules import VenueRules
from backend.lab.simulation.invariants import Invariants
from backend.lab.simulation.loop import VirtualLoop
from backend.lab.simulation.network import Network, SimulatedTransport, Watch
from backend.lab.simulation.plan import Plan, pause_s, weight
from backend.lab.simulation.policies import policied
from backend.lab.simulation.process import Process
from backend.lab.simulation.sightings import CRASH_POINTS
from backend.lab.simulation.telemetry import TracedTelemetry
from backend.lab.workload import STRATEGIES
from backend.policies.routing_tables import FailoverChains
from backend.services.execution.router import Router

if TYPE_CHECKING:
    from backend.bootstrap.simulated import MemoryStore

Question = Callable[[Router], Coroutine[Any, Any, object]]

IDS_PER_SEED = 1_000
SKEW_S = 0.4
DRIFT = 1e-4
COMMIT_S_MAX = 0.004
WHOLE_EVERY = 8
"""At so many starts the whole journal is compared with its events, which takes long."""


class Life:
    """One process with its router. ``failed``: its journal did, and nothing works in it any more."""

    def __init__(self, process: Process, loop: asyncio.AbstractEventLoop) -> None:
        self.process = process
        self.router: Router | None = None
        self.failed: asyncio.Future[None] = loop.create_future()

    def journal_failed(self) -> None:
        """An operator will notice, and restart it."""
        if not self.failed.done():
            self.failed.set_result(None)


@dataclass(frozen=True, slots=True)
class Parts:
    """What every router of a world is put together from."""

    plan: Plan
    store: MemoryStore
    settings: Settings
    rules: Mapping[str, VenueRules]
    network: Network
    hosts: Mapping[str, str]
    watch: Watch
    invariants: Invariants
    loop: VirtualLoop


class Routers:
    """``alive()`` gives the one that takes orders. ``fate`` decides about deaths, ``rng`` about clocks and pauses."""

    def __init__(self, parts: Parts, *, fate: Random, rng: Random) -> None:
        self._parts = parts
        self._fate = fate
        self._rng = rng
        self._up = asyncio.Event()
        self._life: Life | None = None
        self.rough = True
        """Processes die and disks fail; ends when the faults stop."""

    async def live(self) -> None:
        """One process after the other, until it is cancelled."""
        number = 0
        while True:
            number += 1
            life = self._life = self._born(number)
            await asyncio.wait({life.process.died, life.failed}, return_when=asyncio.FIRST_COMPLETED)
            self._up.clear()
            if not life.process.dead:
                await asyncio.sleep(self._rng.uniform(0.2, 2.0))
                self._parts.watch.noted(f"p{number} is stopped: its journal failed")
                life.process.kill()
            await asyncio.sleep(self._rng.expovariate(2.0))

    async def alive(self) -> tuple[Process, Router]:
        """Waits for a router that takes orders."""
        while True:
            await self._up.wait()
            life = self._life
            if life is not None and life.router is not None and not life.process.dead:
                return life.process, life.router
            await asyncio.sleep(0.1)

    async def answer(self, name: str, question: Question) -> asyncio.Task[object] | None:
        """Puts a question to the router of the moment; None: the process died over it."""
        process, router = await self.alive()
        task = process.start(lambda: question(router), name)
        either: set[asyncio.Future[Any]] = {task, process.died}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return task if task.done() else None

    def end(self) -> None:
        """The one of the moment dies."""
        if self._life is not None and not self._life.process.dead:
            self._parts.watch.noted(f"p{self._life.process.number} ends")
            self._life.process.kill()

    def pause(self, seconds: float) -> None:
        """The one of the moment stands still."""
        if self._life is not None:
            self._parts.watch.noted(f"p{self._life.process.number} stands still for {seconds:.2f} s")
            self._life.process.pause(seconds)

    def _born(self, number: int) -> Life:
        skew_s, drift = self._rng.uniform(-SKEW_S, SKEW_S), self._rng.uniform(-DRIFT, DRIFT)
        life = Life(Process(number, self._parts.loop, self, skew_s=skew_s, drift=drift), self._parts.loop)
        self._parts.watch.noted(f"p{number} starts")
        if number > 1:
            self._parts.invariants.reopened(whole=number % WHOLE_EVERY == 0)
        opening = life.process.start(lambda: self._opened(life), f"router {number}")
        opening.add_done_callback(lambda task: self._start_ended(life, task))
        return life

    async def _opened(self, life: Life) -> None:
        parts, process = self._parts, life.process
        runtime = bootstrap.Runtime(
            parts.settings,
            clock=process,
            ids=bootstrap.seeded_ids(parts.plan.seed * IDS_PER_SEED + process.number),
            telemetry=TracedTelemetry(process.number, parts.watch.noted, parts.watch.seen),
            transport=SimulatedTransport(process, parts.network, parts.hosts, parts.watch),
            journal=parts.store.opened(_Gate(self, life)),
            chains=FailoverChains(),
            strategies=dict(STRATEGIES),
            rules=parts.rules,
            wrap=policied(parts.plan.policy, process),
        )
        life.router = await runtime.router()
        parts.watch.noted(f"p{process.number} takes orders")
        parts.watch.seen("router opened")
        self._up.set()

    def _start_ended(self, life: Life, task: asyncio.Task[object]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if isinstance(error, JournalCorrupt):
            self._parts.invariants.violated(f"S10: the next router does not find the journal as it was left: {error}")
        elif not isinstance(error, JournalError):
            self._parts.invariants.violated(f"L6: the router did not start: {error!r}")
        life.journal_failed()

    # --- fate --------------------------------------------------------------------------------------------------------

    def at(self, process: Process, point: str) -> None:
        """Draws whether the process dies or stands still here."""
        if not self.rough:
            return
        plan, watch = self._parts.plan, self._parts.watch
        draw = self._fate.random() / weight(point)
        if draw < plan.kill:
            self._killed(process, point)
        elif draw < plan.kill + plan.pause:
            seconds = pause_s(point, self._fate)
            watch.noted(f"p{process.number} stands still for {seconds:.2f} s at {point}")
            watch.seen("pause")
            process.pause(seconds)

    def _killed(self, process: Process, point: str) -> None:
        watch = self._parts.watch
        watch.noted(f"p{process.number} is killed at {point}")
        watch.seen("kill")
        watch.seen(f"kill at {point}")
        if point in CRASH_POINTS:
            watch.seen(f"crash point {CRASH_POINTS[point]}")
        process.kill()

    async def commits(self, life: Life, unit: object) -> None:
        """Before a transaction. Raises sqlite3.OperationalError where the disk fails."""
        await life.process.point(f"journal {unit} before")
        await asyncio.sleep(self._fate.uniform(0.0, COMMIT_S_MAX))
        self._disk(life, f"{unit} before")

    async def committed(self, life: Life, unit: object) -> None:
        """After it. Raises sqlite3.OperationalError where the disk fails and has kept it all the same."""
        try:
            self._parts.invariants.committed()
        except sqlite3.Error as error:
            raise RuntimeError("the simulation cannot read the journal") from error
        self._parts.loop.listen()
        self._disk(life, f"{unit} after")
        await life.process.point(f"journal {unit} after")

    def _disk(self, life: Life, where: str) -> None:
        if self.rough and self._fate.random() < self._parts.plan.disk:
            self._parts.watch.noted(f"p{life.process.number}: the disk fails at {where}")
            self._parts.watch.seen("crash point 14")
            self._parts.watch.seen(f"the disk failed {where.rpartition(' ')[2]} a commit")
            life.journal_failed()
            raise sqlite3.OperationalError("database or disk is full")


class _Gate:
    """Stands around the transactions of one router's journal."""

    def __init__(self, routers: Routers, life: Life) -> None:
        self._routers = routers
        self._life = life

    async def before(self, unit: object) -> None:
        await self._routers.commits(self._life, unit)

    async def after(self, unit: object) -> None:
        await self._routers.committed(self._life, unit)
