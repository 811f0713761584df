"""The telemetry of a simulated router: what it logs becomes lines of the trace."""

from __future__ import annotations

from collections.abc import Callable


class TracedTelemetry:
    """Implements the telemetry port."""

    def __init__(self, number: int, note: Callable[[str], None], seen: Callable[[str], None]) -> None:
        self._name = f"p{number}"
        self._note = note
        self._seen = seen

    def debug(self, message: str, **fields: object) -> None:
        self._note(f"{self._name} debug: {message} {_told(fields)}")

    def info(self, message: str, **fields: object) -> None:
        self._note(f"{self._name} info: {message} {_told(fields)}")
        self._seen(f"info: {message}")

    def warning(self, message: str, **fields: object) -> None:
        self._note(f"{self._name} warning: {message} {_told(fields)}")
        self._seen(f"warning: {message}")

    def error(self, message: str, **fields: object) -> None:
        self._note(f"{self._name} error: {message} {_told(fields)}")
        self._seen(f"error: {message}")

    def health_checked(self, exchange: str, status: str, seconds: float) -> None:
        self._seen(f"health {status}")

    def failed_over(self, primary: str, selected: str) -> None:
        self._seen("failover")

    def failover_failed(self, primary: str, reason: str) -> None:
        self._seen(f"failover failed: {reason}")

    def attempt_answered(self, exchange: str, outcome: str, seconds: float) -> None:
        self._seen(f"answer: {outcome}")

    def order_ended(self, outcome: str) -> None:
        self._seen(f"order ended: {outcome}")


def _told(fields: dict[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(fields.items()))
