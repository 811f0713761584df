"""The demo's telemetry: keeps the latencies for the report and lets the log records go."""

from __future__ import annotations

from collections import defaultdict, deque

SAMPLES_MAX = 10_000


class Stopwatch:
    """Implements the telemetry port. Latencies per exchange in seconds of the demo's clock."""

    def __init__(self) -> None:
        self.answers: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=SAMPLES_MAX))

    def debug(self, message: str, **fields: object) -> None:
        """Not kept."""

    def info(self, message: str, **fields: object) -> None:
        """Not kept."""

    def warning(self, message: str, **fields: object) -> None:
        """Not kept: the report tells it."""

    def error(self, message: str, **fields: object) -> None:
        """Not kept: the report tells it."""

    def health_checked(self, exchange: str, status: str, seconds: float) -> None:
        """Not kept."""

    def failed_over(self, primary: str, selected: str) -> None:
        """Not kept: the report counts from the results."""

    def failover_failed(self, primary: str, reason: str) -> None:
        """Not kept: the report counts from the results."""

    def attempt_answered(self, exchange: str, outcome: str, seconds: float) -> None:
        """One place was answered, or given up, after ``seconds``."""
        self.answers[exchange].append(seconds)

    def order_ended(self, outcome: str) -> None:
        """Not kept: the report counts from the results."""
