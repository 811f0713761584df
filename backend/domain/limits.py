"""How much a venue lets us ask, as data: its pools, what a call takes from them, and what it says when we are too many.

A difference between venues is a value here. Amounts are in the venue's own units: requests, weight, points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


class CallKind(StrEnum):
    """What a call is for. The order is the urgency: each goes before those below it."""

    CANCEL = "cancel"
    ORDER = "order"
    LOOKUP = "lookup"
    """A question that settles an order: the order itself, open orders, trades."""
    WATCH = "watch"
    """A routine look at an order that rests: a look-up, of which there may be many. All of them together have a part of
    each pool, which nobody takes from them and beyond which they take from nobody."""
    HEALTH = "health"
    READ = "read"
    """Books, balances, markets."""

    @property
    def urgency(self) -> int:
        """The smaller the more urgent."""
        return _URGENCY[self]


_URGENCY: Mapping[CallKind, int] = {kind: position for position, kind in enumerate(CallKind)}

COMMAND_KINDS = frozenset({CallKind.CANCEL, CallKind.ORDER})
"""The kinds that change something at the venue."""


WATCHED_SHARE = 0.5
"""Looks at what rests have this part of the room that reads have in a pool, and of what it gives back."""


class PoolShape(StrEnum):
    """How a pool gives room back. WINDOW: what was taken counts in full for the period. COUNTER: it drains evenly, from
    full to empty in one period."""

    WINDOW = "window"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Pool:
    """At most ``limit`` in ``period_s`` seconds. ``reserved`` is the room that only its kind, or a more urgent one, may
    use. Raises ValueError for a pool that leaves no room to somebody."""

    name: str
    limit: float
    period_s: float
    shape: PoolShape = PoolShape.WINDOW
    reserved: Mapping[CallKind, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.limit <= 0 or self.period_s <= 0 or self.room(CallKind.READ) <= 0:
            raise ValueError(f"pool {self.name}: limit, period and the room for reads must be greater than zero")

    def room(self, kind: CallKind) -> float:
        """How full this kind may make the pool."""
        urgency = CallKind.LOOKUP.urgency if kind is CallKind.WATCH else kind.urgency
        return self.limit - sum(held for other, held in self.reserved.items() if other.urgency < urgency)

    @property
    def watched(self) -> Pool:
        """The part of it that looks at what rests have; at least one call."""
        limit = max(1.0, WATCHED_SHARE * self.room(CallKind.READ))
        window = self.shape is PoolShape.WINDOW
        period_s = self.period_s if window else limit * self.period_s / (WATCHED_SHARE * self.limit)
        return Pool(self.name, limit, period_s, self.shape)


@dataclass(frozen=True, slots=True)
class Told:
    """A header of the venue's answers that tells how much is used, or with ``left`` how much is left of the limit.

    ``of_call``: it speaks only of the limit that the answered call belongs to.
    """

    header: str
    pool: str
    left: bool = False
    of_call: bool = False


class EndUnit(StrEnum):
    """What a header says of the end of a limit: a time to wait, or a moment, both in milliseconds."""

    MS_TO_WAIT = "ms_to_wait"
    EPOCH_MS = "epoch_ms"


@dataclass(frozen=True, slots=True)
class EndHeader:
    """A header that tells when a limit ends; ``Retry-After`` is read everywhere and need not be listed."""

    header: str
    unit: EndUnit


PAUSE_S = 10.0
"""How long nothing is sent after a refusal for too many requests that does not say how long."""
LIMIT_S_MAX = 600.0
"""No limit is taken to last longer, whatever a header says."""
BAN_S_MAX = 3 * 86_400.0
"""Nor a ban: three days is the longest that any venue documents."""


@dataclass(frozen=True, slots=True)
class Closing:
    """An answer that closes the venue, or only the named ``pools``, to us for a while: until the time that the answer
    tells, at most ``longest_s``, or else for ``pause_s``. None stands for any; at least one part is given."""

    status: int | None = None
    code: str | None = None
    message: str | None = None
    pools: tuple[str, ...] = ()
    pause_s: float = PAUSE_S
    longest_s: float = LIMIT_S_MAX
    source: str = ""


TOO_MANY = (
    Closing(status=429, source="RFC 6585: too many requests"),
    Closing(status=418, pause_s=120.0, longest_s=BAN_S_MAX, source="used for bans of an address"),
)


@dataclass(frozen=True, slots=True)
class VenueLimits:
    """One venue's limits. ``costs``: for each pool what a call takes, by the call's name (``GET account``) or else by
    its kind; absent is nothing. The first closing that fits an answer counts. ``until`` is a pattern for the venue's
    wording with the end of a ban in epoch seconds or milliseconds as its group.

    Raises ValueError for a cost that never fits.
    """

    pools: tuple[Pool, ...] = ()
    costs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    told: tuple[Told, ...] = ()
    ends: tuple[EndHeader, ...] = ()
    until: str = ""
    closings: tuple[Closing, ...] = TOO_MANY

    def __post_init__(self) -> None:
        rooms = {pool.name: pool for pool in self.pools}
        for name, costs in self.costs.items():
            for key, cost in costs.items():
                kind = CallKind(key) if key in _URGENCY else CallKind.READ
                if name not in rooms or not 0 <= cost <= rooms[name].room(kind):
                    raise ValueError(f"cost of {key}: {cost} does not fit into pool {name}")

    def cost(self, pool: str, kind: CallKind, call: str) -> float:
        """What a call takes from a pool."""
        costs = self.costs.get(pool, {})
        return costs.get(call, costs.get(CallKind.LOOKUP if kind is CallKind.WATCH else kind, 0.0))


ORDERS, READS = "orders", "reads"
KEPT_BACK = 0.1
"""The part of a plain pool that is kept for its most urgent kind, at least one call."""


def plain_limits(limits: VenueLimits, orders: tuple[int, float], reads: tuple[int, float]) -> VenueLimits:
    """The same answers over two plain pools, each a number of calls in seconds that drains evenly: one for orders and
    cancels, one for what is read. For a venue that documents no pools, and for one that is emulated."""
    return VenueLimits(
        pools=(
            Pool(ORDERS, *orders, PoolShape.COUNTER, _kept(CallKind.CANCEL, orders[0])),
            Pool(READS, *reads, PoolShape.COUNTER, _kept(CallKind.LOOKUP, reads[0])),
        ),
        costs={ORDERS: dict.fromkeys(COMMAND_KINDS, 1.0), READS: {CallKind.LOOKUP: 1.0, CallKind.READ: 1.0}},
        ends=limits.ends,
        until=limits.until,
        closings=tuple(replace(closing, pools=_plain(closing.pools, limits)) for closing in limits.closings),
    )


def _plain(pools: tuple[str, ...], limits: VenueLimits) -> tuple[str, ...]:
    """The plain pools that stand for a venue's own."""
    return tuple({ORDERS if limits.cost(pool, CallKind.ORDER, "") else READS: None for pool in pools})


def _kept(kind: CallKind, limit: int) -> Mapping[CallKind, float]:
    return {kind: max(1.0, KEPT_BACK * limit)} if limit > 1 else {}
