"""A venue's health as the specified interface tells it, and the reading it is judged from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypedDict


class VenueMode(StrEnum):
    """What the venue says of itself. UNKNOWN: its status endpoint does not exist or gave no answer (advisory only)."""

    ONLINE = "online"
    POST_ONLY = "post_only"
    CANCEL_ONLY = "cancel_only"
    MAINTENANCE = "maintenance"
    UNKNOWN = "unknown"

    @property
    def restricted(self) -> bool:
        return self in (VenueMode.POST_ONLY, VenueMode.CANCEL_ONLY)


class HealthStatus(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class HealthCause(StrEnum):
    """Why a verdict is what it is."""

    HEALTHY = "healthy"
    SLOW = "slow"
    RESTRICTED_MODE = "restricted_mode"
    MAINTENANCE = "maintenance"
    UNREACHABLE = "unreachable"
    NO_VALID_ANSWER = "no_valid_answer"
    LIMITED = "limited"
    """It was not asked: it refuses us for a while, or our share of its limits is used up."""
    NO_ADAPTER = "no_adapter"


@dataclass(frozen=True, slots=True)
class HealthReading:
    """A valid answer of the public time endpoint: its latency, the venue's clock, and the venue's mode. ``asked``: when
    that endpoint was asked and when it had answered, on our monotonic clock; without it nothing follows for clocks."""

    latency_s: float
    server_time: float
    mode: VenueMode = VenueMode.UNKNOWN
    asked: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class VenueHealth:
    """A verdict. ``latency_ms`` is None when there was no valid answer; ``last_error`` is None when all is well."""

    status: HealthStatus
    cause: HealthCause
    latency_ms: float | None = None
    last_error: str | None = None
    at: float = 0.0


class ExchangeHealth(TypedDict):
    """The specified dictionary form of a verdict."""

    status: Literal["ok", "degraded", "down"]
    latency_ms: float | None
    last_error: str | None


def specified_form(health: VenueHealth) -> ExchangeHealth:
    """The dictionary that the specified functions return."""
    return {"status": health.status.value, "latency_ms": health.latency_ms, "last_error": health.last_error}
