"""What a journal that was put back has forgotten, seen at the venues."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from backend.domain.errors import VenueCallFailed
from backend.domain.orders import Fill, OrderReport, OrderStatus, Side
from backend.services.execution import sweep
from backend.services.execution.sweep import Sweep, orphans
from tests.fakes.exchange import FakeExchange
from tests.fakes.telemetry import RecordingTelemetry

TAG = "0a1b2c3d"
KNOWN, LOST = TAG + "0" * 24, TAG + "f" * 24


def report(client_id: str | None = LOST, order_id: str = "o1", status: OrderStatus = OrderStatus.OPEN) -> OrderReport:
    return OrderReport("binance", "BTC/USDT", order_id, client_id, Side.BUY, Decimal(1), Decimal(0), status)


class Venue(FakeExchange):
    """Its lists are what the test says: ``resting``, and ``executed`` by order id (None: no longer told)."""

    def __init__(self, name: str = "binance") -> None:
        super().__init__(name)
        self.resting: tuple[OrderReport, ...] = ()
        self.executed: dict[str, OrderReport | None] = {}
        self.asked_since: float | None = None

    async def open_orders(self, symbol: str) -> tuple[OrderReport, ...]:
        if self.silent:
            raise VenueCallFailed(self.venue, "open_orders", "no answer")
        return self.resting

    async def my_trades(
        self, symbol: str, *, venue_order_id: str | None = None, since: float | None = None
    ) -> tuple[Fill, ...]:
        self.asked_since = since
        names = [(name, part) for name in self.executed for part in "ab"]
        return tuple(
            Fill(self.venue, symbol, name, f"{name}-{part}", Side.BUY, Decimal(1), Decimal(1)) for name, part in names
        )

    async def get_order(self, ref: object) -> OrderReport | None:
        return self.executed[ref.venue_order_id]  # type: ignore[attr-defined]


def sweeping(telemetry: RecordingTelemetry | None = None) -> Sweep:
    return Sweep(TAG, 1_000.0, lambda name: name == KNOWN, telemetry or RecordingTelemetry())


@pytest.mark.parametrize(
    ("client_id", "is_orphan"),
    [
        (LOST, True),
        (KNOWN, False),
        (None, False),
        ("", False),
        ("by-hand", False),
        (TAG, False),
        ("f" * 32, False),
        (LOST + "0", False),
    ],
)
def test_what_is_an_orphan(client_id: str | None, is_orphan: bool) -> None:
    """Only an id that a router of this cluster made, and that the journal does not know."""
    assert bool(orphans([report(client_id)], TAG, lambda name: name == KNOWN)) is is_orphan


def test_each_once() -> None:
    """Told by two lists, it is one order; two orders under one id, which some venues allow, are two."""
    assert len(orphans([report(), report(), report(order_id="o2")], TAG, lambda _: False)) == 2


async def test_what_rests_and_what_executed() -> None:
    """Both are found and told as errors; an order with two trades is one, and what is known is not told."""
    venue, telemetry = Venue(), RecordingTelemetry()
    venue.resting = (report(), report(KNOWN, "o2"))
    venue.executed = {"o3": report(order_id="o3", status=OrderStatus.FILLED), "o4": report("by-hand", "o4")}
    venue.executed["o1"] = None  # rests, with a part executed: it is not asked for a second time
    swept = await sweeping(telemetry).look({"binance": venue}, {"BTC/USDT", "NOT/LISTED"})
    assert [one.venue_order_id for one in swept.orphans] == ["o1", "o3"]
    assert (swept.problems, swept.clean, venue.asked_since) == ((), False, 1_000.0)
    told = [fields["exchange_order_id"] for level, _, fields in telemetry.records if level == "ERROR"]
    assert told == ["o1", "o3"]


async def test_what_could_not_be_looked_at_is_never_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence, a venue without ids, a forgotten order and each bound are told; the other venues are still asked.
    Looked at to the end is a venue that answered everything, though it may keep no ids."""
    silent, blind, forgetful = Venue("kraken"), Venue("firi"), Venue()
    silent.silent = True
    blind._rules = replace(blind.rules, client_id=None)
    forgetful.executed = {"o1": None, "o2": report(order_id="o2")}
    swept = await sweeping().look({"firi": blind, "kraken": silent, "binance": forgetful}, {"BTC/USDT"})
    assert [problem.split()[0] for problem in swept.problems] == ["firi", "BTC/USDT", "order"]
    assert swept.looked == ("firi", "binance")
    assert [one.venue_order_id for one in swept.orphans] == ["o2"]
    monkeypatch.setattr(sweep, "ORDERS_MAX", 1)
    monkeypatch.setattr(sweep, "SYMBOLS_MAX", 1)
    swept = await sweeping().look({"binance": forgetful}, {"BTC/USDT", "ETH/USDT"})
    assert ["only" in problem for problem in swept.problems] == [True, True, False]
    assert swept.orphans == ()
    assert (swept.clean, swept.looked) == (False, ())
    assert (await sweeping().look({"binance": Venue()}, {"BTC/USDT"})).clean
