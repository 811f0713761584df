"""Faults as values, and the board on which a venue's faults are pinned, drawn and taken down."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from backend.emulator.accounts import Balance
from backend.emulator.books import BookFrame
from backend.emulator.dialect import Mode
from backend.emulator.moves import Move, TimedMove
from backend.emulator.wire import Effect, Endpoint, Headers

FAULTS_MAX = 100
LENGTH_MAX_S = 30 * 86_400.0


class FaultError(ValueError):
    """The fault makes no sense; the message says why."""


class FaultKind(StrEnum):
    """What goes wrong. The parameters of each kind are listed in ``fault_kinds``."""

    REFUSE = "refuse"
    HANG = "hang"
    RESET = "reset"
    STATUS = "status"
    BODY = "body"
    LATENCY = "latency"
    LOST_ANSWER = "lost_answer"
    MODE = "mode"
    REJECT = "reject"
    STORM = "storm"
    LATE = "late"
    BALANCES = "balances"
    STALE_BOOK = "stale_book"
    STATUS_LIE = "status_lie"
    CLOCK = "clock"
    PRICE = "price"


class When(StrEnum):
    """Before or after the request had its effect in the venue."""

    BEFORE = "before"
    AFTER = "after"


class Stage(StrEnum):
    """Where a request waits.

    ``arrival``: before the venue looks at it.
    ``forward``: after the gateway's checks, before the second deadline check.
    ``engine``: after that check, before the order takes effect (kept within the venue's engine bound).
    ``answer``: after the effect.
    """

    ARRIVAL = "arrival"
    FORWARD = "forward"
    ENGINE = "engine"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with a share ``p`` of the requests to some endpoints, for some time.

    ``start``: seconds from now until it begins. ``length``: seconds that it lasts, None until it is cleared.
    ``count``: it ends after it struck so often. No endpoints: all of them.
    """

    kind: FaultKind
    endpoints: frozenset[Endpoint] = frozenset()
    p: float = 1.0
    start: float = 0.0
    length: float | None = None
    count: int | None = None
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a venue is at the moment at which a fault begins, for faults that keep on telling it."""

    balances: Mapping[str, Balance]
    books: Mapping[str, BookFrame]


@dataclass(frozen=True, slots=True)
class Lie:
    """The mode that the status call tells instead of the true one."""

    mode: Mode | None


@dataclass(slots=True)
class Plan:
    """What will happen to one request that came at ``at``. ``outcome`` replaces the venue's answer.

    ``hidden_s``: look-ups find the order so much later, and each of its trades ``trade_lag_s`` after the execution.
    ``ban_s``: the venue bans the caller from now on for so long. ``balances``, ``books`` and ``lie`` are what is told.
    ``headers`` are added to the venue's own answer.
    """

    at: float = 0.0
    delays: dict[Stage, float] = field(default_factory=dict)
    outcome: tuple[When, Callable[[float], Effect]] | None = None
    hidden_s: float = 0.0
    trade_lag_s: float = 0.0
    ban_s: float = 0.0
    balances: Callable[[Mapping[str, Balance]], Mapping[str, Balance]] | None = None
    books: Mapping[str, BookFrame] | None = None
    lie: Lie | None = None
    headers: Headers = ()

    def add_delay(self, stage: Stage, seconds: float) -> None:
        """Delays of several faults add up."""
        self.delays[stage] = self.delays.get(stage, 0.0) + seconds

    def end_with(self, when: When, effect: Callable[[float], Effect]) -> None:
        """The first fault that decides the answer wins."""
        self.outcome = self.outcome or (when, effect)


Strike = Callable[[Plan, Random], None]


def _nothing(plan: Plan, rng: Random) -> None:
    """For faults that are states of the venue, not events of a request."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a fault does: to a plan, at its beginning, and while it lasts to the venue's mode, clock and books."""

    strike: Strike = _nothing
    begin: Callable[[Scene], None] | None = None
    mode: Mode | None = None
    ahead_s: float = 0.0
    move: Move | None = None


@dataclass(frozen=True, slots=True)
class Armed:
    """A fault whose parameters were checked. ``aim``: the endpoints it strikes, none for all."""

    fault: Fault
    made: Made
    aim: frozenset[Endpoint]


@dataclass(slots=True)
class _Pinned:
    armed: Armed
    begins: float
    ends: float
    left: float
    begun: bool = False

    def active(self, now: float) -> bool:
        return self.begins <= now < self.ends and self.left > 0


class FaultBoard:
    """The faults of one venue. All randomness comes from the generator that is handed in."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._pinned: dict[str, _Pinned] = {}
        self._made = 0
        self.struck: Counter[FaultKind] = Counter()
        """How often a fault of each kind met a request."""

    def pin(self, armed: Armed, now: float) -> str:
        """Put a fault up; returns its id. Faults that are over make room for new ones."""
        self._pinned = {key: p for key, p in self._pinned.items() if now < p.ends and p.left > 0}
        if len(self._pinned) >= FAULTS_MAX:
            raise FaultError(f"a venue carries at most {FAULTS_MAX} faults at a time")
        fault = armed.fault
        begins = now + fault.start
        ends = math.inf if fault.length is None else begins + fault.length
        self._made += 1
        fault_id = f"f{self._made}"
        self._pinned[fault_id] = _Pinned(armed, begins, ends, math.inf if fault.count is None else fault.count)
        return fault_id

    def remove(self, fault_id: str | None = None) -> None:
        """Take one fault down, or all. An unknown id is a KeyError."""
        if fault_id is None:
            self._pinned.clear()
        else:
            del self._pinned[fault_id]

    def faults(self, now: float) -> dict[str, tuple[Fault, bool]]:
        """The faults that are not over, with whether they are active."""
        return {k: (p.armed.fault, p.active(now)) for k, p in self._pinned.items() if now < p.ends and p.left > 0}

    def plan(self, endpoint: Endpoint | None, now: float) -> Plan:
        """Draw what happens to a request. Requests to unknown paths meet only faults that are aimed at everything."""
        plan = Plan(now)
        for pinned in self._pinned.values():
            armed = pinned.armed
            aimed = not armed.aim or endpoint in armed.aim
            if pinned.active(now) and aimed and self._rng.random() < armed.fault.p:
                pinned.left -= 1
                self.struck[armed.fault.kind] += 1
                armed.made.strike(plan, self._rng)
        return plan

    def begun(self, now: float) -> Iterator[tuple[float, Callable[[Scene], None]]]:
        """The faults that began until ``now`` and have to be looked at then, each once, the earliest first."""
        due = [p for p in self._pinned.values() if p.armed.made.begin and not p.begun and p.begins <= now]
        for pinned in sorted(due, key=lambda pinned: pinned.begins):
            pinned.begun = True
            if pinned.armed.made.begin is not None:
                yield pinned.begins, pinned.armed.made.begin

    def mode(self, now: float) -> Mode | None:
        """The mode that the newest active mode fault puts the venue in."""
        mode = None
        for pinned in self._pinned.values():
            if pinned.armed.made.mode and pinned.active(now):
                mode = pinned.armed.made.mode
        return mode

    def ahead(self, now: float) -> float:
        """How far the newest active clock fault puts the venue's clock ahead, in seconds."""
        ahead = 0.0
        for pinned in self._pinned.values():
            if pinned.armed.made.ahead_s and pinned.active(now):
                ahead = pinned.armed.made.ahead_s
        return ahead

    def moves(self) -> list[TimedMove]:
        """The market moves that are known, the newest last: past ones too, until new faults make room."""
        return [TimedMove(p.begins, p.ends, p.armed.made.move) for p in self._pinned.values() if p.armed.made.move]

    def refusing(self, now: float) -> bool:
        """Is the port closed?"""
        return any(p.armed.fault.kind is FaultKind.REFUSE and p.active(now) for p in self._pinned.values())
