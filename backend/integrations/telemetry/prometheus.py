"""Prometheus metrics: the four specified ones and what the router adds. Labels are closed sets, never ids or texts."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from backend.domain.health import HealthStatus
from backend.domain.reasons import FailoverFailure

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """One registry. Children of the known label values exist from the start, at zero, so that rates can be asked."""

    def __init__(self, exchanges: Sequence[str]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.failovers = Counter(
            "exchange_failover_events_total",
            "Orders and choices that went to another exchange than their primary.",
            ["primary", "selected"],
            registry=self.registry,
        )
        self.checks = Counter(
            "exchange_health_checks_total", "Live health checks.", ["exchange", "status"], registry=self.registry
        )
        self.check_seconds = Histogram(
            "exchange_health_check_duration_seconds",
            "Duration of live health checks, failed ones included.",
            ["exchange"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.failures = Counter(
            "exchange_failover_failures_total",
            "Choices and orders for which no exchange was found.",
            ["primary", "reason"],
            registry=self.registry,
        )
        self.attempts = Counter(
            "router_attempts_total", "Places that were answered.", ["exchange", "outcome"], registry=self.registry
        )
        self.ack_seconds = Histogram(
            "router_ack_duration_seconds",
            "From handing over an order's bytes to its answer.",
            ["exchange"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.orders = Counter("router_orders_total", "Orders by how they ended.", ["outcome"], registry=self.registry)
        self._create_children(exchanges)

    def exposition(self) -> bytes:
        """The text format that Prometheus scrapes."""
        return generate_latest(self.registry)

    def _create_children(self, exchanges: Sequence[str]) -> None:
        for exchange in exchanges:
            self.check_seconds.labels(exchange)
            self.ack_seconds.labels(exchange)
            for status in HealthStatus:
                self.checks.labels(exchange, status.value)
            for reason in FailoverFailure:
                self.failures.labels(exchange, reason.value)
            for other in exchanges:
                if other != exchange:
                    self.failovers.labels(exchange, other)
