"""What a venue does, as data: how it treats ids, deadlines and look-ups. A difference is a value before it is code.

Every value that decides about money is a ``Fact`` with a date and a source. An unverified fact stays visible as such;
the protocol treats it as the worst class.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

from backend.domain.limits import VenueLimits, plain_limits
from backend.domain.orders import OrderType, TimeInForce

T_co = TypeVar("T_co", covariant=True)


class Verification(StrEnum):
    """How a fact is known. Only RUN was seen by us; nothing here was seen at a live venue yet."""

    RUN = "run"
    SOURCE = "source"
    DOCUMENTED = "documented"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Fact(Generic[T_co]):
    """A value with how, when (ISO date) and where from it is known."""

    value: T_co
    how: Verification
    date: str
    source: str


class IdClass(StrEnum):
    """P permanent id; O unique among open orders only; N none (protocol 2.2)."""

    PERMANENT = "P"
    OPEN_ONLY = "O"
    NONE = "N"


class DeadlineClass(StrEnum):
    """Who checks a request deadline: E matching engine, G gateway or not said, - nobody (protocol 2.2)."""

    ENGINE = "E"
    GATEWAY = "G"
    NONE = "-"


@dataclass(frozen=True, slots=True)
class ClientIdRule:
    """Which client order ids a venue takes: the pattern, the length, and the alphabet ours are rendered to."""

    pattern: str
    length_max: int


@dataclass(frozen=True, slots=True)
class RateRule:
    """At most ``requests`` per ``period_s`` seconds."""

    requests: int
    period_s: float


NO_LIMITS_KNOWN = VenueLimits()


@dataclass(frozen=True, slots=True)
class VenueRules:
    """One venue's rules. Times in seconds, fees as fractions (0.001 is 0.1 %)."""

    venue: str
    id_class: Fact[IdClass]
    deadline_class: Fact[DeadlineClass]
    client_id: Fact[ClientIdRule] | None
    duplicate_refused: Fact[bool]
    deadline_min_s: Fact[float]
    deadline_max_s: Fact[float]
    lookup_by_client_id: Fact[bool]
    lookup_retention_s: Fact[float]
    visibility_bound_s: Fact[float]
    engine_bound_s: Fact[float]
    clock_resolution_s: Fact[float] | None
    """What the time endpoint cuts off: the clock is at what it tells, or less than so much past it. None: the venue
    goes by our own clock."""
    time_in_force: Fact[frozenset[TimeInForce]]
    order_types: Fact[frozenset[OrderType]]
    taker_fee: Fact[Decimal]
    maker_fee: Fact[Decimal]
    order_rate: Fact[RateRule]
    read_rate: Fact[RateRule]
    host: str
    credential_fields: tuple[str, ...] = ("api_key", "secret")
    """The names of ``Credentials.value`` without which nothing can be signed."""
    one_unanswered_place_per_market: bool = False
    limits: VenueLimits = NO_LIMITS_KNOWN
    """Without pools of its own, the venue's pools are ``order_rate`` and ``read_rate``."""

    @property
    def call_limits(self) -> VenueLimits:
        """The limits that calls are held to."""
        if self.limits.pools:
            return self.limits
        orders, reads = self.order_rate.value, self.read_rate.value
        return plain_limits(self.limits, (orders.requests, orders.period_s), (reads.requests, reads.period_s))

    @property
    def has_client_id(self) -> bool:
        return self.client_id is not None
