"""The memory that look-ups search."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.emulator import kept
from backend.emulator.kept import Kept
from backend.emulator.market import Side
from backend.emulator.orders import NewOrder, Order, Status, Trade
from backend.emulator.registry import KINDS
from tests.emulator.kit import T0

MARKETS = KINDS["binance"].markets


def order(number: int, client_id: str | None = None, *, visible_at: float = T0, market: int = 0) -> Order:
    new = NewOrder(MARKETS[market], Side.BUY, Decimal(1), client_id=client_id)
    return Order(f"o{number}", new, Decimal(1), T0, visible_at, "USDT")


def close(memory: Kept, one: Order) -> None:
    one.status = Status.FILLED
    memory.close(one)


def trade(number: int, visible_at: float = T0) -> Trade:
    return Trade(f"t{number}", number, Decimal(1), Decimal(1), Decimal(0), "BTC", False, T0, visible_at)


def test_of_several_orders_with_one_client_id_the_open_one_is_found_and_then_the_last_closed() -> None:
    """Reuse of an id after an order ended is legal: the newest counts, an open one before all others."""
    memory = Kept()
    first, second, third = (order(number, "a") for number in range(3))
    for one in (first, second):
        memory.add(one)
        assert memory.has_open("a")
    assert memory.find(T0, None, "a", None) is second
    close(memory, second)
    assert memory.find(T0, None, "a", None) is first
    close(memory, first)
    assert memory.find(T0, None, "a", None) is first
    assert not memory.has_open("a")
    memory.add(third)
    assert memory.find(T0, None, "a", None) is third
    assert memory.find(T0, "o1", "a", None) is second
    assert memory.find(T0, "o1", "b", None) is None
    assert memory.find(T0, None, "a", MARKETS[1].symbol) is None
    assert memory.find(T0, None, None, None) is third


def test_what_is_hidden_is_kept_and_not_found() -> None:
    """Before its time an order is in no list; it blocks its id all the same."""
    memory = Kept()
    hidden = order(1, "a", visible_at=T0 + 2)
    memory.add(hidden)
    late = trade(1, visible_at=T0 + 3)
    hidden.trades.append(late)
    memory.record(hidden, late, T0)
    assert memory.has_open("a")
    assert (memory.open(T0 + 1, None), memory.find(T0 + 1, "o1", None, None)) == ([], None)
    assert memory.open(T0 + 2, None) == [hidden]
    assert memory.trades(T0 + 2, None, None) == memory.trades(T0 + 2, None, "o1") == []
    assert len(memory.trades(T0 + 3, None, None)) == len(memory.trades(T0 + 3, None, "o1")) == 1


def test_trades_of_several_markets_stand_in_the_order_of_their_times() -> None:
    """A market that is looked at later may tell of earlier trades."""
    memory = Kept()
    here, there = order(1), order(2, market=1)
    for one in (here, there):
        memory.add(one)
    for number, (one, at) in enumerate([(here, T0 + 1), (here, T0 + 3), (there, T0 + 2), (there, T0 + 3)]):
        memory.record(one, trade(number), at)
        one.trades.append(trade(number))
    assert [t.number for _, t in memory.trades(T0, None, None)] == [0, 2, 1, 3]
    assert [t.number for _, t in memory.trades(T0, MARKETS[1].symbol, None)] == [2, 3]
    assert [t.number for _, t in memory.trades(T0, None, "o1")] == [0, 1]
    assert memory.open_symbols() == [MARKETS[0].symbol, MARKETS[1].symbol]
    close(memory, here)
    assert memory.open_symbols() == [MARKETS[1].symbol]


def test_old_orders_and_trades_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory is bounded; an open order is never forgotten."""
    monkeypatch.setattr(kept, "CLOSED_KEPT_MAX", 3)
    monkeypatch.setattr(kept, "TRADES_KEPT_MAX", 2)
    memory = Kept()
    resting = order(99, "rests")
    memory.add(resting)
    orders = [order(number, f"c{number % 2}") for number in range(6)]
    for number, one in enumerate(orders):
        memory.add(one)
        memory.record(one, trade(number), T0 + number)
        close(memory, one)
    assert memory.closed(T0, None) == orders[3:]
    assert memory.find(T0, "o0", None, None) is None
    assert memory.find(T0, None, "c0", None) is orders[4]
    assert [t.number for _, t in memory.trades(T0, None, None)] == [4, 5]
    assert memory.find(T0, None, "rests", None) is resting
    close(memory, orders[5])
    assert memory.closed(T0, None) == orders[3:]
