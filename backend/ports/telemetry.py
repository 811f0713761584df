"""Log records and metrics. Both are projections: nothing here is asked during a decision."""

from __future__ import annotations

from typing import Protocol


class Telemetry(Protocol):
    """Log levels are methods; fields become keys of the JSON record. Metric methods are one per specified metric."""

    def debug(self, message: str, **fields: object) -> None: ...

    def info(self, message: str, **fields: object) -> None: ...

    def warning(self, message: str, **fields: object) -> None: ...

    def error(self, message: str, **fields: object) -> None: ...

    def health_checked(self, exchange: str, status: str, seconds: float) -> None:
        """exchange_health_checks_total and exchange_health_check_duration_seconds."""
        ...

    def failed_over(self, primary: str, selected: str) -> None:
        """exchange_failover_events_total."""
        ...

    def failover_failed(self, primary: str, reason: str) -> None:
        """exchange_failover_failures_total."""
        ...

    def attempt_answered(self, exchange: str, outcome: str, seconds: float) -> None:
        """router_attempts_total and router_ack_duration_seconds: from handing over the bytes to the answer."""
        ...

    def order_ended(self, outcome: str) -> None:
        """router_orders_total."""
        ...
