"""The Telemetry port over standard logging and Prometheus."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from backend.integrations.telemetry.logs import JsonLog
from backend.integrations.telemetry.prometheus import Metrics


class StandardTelemetry:
    """One per process: log records and metrics of every runtime in it."""

    def __init__(self, exchanges: Sequence[str]) -> None:
        self._log = JsonLog()
        self.metrics = Metrics(exchanges)

    @property
    def registry(self) -> CollectorRegistry:
        """The registry to scrape, or to hand to a host program's own exporter."""
        return self.metrics.registry

    def debug(self, message: str, **fields: object) -> None:
        self._log.write(logging.DEBUG, message, fields)

    def info(self, message: str, **fields: object) -> None:
        self._log.write(logging.INFO, message, fields)

    def warning(self, message: str, **fields: object) -> None:
        self._log.write(logging.WARNING, message, fields)

    def error(self, message: str, **fields: object) -> None:
        self._log.write(logging.ERROR, message, fields)

    def health_checked(self, exchange: str, status: str, seconds: float) -> None:
        self.metrics.checks.labels(exchange, status).inc()
        self.metrics.check_seconds.labels(exchange).observe(seconds)

    def failed_over(self, primary: str, selected: str) -> None:
        self.metrics.failovers.labels(primary, selected).inc()

    def failover_failed(self, primary: str, reason: str) -> None:
        self.metrics.failures.labels(primary, str(reason)).inc()

    def attempt_answered(self, exchange: str, outcome: str, seconds: float) -> None:
        self.metrics.attempts.labels(exchange, outcome).inc()
        self.metrics.ack_seconds.labels(exchange).observe(seconds)

    def order_ended(self, outcome: str) -> None:
        self.metrics.orders.labels(str(outcome)).inc()
