"""One line of the benchmark's table."""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """``goal`` is empty where a figure is only reported."""

    name: str
    value: str
    goal: str
    note: str
