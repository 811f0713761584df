"""Randomness and ids."""

from __future__ import annotations

from typing import Protocol


class Ids(Protocol):
    """``new_id``: 32 hex characters nobody else has. ``random``: uniform in [0, 1), for jitter."""

    def new_id(self) -> str: ...

    def random(self) -> float: ...
