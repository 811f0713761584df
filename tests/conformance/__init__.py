"""One suite of numbered cases for every venue: the real adapter over real HTTP against the emulated venue."""

import pytest

GROUPS = ("faults", "health", "markets", "orders", "money", "refusals", "router")
pytest.register_assert_rewrite(*(f"{__name__}.cases_{group}" for group in GROUPS))
