"""The decision about one more call: go, or from when on. Its own state and the time given; no clock, no waiting.

A window counts every call for its whole period, so no window of any position ever holds more than the rule. What the
venue itself counts is followed where that is more: another process may use the same key or address.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

from backend.domain.limits import CallKind, Pool, PoolShape, VenueLimits

SLOTS = 64
"""How many parts a window is remembered in; calls of one part count from the last of them."""
NEEDS_KEPT = 256
"""What so many calls take is remembered."""
ARRIVAL_SPREAD_S = 0.1
"""Calls that leave this far apart may arrive together, so a window counts them so much longer."""
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Need:
    """One call: its kind, and what it takes from which pools."""

    kind: CallKind
    costs: tuple[tuple[str, float], ...] = ()

    @property
    def pools(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.costs)


@dataclass(slots=True)
class _Taken:
    """What was taken between two moments; it counts from the last."""

    first: float
    last: float
    cost: float


class _Window:
    """Counts in full for the period."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._span = pool.period_s + ARRIVAL_SPREAD_S
        self._taken: deque[_Taken] = deque()

    def used(self, now: float) -> float:
        while self._taken and self._taken[0].last + self._span <= now:
            self._taken.popleft()
        return sum(taken.cost for taken in self._taken)

    def free_at(self, cost: float, room: float, now: float) -> float:
        """The earliest time at which ``cost`` more stays within ``room``."""
        used = self.used(now)
        if used + cost <= room + ROUNDING:
            return now
        for taken in self._taken:
            used -= taken.cost
            if used + cost <= room + ROUNDING:
                return taken.last + self._span
        return inf

    def take(self, cost: float, now: float) -> None:
        latest = self._taken[-1] if self._taken else None
        if latest is not None and now - latest.first < self._span / SLOTS:
            latest.last, latest.cost = max(latest.last, now), latest.cost + cost
        else:
            self._taken.append(_Taken(now, now, cost))


class _Counter:
    """Drains evenly."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._drain = pool.limit / pool.period_s
        self._level = 0.0
        self._at = -inf

    def used(self, now: float) -> float:
        return max(0.0, self._level - self._drain * max(0.0, now - self._at)) if self._level else 0.0

    def free_at(self, cost: float, room: float, now: float) -> float:
        if cost > room + ROUNDING:
            return inf
        excess = self.used(now) + cost - room
        return now if excess <= ROUNDING else now + excess / self._drain

    def take(self, cost: float, now: float) -> None:
        self._level, self._at = self.used(now) + cost, now


def _state(pool: Pool) -> _Window | _Counter:
    return _Window(pool) if pool.shape is PoolShape.WINDOW else _Counter(pool)


@dataclass(slots=True)
class _Closed:
    until: float = -inf
    why: str = ""

    def extend(self, until: float, why: str) -> None:
        """A later end counts; an earlier one does not open again."""
        if until > self.until:
            self.until, self.why = until, why


@dataclass(slots=True)
class Budget:
    """What one account at one venue has used. Times are seconds of one clock that never goes back."""

    limits: VenueLimits
    _needs: dict[tuple[CallKind, str], Need] = field(init=False, default_factory=dict)
    _pools: dict[str, _Window | _Counter] = field(init=False)
    _watched: dict[str, _Window | _Counter] = field(init=False)
    _closed: dict[str, _Closed] = field(init=False, default_factory=dict)
    _all_closed: _Closed = field(init=False, default_factory=_Closed)

    def __post_init__(self) -> None:
        self._pools = {pool.name: _state(pool) for pool in self.limits.pools}
        self._watched = {pool.name: _state(pool.watched) for pool in self.limits.pools}

    def need(self, kind: CallKind, call: str) -> Need:
        """What a call takes, by its name and kind; worked out once, unless each call has a name of its own."""
        known = self._needs.get((kind, call))
        if known is not None:
            return known
        costs = ((name, self.limits.cost(name, kind, call)) for name in self._pools)
        if len(self._needs) >= NEEDS_KEPT:
            self._needs.clear()
        made = self._needs[kind, call] = Need(kind, tuple((name, cost) for name, cost in costs if cost > 0))
        return made

    def used(self, pool: str, now: float) -> float:
        return self._pools[pool].used(now)

    def free_at(self, need: Need, now: float) -> float:
        """The earliest time at which every pool has room for the call; ``now`` when it may go at once."""
        pools = [(self._pools[name], cost) for name, cost in need.costs]
        if need.kind is CallKind.WATCH:
            pools += [(self._watched[name], cost) for name, cost in need.costs]
        return max((state.free_at(cost, state.pool.room(need.kind), now) for state, cost in pools), default=now)

    def take(self, need: Need, now: float) -> None:
        for name, cost in need.costs:
            self._pools[name].take(cost, now)
            if need.kind is CallKind.WATCH:
                self._watched[name].take(cost, now)

    def told(self, pool: str, used: float, now: float) -> None:
        """The venue's own count. What it knows and we do not was taken by somebody else."""
        state = self._pools[pool]
        beyond = min(used, state.pool.limit) - state.used(now)
        if beyond > 0:
            state.take(beyond, now)

    def left(self, pool: str, left: float, now: float) -> None:
        """The venue's own count of what is left, measured against our limit: a higher one of the venue is not used."""
        self.told(pool, self._pools[pool].pool.limit - left, now)

    def close(self, pools: Iterable[str], until: float, why: str) -> None:
        """Nothing of these pools may go until then; without names nothing at all."""
        named = [name for name in pools if name in self._pools]
        for closed in [self._closed.setdefault(name, _Closed()) for name in named] or [self._all_closed]:
            closed.extend(until, why)

    def closed(self, need: Need, now: float) -> tuple[float, str] | None:
        """Until when and why the call may not go at all."""
        reasons = [self._all_closed, *(self._closed[name] for name in need.pools if name in self._closed)]
        latest = max(reasons, key=lambda closed: closed.until)
        return (latest.until, latest.why) if latest.until > now else None
