"""Where no id can be asked for: what a person says who looks at the exchange's page, and what must be found without."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from backend.domain.lifecycle import IntentState
from backend.emulator.core import VenueCore
from backend.emulator.ledger import LedgerOrder
from backend.lab.simulation.exposure import Exposure
from backend.lab.simulation.invariants import Invariants
from tests.simulation.test_sendings import REQUEST, TAKEN

if TYPE_CHECKING:
    from backend.bootstrap.simulated import MemoryStore

AT_FIRI = {**REQUEST, "venue": "firi", "client_id": ""}


def world(*orders: LedgerOrder, filled: str = "0", client_id: str = "") -> Invariants:
    """The attempt "a/1", parked, of which the journal has ``filled``, and these orders at the exchange."""
    order = SimpleNamespace(client_id=client_id)
    attempt = SimpleNamespace(id="a/1", venue="firi", order=order, filled=Decimal(filled))
    record = SimpleNamespace(open_attempt=attempt, open_attempts=(attempt,), state=IntentState.PARKED)
    store = SimpleNamespace(record=lambda _: record, unfinished=lambda: [record])
    core = SimpleNamespace(ledger=SimpleNamespace(orders=orders))
    invariants = Invariants(
        cast("MemoryStore", store),
        {"firi": cast("VenueCore", core)},
        lambda _: None,
        lambda _: None,
        exposure=cast("Exposure", None),
    )
    invariants.sendings.opened("a", "a/1", AT_FIRI)
    return invariants


def at_firi(status: str, filled: str) -> LedgerOrder:
    return replace(TAKEN, venue="firi", client_id=None, not_after=None, status=status, filled=Decimal(filled))


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        ((), Decimal(0)),
        ((at_firi("cancelled", "0.4"),), Decimal("0.4")),
        ((at_firi("filled", "1.5"),), Decimal("1.5")),
        ((at_firi("open", "0"),), None),
        ((at_firi("open", "0.4"),), None),
    ],
)
def test_an_order_that_rests_is_not_called_dead(orders: tuple[LedgerOrder, ...], said: Decimal | None) -> None:
    """Only of what has ended, or is not there, is anything said."""
    assert world(*orders).seen_by_an_operator("a") == said


def test_nothing_is_said_where_the_router_can_tell() -> None:
    """Of an order with an id of ours, and of one that has shown already."""
    assert world(client_id="c1").seen_by_an_operator("a") is None
    assert world(filled="0.1").seen_by_an_operator("a") is None


@pytest.mark.parametrize(
    ("orders", "may_stay"),
    [
        ((), True),
        ((at_firi("filled", "1.5"),), False),
        ((at_firi("open", "0"),), False),
        ((at_firi("open", "0"), replace(at_firi("open", "0"), order_id="v2")), True),
    ],
)
def test_an_order_that_shows_may_not_stay_parked(orders: tuple[LedgerOrder, ...], may_stay: bool) -> None:
    """L2: what nothing can prove may be parked for ever; of one order that fits the router can tell."""
    assert world(*orders).all_ended() is may_stay
