"""ccxt's clients on our ports: the second of a class costs less to make, and is the same."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from backend.integrations.exchanges.shared.ported import PortedExchange
from backend.policies.routing_tables import EXCHANGES


@pytest.mark.parametrize("venue", EXCHANGES)
def test_a_later_client_has_every_name_of_the_first(venue: str) -> None:
    """ccxt gives each name in snake case a second one in camel case; later clients go through the values alone."""
    module = import_module(f"backend.integrations.exchanges.{venue}.adapter")
    ported: Any = next(
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, PortedExchange) and kind is not PortedExchange
    )
    first, second = ported(None, None, {}), ported(None, None, {})
    assert sorted(vars(first)) == sorted(vars(second))
    assert sorted(dir(first)) == sorted(dir(second))
    assert second.fetchOpenOrders.__func__ is second.fetch_open_orders.__func__
    assert second.lastRestRequestTimestamp == first.lastRestRequestTimestamp
