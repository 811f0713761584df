"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend.policies import exchange_failover_policy
from backend.policies.exchange_policy import STRATEGY_EXCHANGE_MAP


@pytest.fixture(autouse=True)
def tables_as_shipped() -> Iterator[None]:
    """The process's chains and strategy map are the same before and after each test."""
    strategies = dict(STRATEGY_EXCHANGE_MAP)
    yield
    for exchange, chain in exchange_failover_policy.DEFAULT_FAILOVER_CHAIN.items():
        exchange_failover_policy.set_failover_chain(exchange, chain)
    STRATEGY_EXCHANGE_MAP.clear()
    STRATEGY_EXCHANGE_MAP.update(strategies)
