"""The second way to find an order: among lists that do not name it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.domain.errors import VenueCallFailed
from backend.domain.orders import OrderRef, TimeInForce
from backend.domain.outcomes import Accepted
from backend.emulator.wire import Endpoint
from tests.conformance.desk import Desk
from tests.conformance.needs import Need
from tests.conformance.nonsense import NOT_READABLE
from tests.conformance.registry import Group, case


@case(157, Group.IDENTITY, Need.LOOKUP_BY_CLIENT_ID)
async def found_in_lists(desk: Desk) -> None:
    """Open, filled and ended orders are found in lists that do not name them; one that was never placed is in none."""
    for changes in ({"price": "90"}, {}, {"price": "90", "time_in_force": TimeInForce.IOC}):
        order = desk.order(**changes)
        assert isinstance(outcome := await desk.send(order), Accepted)
        ref = OrderRef(order.symbol, None, order.client_id, order.created_at)
        found = await desk.adapter.search_order(ref)
        assert found == await desk.adapter.get_order(ref)
        assert found is not None
        assert (found.venue_order_id, found.client_id) == (outcome.venue_order_id, order.client_id)
    assert await desk.adapter.search_order(replace(ref, client_id=desk.order().client_id)) is None


@case(158, Group.IDENTITY, Need.LOOKUP_BY_CLIENT_ID)
async def unreadable_lists(desk: Desk) -> None:
    """Lists without a valid answer are a failed call, never an absence; so is a question without an id or a time."""
    order = desk.order(price="90")
    assert isinstance(await desk.send(order), Accepted)
    ref = OrderRef(order.symbol, None, order.client_id, order.created_at)
    for answer in NOT_READABLE:
        desk.nonsense(answer, Endpoint.QUERY, Endpoint.OPEN)
        with pytest.raises(VenueCallFailed):
            await desk.adapter.search_order(ref)
        desk.clear()
    for asked in (replace(ref, client_id=None), replace(ref, created_at=None)):
        with pytest.raises(VenueCallFailed, match="needs our id"):
            await desk.adapter.search_order(asked)
