"""What leaves must be what the journal has: each way in which it may not be is noticed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backend.domain.orders import Side
from backend.emulator.core import VenueCore
from backend.emulator.ledger import LedgerOrder
from backend.emulator.market import Side as LedgerSide
from backend.emulator.market import TimeInForce
from backend.lab.simulation.process import EPOCH_S
from backend.lab.simulation.sendings import Sendings
from backend.ports.transport import HttpRequest

DEADLINE = EPOCH_S + 5.0
REQUEST = {
    "venue": "okx",
    "client_id": "c1",
    "symbol": "BTC/USDT",
    "side": Side.BUY.value,
    "quantity": "1.5",
    "price": "60000",
    "not_after": DEADLINE,
}
TAKEN = LedgerOrder(
    venue="okx",
    order_id="v1",
    client_id="c1",
    symbol="BTC/USDT",
    side=LedgerSide.BUY,
    quantity=Decimal("1.5"),
    price=Decimal(60_000),
    time_in_force=TimeInForce.IOC,
    at=EPOCH_S,
    visible_at=EPOCH_S,
    not_after=DEADLINE,
)
BYTES = HttpRequest("POST", "https://okx.example/order", {}, b'{"clOrdId": "c1"}', 6.0)


def watched(*orders: LedgerOrder, journaled: bool = True) -> tuple[Sendings, list[str], Counter[str]]:
    broken: list[str] = []
    seen: Counter[str] = Counter()
    core = cast("VenueCore", SimpleNamespace(ledger=SimpleNamespace(orders=orders)))
    sendings = Sendings({"okx": core}, broken.append, lambda what: seen.update([what]))
    if journaled:
        sendings.opened("a", "a/1", REQUEST)
    return sendings, broken, seen


def test_an_order_leaves_once_and_in_time() -> None:
    """Then nothing is said."""
    sendings, broken, _ = watched(TAKEN)
    sendings.placing("okx", BYTES, EPOCH_S + 4.8, EPOCH_S + 4.9)
    sendings.compare("okx")
    assert broken == []


def test_bytes_without_an_attempt() -> None:
    """Nothing in the journal stands behind them."""
    sendings, broken, _ = watched(TAKEN, journaled=False)
    sendings.placing("okx", BYTES, EPOCH_S, EPOCH_S)
    sendings.compare("okx")
    assert [problem[:3] for problem in broken] == ["S3:", "S3:"]


def test_the_same_attempt_twice() -> None:
    """Whoever repeats a place can buy twice."""
    sendings, broken, _ = watched()
    sendings.placing("okx", BYTES, EPOCH_S, EPOCH_S)
    sendings.placing("okx", BYTES, EPOCH_S + 0.1, EPOCH_S + 0.1)
    assert broken == ["S3: the attempt of a at okx is sent 2 times"]


def test_bytes_after_the_deadline() -> None:
    """Only a process that stood still over the very send may be so late, and then the exchange refuses it."""
    sendings, broken, _ = watched()
    sendings.placing("okx", BYTES, EPOCH_S + 5.1, EPOCH_S + 5.1)
    assert broken == ["S9: the attempt of a at okx is sent after its deadline"]
    sendings, broken, seen = watched()
    sendings.placing("okx", BYTES, EPOCH_S + 4.9, EPOCH_S + 60.0)
    sendings.refused("okx", BYTES)
    assert (broken, seen) == ([], {"crash point 15": 1, "a late order was refused": 1})


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": Decimal("1.6")},
        {"price": Decimal(60_001)},
        {"side": LedgerSide.SELL},
        {"symbol": "ETH/USDT"},
        {"not_after": None},
        {"not_after": DEADLINE + 1.0},
    ],
)
def test_an_order_that_is_not_the_journaled_one(change: dict[str, Any]) -> None:
    """What the exchange took differs from what was written down."""
    sendings, broken, _ = watched(replace(TAKEN, **change))
    sendings.compare("okx")
    assert [problem[:8] for problem in broken] == ["S3: a/1 "]


def test_the_same_order_taken_twice() -> None:
    """An exchange that takes two orders of one attempt has been asked twice, or lets itself be asked twice."""
    sendings, broken, _ = watched(TAKEN, replace(TAKEN, order_id="v2"))
    sendings.compare("okx")
    assert broken == ["S3: okx took a/1 twice: as v1 and as v2"]
