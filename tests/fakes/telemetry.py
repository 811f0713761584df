"""Telemetry that remembers."""

from __future__ import annotations


class RecordingTelemetry:
    def __init__(self) -> None:
        self.records: list[tuple[str, str, dict[str, object]]] = []
        self.failovers: list[tuple[str, str]] = []
        self.failures: list[tuple[str, str]] = []
        self.checks: list[tuple[str, str]] = []
        self.attempts: list[tuple[str, str]] = []
        self.orders: list[str] = []

    def debug(self, message: str, **fields: object) -> None:
        self.records.append(("DEBUG", message, fields))

    def info(self, message: str, **fields: object) -> None:
        self.records.append(("INFO", message, fields))

    def warning(self, message: str, **fields: object) -> None:
        self.records.append(("WARNING", message, fields))

    def error(self, message: str, **fields: object) -> None:
        self.records.append(("ERROR", message, fields))

    def health_checked(self, exchange: str, status: str, seconds: float) -> None:
        self.checks.append((exchange, status))

    def failed_over(self, primary: str, selected: str) -> None:
        self.failovers.append((primary, selected))

    def failover_failed(self, primary: str, reason: str) -> None:
        self.failures.append((primary, str(reason)))

    def attempt_answered(self, exchange: str, outcome: str, seconds: float) -> None:
        self.attempts.append((exchange, outcome))

    def order_ended(self, outcome: str) -> None:
        self.orders.append(str(outcome))
