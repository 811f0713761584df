"""The simulated operator says what a person would who looks at the exchange's page, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from backend.emulator.core import VenueCore
from backend.emulator.ledger import LedgerOrder
from backend.lab.simulation.exposure import Exposure
from backend.lab.simulation.invariants import Invariants
from tests.simulation.test_sendings import REQUEST, TAKEN

if TYPE_CHECKING:
    from backend.bootstrap.simulated import MemoryStore

AT_FIRI = {**REQUEST, "venue": "firi", "client_id": ""}


def looking_at(*orders: LedgerOrder, filled: str = "0", client_id: str = "") -> Decimal | None:
    """What an operator says of the attempt "a/1", of which the journal has ``filled``, beside these orders."""
    order = SimpleNamespace(client_id=client_id)
    attempt = SimpleNamespace(id="a/1", venue="firi", order=order, filled=Decimal(filled))
    store = SimpleNamespace(record=lambda _: SimpleNamespace(open_attempt=attempt))
    core = SimpleNamespace(ledger=SimpleNamespace(orders=orders))
    invariants = Invariants(
        cast("MemoryStore", store),
        {"firi": cast("VenueCore", core)},
        lambda _: None,
        lambda _: None,
        exposure=cast("Exposure", None),
    )
    invariants.sendings.opened("a", "a/1", AT_FIRI)
    return invariants.seen_by_an_operator("a")


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
    assert looking_at(*orders) == said


def test_nothing_is_said_where_the_router_can_tell() -> None:
    """Of an order with an id of ours, and of one that has shown already."""
    assert looking_at(client_id="c1") is None
    assert looking_at(filled="0.1") is None
