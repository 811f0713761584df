"""One simulated world: six emulated exchanges, a network, a journal, routers that die one after the other, callers.

Everything is the real code but the clock, the network, the disk and the operating system.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random

from backend import bootstrap
from backend.bootstrap.simulated import memory_store, venue_hosts
from backend.config import Limits, Settings, Timeouts, VenueSettings
from backend.domain.orders import Credentials
from backend.domain.records import Equivalent
from backend.domain.rules import IdClass, VenueRules
from backend.emulator.books import GeneratedBooks
from backend.emulator.core import VenueCore
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.registry import KINDS
from backend.emulator.wire import Endpoint
from backend.lab.simulation import workload
from backend.lab.simulation.callers import Callers
from backend.lab.simulation.exposure import Exposure
from backend.lab.simulation.invariants import Invariants
from backend.lab.simulation.loop import Deadlock, Endless, VirtualLoop
from backend.lab.simulation.network import CALM, Network
from backend.lab.simulation.plan import Outcome, Plan
from backend.lab.simulation.process import EPOCH_S, Process
from backend.lab.simulation.routers import Parts, Routers
from backend.lab.simulation.sightings import Sightings, Trace
from backend.policies.routing_tables import EXCHANGES
from backend.ports.transport import HttpRequest

NOK_PER_USD = Decimal("10.5")
EQUIVALENTS = {
    f"{base}/USD": (Equivalent(f"{base}/USDT", Decimal(1)), Equivalent(f"{base}/NOK", NOK_PER_USD))
    for base in ("BTC", "ETH")
}
QUOTES = {"USD": Decimal(1), "USDT": Decimal(1), "NOK": NOK_PER_USD}
CAPS = (*[Decimal(1_000_000)] * 3, Decimal(60_000))
"""What an account may hold: more than all orders together, or little more than the largest of them; drawn."""

TIMEOUTS = Timeouts(place_s=6.0, send_window_s=5.0, lookup_window_s=20.0)
THIN: Mapping[str, float] = {"firi": 0.5}
THIN_ELSE = 0.04
"""The books hold so much of what they usually do, so that many orders fill in part. Not where the exchange tells the
trades of an order only by a page of its history: there many small ones would leave the price open."""

BOOK_S = 2.0
CLOCK_AHEAD_S = 0.4
LOOK_S = 20.0
CALM_S_MAX = 1_200.0
"""After the faults have stopped, everything must have come to its end within this: the longest lock-out, of which the
exchange does not tell the end, is a quarter of an hour, and then a parked order is looked for once a minute."""


LATE_S = 720.0
"""What exchanges hid beyond their bounds has shown by then, and has been looked for, also behind a ban."""


class World:
    """``run()`` once; or ``begin()``, step by step, and ``end()``. It holds everything until it is dropped."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._loop = VirtualLoop(self._rng("schedule"))
        self.sightings: Sightings = Sightings()
        self._store = memory_store(f"{self._rng('tag').getrandbits(32):08x}")
        keys = self._rng("keys")
        self._keys = {venue: dict(KINDS[venue].new_keys(keys.randbytes)) for venue in EXCHANGES}
        named = [(name, value) for own in self._keys.values() for name, value in own.items()]
        self.trace = Trace([value for name, value in named if name != "permissions"])
        bounds = self._rng("bounds")
        self._kinds = {venue: replace(KINDS[venue], bounds=bounds.choice(workload.BOUNDS)) for venue in EXCHANGES}
        self._cores = self._exchanges()
        self._cap = self._rng("caps").choice(CAPS)
        exposure = Exposure(self._cap, QUOTES)
        self.invariants = Invariants(
            self._store, self._cores, self.noted, self.seen, exposure=exposure, beyond=plan.beyond
        )
        rules = self._rules()
        # Where an id is refused for ever, the network may deliver an order twice (protocol 2.2, class P).
        safe = frozenset(venue for venue in EXCHANGES if rules[venue].id_class.value is IdClass.PERMANENT)
        self._network = Network(self._loop, self._rng("network"), self._cores, self, safe)
        self._routers = Routers(self._parts(rules), fate=self._rng("fate"), rng=self._rng("lives"))
        self._callers = Callers(self._routers, self.invariants, self, self._loop, self._rng("operator"))
        self._lives: asyncio.Future[None] = self._loop.create_future()
        self._wanted: list[asyncio.Task[None]] = []
        self.wanted = 0

    def run(self) -> Outcome:
        """The whole life of the world, as its seed has it."""
        self.begin()
        for wish in workload.wishes(self._rng("orders"), self._plan.intents):
            self.want(wish)
        strikes = workload.strikes(self._rng("faults"), self._kinds, beyond=self._plan.beyond)
        self._wanted.append(self._loop.create_task(self._strikes(strikes)))
        return self.end()

    # --- step by step ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The first router starts."""
        self._lives = self._loop.create_task(self._routers.live())

    def want(self, wish: workload.Wish) -> None:
        """One order more; its caller begins when it is time."""
        self.wanted += 1
        self._wanted.append(self._loop.create_task(self._callers.want(wish)))

    def strike(self, strike: workload.Strike) -> None:
        """A fault begins now."""
        fault = _fitting(strike.fault, strike.venue)
        self.noted(f"fault at {strike.venue}: {fault.kind} {json.dumps(dict(fault.params))} for {fault.length}")
        self._cores[strike.venue].inject(fault, self._network.now())

    def advance(self, seconds: float) -> None:
        """So much time passes."""
        self._finished(asyncio.sleep(seconds))

    def kill(self) -> None:
        """The router of the moment dies."""
        self._routers.end()

    def pause(self, seconds: float) -> None:
        """The router of the moment stands still."""
        self._routers.pause(seconds)

    @property
    def now(self) -> float:
        """Seconds of the world."""
        return self._loop.time()

    def end(self) -> Outcome:
        """Waits for every caller, stops the faults, lets everything come to its end, and judges."""
        self._finished(self._ended())
        self._loop.listen(patience_s=0.0)
        for unheard in self._loop.unheard:
            self.invariants.violated(f"an error that nobody heard: {unheard}")
        violations = tuple(self.invariants.violations)
        outcome = Outcome(
            seed=self._plan.seed,
            violations=violations,
            intents=self.wanted,
            overfilled=len(self.invariants.overfilled),
            seconds=self._loop.time(),
            sightings=self.sightings,
            digest=self.trace.digest,
            trace=tuple(self.trace.lines) if violations or self._plan.keep_trace else (),
        )
        self._loop.shutdown_at_once()
        self._store.close()
        return outcome

    def _finished(self, work: Coroutine[object, object, object]) -> None:
        try:
            self._loop.run_until_complete(self._loop.create_task(work))
        except Deadlock as deadlock:
            self.invariants.violated(f"L5: {deadlock}")
        except Endless as endless:
            self.invariants.violated(f"L1: {endless}")

    async def _ended(self) -> None:
        await asyncio.gather(*self._wanted)
        self._calm()
        await self._settled()
        # Whose bound was broken takes no orders before somebody has looked, and the last order needs an account.
        self._store.acknowledge("looked at it", self._network.now())
        await self._callers.want(workload.probe(self._loop.time()))
        self.invariants.works_again(workload.PROBE)
        self._loop.listen()
        self._lives.cancel()
        self._routers.end()
        self.invariants.at_rest(self.wanted + 1, self._network.now())
        for core in self._cores.values():
            self.sightings.update({f"fault {kind.value}": count for kind, count in core.struck.items()})
        if not self.trace.clean:
            self.invariants.violated("S11: a key stands in the trace")

    async def _strikes(self, strikes: Sequence[workload.Strike]) -> None:
        for strike in strikes:
            await asyncio.sleep(max(0.0, strike.at - self._loop.time()))
            self.strike(strike)

    def _calm(self) -> None:
        """From now on nothing fails any more, and what was promised must come true. Wrong clocks stay wrong."""
        self.noted("the faults stop")
        self._routers.rough = False
        self._network.weather = CALM
        now = self._network.now()
        for core in self._cores.values():
            for fault_id, (fault, _) in core.faults(now).items():
                if fault.kind is not FaultKind.CLOCK:
                    core.clear(now, fault_id)

    async def _settled(self) -> None:
        """Until every order has come to its end, or is parked for want of evidence, and every cancel is answered."""
        until = self._loop.time() + CALM_S_MAX
        while self._loop.time() < until:
            await asyncio.sleep(LOOK_S)
            self._loop.listen()
            if self.invariants.all_ended() and not self._callers.unanswered():
                await asyncio.sleep(LATE_S if self._plan.beyond else 0.0)
                return
        for name in self._callers.unanswered():
            self.invariants.violated(f"L5: after {CALM_S_MAX:g} s without faults the cancel of {name} is not answered")
        if not self.invariants.all_ended():
            self.invariants.violated(f"L1: after {CALM_S_MAX:g} s without faults there are orders without an end")

    # --- what happens, told ------------------------------------------------------------------------------------------

    def noted(self, what: str) -> None:
        self.trace.add(self._loop.time(), what)

    def seen(self, what: str) -> None:
        self.sightings[what] += 1

    def leaving(
        self, process: Process, venue: str, endpoint: Endpoint | None, request: HttpRequest, handed_over: float
    ) -> None:
        self.noted(f"p{process.number} -> {venue} {endpoint} {len(request.url)} {len(request.body or b'')}")
        if endpoint is Endpoint.PLACE:
            self.invariants.sendings.placing(venue, request, handed_over, process.now())
        if endpoint is Endpoint.CANCEL:
            self.invariants.cancelling(process, request)

    def answered(self, venue: str, request: HttpRequest) -> str:
        return "taken" if self.invariants.sendings.taken(venue, request) else "refused"

    def refused(self, venue: str, request: HttpRequest) -> None:
        self.invariants.sendings.refused(venue, request)

    def handled(self, venue: str, endpoint: Endpoint | None) -> None:
        self.noted(f"{venue} handles {endpoint}")
        self.invariants.traded(venue)

    # --- parts -------------------------------------------------------------------------------------------------------

    def _rng(self, name: str) -> Random:
        return Random(f"{self._plan.seed}/{name}")  # noqa: S311 - repeatable on purpose

    def _exchanges(self) -> Mapping[str, VenueCore]:
        books = thin_books(self._plan.seed)
        cores = {}
        for venue in EXCHANGES:
            core = VenueCore(self._kinds[venue], keys=self._keys[venue], books=books, rng=self._rng(f"venue {venue}"))
            ahead = self._rng(f"clock of {venue}").uniform(-CLOCK_AHEAD_S, CLOCK_AHEAD_S)
            core.inject(Fault(FaultKind.CLOCK, params={"seconds": ahead}), EPOCH_S)
            cores[venue] = core
        return cores

    def _rules(self) -> Mapping[str, VenueRules]:
        """What the router believes of the exchanges: the truth, or less than that where they break their bounds."""
        believed = {venue: kind.bounds for venue, kind in (KINDS if self._plan.beyond else self._kinds).items()}
        return {
            venue: bootstrap.emulated_rules(
                venue, engine_s=believed[venue].engine_s, visibility_s=believed[venue].visibility_s
            )
            for venue in EXCHANGES
        }

    def _parts(self, rules: Mapping[str, VenueRules]) -> Parts:
        return Parts(
            plan=self._plan,
            store=self._store,
            settings=self._settings(),
            rules=rules,
            network=self._network,
            hosts=venue_hosts(),
            watch=self,
            invariants=self.invariants,
            loop=self._loop,
        )

    def _settings(self) -> Settings:
        venues = {}
        for venue, keys in self._keys.items():
            credentials = Credentials(api_key=keys["api_key"], secret=keys["secret"], extra=dict(keys))
            venues[venue] = VenueSettings(credentials=credentials)
        limits = Limits(per_exchange=self._cap)
        return Settings(timeouts=TIMEOUTS, limits=limits, venues=venues, equivalents=EQUIVALENTS)


def thin_books(seed: int) -> GeneratedBooks:
    """Generated books with little in them."""
    shapes = {}
    for venue in EXCHANGES:
        usual = KINDS[venue].shape
        shapes[venue] = replace(usual, level_usd=usual.level_usd * THIN.get(venue, THIN_ELSE))
    markets = {venue: {market.symbol: market for market in KINDS[venue].markets} for venue in EXCHANGES}
    return GeneratedBooks(seed, shapes, markets, frame_s=BOOK_S)


def _fitting(fault: Fault, venue: str) -> Fault:
    """With the parts of it that only the venue's own markets can tell."""
    if fault.kind is not FaultKind.PRICE:
        return fault
    symbol = min(market.symbol for market in KINDS[venue].markets)
    return Fault(fault.kind, length=fault.length, params={**fault.params, "symbol": symbol})
