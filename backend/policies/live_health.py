"""From one live check to the specified three words (health.md 4.3, the case without a monitor)."""

from __future__ import annotations

from backend.domain.errors import VenueCallFailed, VenueLimited
from backend.domain.health import HealthCause, HealthReading, HealthStatus, VenueHealth, VenueMode


def judge_reading(reading: HealthReading, *, degraded_after_s: float, at: float) -> VenueHealth:
    """ok; degraded when slow or in a restricted mode; down in maintenance. ``at`` is the time of the answer."""
    latency_ms = round(reading.latency_s * 1000, 3)
    status, cause, problem = HealthStatus.OK, HealthCause.HEALTHY, None
    if reading.mode is VenueMode.MAINTENANCE:
        status, cause, problem = HealthStatus.DOWN, HealthCause.MAINTENANCE, "the venue is in maintenance"
    elif reading.mode.restricted:
        status, cause = HealthStatus.DEGRADED, HealthCause.RESTRICTED_MODE
        problem = f"the venue is in {reading.mode.value} mode"
    elif reading.latency_s > degraded_after_s:
        status, cause = HealthStatus.DEGRADED, HealthCause.SLOW
        problem = f"slow answer: {latency_ms:.0f} ms, more than {degraded_after_s * 1000:.0f} ms"
    return VenueHealth(status, cause, latency_ms, problem, at)


def cause_of(error: VenueCallFailed) -> HealthCause:
    """What a failed call says of its venue."""
    if isinstance(error, VenueLimited):
        return HealthCause.LIMITED
    return HealthCause.UNREACHABLE if error.not_sent else HealthCause.NO_VALID_ANSWER


def down(cause: HealthCause, problem: str, *, at: float) -> VenueHealth:
    """No valid answer, or nobody to ask."""
    return VenueHealth(HealthStatus.DOWN, cause, None, problem, at)
