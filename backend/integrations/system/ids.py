"""Ids and randomness: the machine's own, and repeatable ones for demos."""

from __future__ import annotations

import random
import secrets


class SystemIds:
    """Ids that nobody else has."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def new_id(self) -> str:
        return secrets.token_hex(16)

    def random(self) -> float:
        return self._random.random()


class SeededIds:
    """The same seed gives the same ids."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"ids of seed {seed}")  # noqa: S311 - repeatable on purpose

    def new_id(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def random(self) -> float:
        return self._random.random()
