"""Reading the parameters of a fault: by name, type and bound, with a clear word about what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeGuard

from backend.emulator.faults import FaultError, When
from backend.emulator.market import number

HEADERS_MAX = 20
POINTS_MAX = 100


class Params:
    """The parameters of a fault, read by name and type; what is left over is a mistake."""

    def __init__(self, params: Mapping[str, object]) -> None:
        self._left = dict(params)

    def number(self, name: str, default: float | None, low: float, high: float) -> float:
        """A number within the bounds; without a default it is required."""
        value = self._left.pop(name, default)
        if not _plain(value) or not low <= value <= high:
            raise FaultError(f"{name} must be a number from {low:g} to {high:g}")
        return float(value)

    def text(self, name: str, default: str | None, longest: int = 200) -> str:
        """A text; without a default it is required."""
        value = self._left.pop(name, default)
        if not isinstance(value, str) or len(value) > longest:
            raise FaultError(f"{name} must be a text of at most {longest} characters")
        return value

    def decimal(self, name: str) -> Decimal:
        """An amount or a price, required: a decimal number as text, so that it stays exact."""
        value = number(self._left.pop(name, None))
        if value is None:
            raise FaultError(f'{name} must be a decimal number as text, as in "59000.5"')
        return value

    def choice(self, name: str, default: str | None, choices: list[str]) -> str:
        """One of the listed words."""
        value = self.text(name, default)
        if value not in choices:
            raise FaultError(f"{name} must be one of: {', '.join(choices)}")
        return value

    def flag(self, name: str) -> bool:
        """True or false, false by default."""
        value = self._left.pop(name, False)
        if not isinstance(value, bool):
            raise FaultError(f"{name} must be true or false")
        return value

    def has(self, name: str) -> bool:
        """Was it given?"""
        return name in self._left

    def headers(self) -> tuple[tuple[str, str], ...]:
        """A mapping of header names to values."""
        value = self._left.pop("headers", {})
        if not isinstance(value, Mapping) or len(value) > HEADERS_MAX:
            raise FaultError(f"headers must be an object with at most {HEADERS_MAX} names")
        if not all(isinstance(k, str) and isinstance(v, str) and (k + v).isprintable() for k, v in value.items()):
            raise FaultError("headers must map plain text to plain text")
        return tuple(value.items())

    def points(self, name: str) -> list[tuple[float, float]]:
        """A list of pairs of numbers; required."""
        value = self._left.pop(name, None)
        if not isinstance(value, list | tuple) or not 2 <= len(value) <= POINTS_MAX:
            raise FaultError(f"{name} must be a list of 2 to {POINTS_MAX} pairs of numbers")
        if not all(isinstance(pair, list | tuple) and len(pair) == 2 and all(map(_plain, pair)) for pair in value):
            raise FaultError(f"{name} must be a list of pairs of numbers")
        return [(float(left), float(right)) for left, right in value]

    def when(self) -> When:
        """Before or after the effect."""
        return When(self.choice("when", When.BEFORE.value, [when.value for when in When]))

    def done(self) -> None:
        """Nothing may be left."""
        if self._left:
            raise FaultError(f"unknown parameters: {', '.join(sorted(self._left))}")


def _plain(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
