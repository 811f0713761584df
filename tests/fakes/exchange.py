"""A scripted venue that implements the ExchangeAdapter port, for tests of what stands above it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from math import floor

from backend.domain.approval import Approved
from backend.domain.books import Book, Level
from backend.domain.errors import VenueCallFailed
from backend.domain.health import HealthReading, VenueMode
from backend.domain.instruments import Instrument
from backend.domain.orders import (
    Balance,
    Fill,
    Intent,
    OrderRef,
    OrderReport,
    OrderStatus,
    OrderType,
    TimeInForce,
    VenueOrder,
)
from backend.domain.outcomes import Accepted, CancelOutcome, CancelState, Evidence, Outcome, ProvenNotExecuted, Unknown
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.domain.records import ExecutionResult
from backend.domain.rules import (
    ClientIdRule,
    DeadlineClass,
    Fact,
    IdClass,
    RateRule,
    VenueRules,
    Verification,
)
from backend.ports.clock import Clock
from backend.ports.exchange import AttemptRunner


def fact(value: object) -> Fact[object]:
    return Fact(value, Verification.RUN, "2026-11-23", "a test")


def rules(
    venue: str,
    *,
    client_ids: bool = True,
    ioc: bool = True,
    deadline_min_s: float = 0.0,
    deadline: bool = True,
    clock_resolution_s: float = 0.001,
) -> VenueRules:
    """Rules of a venue of class O/G, or of class N/- without client ids."""
    forces = frozenset({TimeInForce.IOC, TimeInForce.GTC} if ioc else {TimeInForce.GTC})
    values: dict[str, object] = {
        "id_class": fact(IdClass.OPEN_ONLY if client_ids else IdClass.NONE),
        "deadline_class": fact(DeadlineClass.GATEWAY if client_ids and deadline else DeadlineClass.NONE),
        "client_id": fact(ClientIdRule("[a-f0-9]{32}", 32)) if client_ids else None,
        "duplicate_refused": fact(client_ids),
        "deadline_min_s": fact(deadline_min_s),
        "deadline_max_s": fact(60.0),
        "lookup_by_client_id": fact(client_ids),
        "lookup_retention_s": fact(86_400.0),
        "visibility_bound_s": fact(2.0),
        "engine_bound_s": fact(2.0),
        "clock_resolution_s": fact(clock_resolution_s),
        "time_in_force": fact(forces),
        "order_types": fact(frozenset({OrderType.LIMIT})),
        "taker_fee": fact(Decimal("0.001")),
        "maker_fee": fact(Decimal("0.001")),
        "order_rate": fact(RateRule(100, 1.0)),
        "read_rate": fact(RateRule(100, 1.0)),
    }
    return VenueRules(venue=venue, host=f"{venue}.test", one_unanswered_place_per_market=not client_ids, **values)  # type: ignore[arg-type]


def instrument(venue: str, symbol: str = "BTC/USDT", **changes: object) -> Instrument:
    base, quote = symbol.split("/")
    plain = Instrument(
        venue=venue,
        symbol=symbol,
        native_id=base + quote,
        base=base,
        quote=quote,
        price_tick=Decimal("0.01"),
        quantity_step=Decimal("0.0001"),
        min_quantity=Decimal("0.0001"),
        min_notional=Decimal(5),
        taker_fee=Decimal("0.001"),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def refused(reason: RejectReason = RejectReason.INSUFFICIENT_FUNDS) -> ProvenNotExecuted:
    return ProvenNotExecuted(reason, Evidence(headers_written=True, status=400), HealthClass.OURS)


def not_sent() -> ProvenNotExecuted:
    return ProvenNotExecuted(RejectReason.NOT_SENT, Evidence(headers_written=False), HealthClass.FAILED)


def unknown(reason: UnknownReason = UnknownReason.TIMEOUT) -> Unknown:
    return Unknown(reason, Evidence(headers_written=True))


STANDS_AT = 1_700_000_000.0


def floor_to(seconds: float, resolution_s: float) -> float:
    """What a time endpoint tells that cuts off at this resolution."""
    return floor(seconds / resolution_s) * resolution_s


class FakeExchange:
    """Fills at its best price unless scripted otherwise.

    ``script`` holds what the next places answer: an Outcome; "fill"; "lost" (executed, answer lost); "vanish" (answer
    lost, nothing executed). ``hidden_lookups`` look-ups answer "not found" before an order shows. ``partial`` caps what
    an IOC executes. Its time endpoint tells ``clock``, ``ahead_s`` ahead, in answers of ``round_trip_s`` on the
    router's clock ``asked_on``; without a ``clock`` its own stands still, so that no absence is ever proven. A cancel
    of an order that has ended is answered with ``ended_is_called``.
    """

    def __init__(self, venue: str, *, price: str = "100.00", symbols: tuple[str, ...] = ("BTC/USDT",)) -> None:
        self._venue = venue
        self._rules = rules(venue)
        self.price = Decimal(price)
        self.listed = {symbol: instrument(venue, symbol) for symbol in symbols}
        self.script: deque[Outcome | str] = deque()
        self.down = False
        self.slow = False
        self.mode = VenueMode.ONLINE
        self.silent = False
        self.partial: Decimal | None = None
        self.hidden_lookups = 0
        self.free = Decimal(1_000_000)
        self.placed: list[VenueOrder] = []
        self.reports: dict[str, OrderReport] = {}
        self.parts: dict[str, list[Decimal]] = {}
        self.cancelled: list[str] = []
        self.calls: list[str] = []
        self.gate: asyncio.Event | None = None
        self.runner: AttemptRunner | None = None
        self.clock: Clock | None = None
        self.refuses: set[str] = set()
        self.cancels_nothing = False
        self.ended_is_called = CancelState.NO_SUCH_ORDER
        self.lists_nothing = False
        self.asked_on: Clock | None = None
        self.ahead_s = 0.0
        self.round_trip_s = 0.0

    @property
    def venue(self) -> str:
        return self._venue

    @property
    def rules(self) -> VenueRules:
        return self._rules

    @property
    def resolution_s(self) -> float:
        assert self._rules.clock_resolution_s is not None
        return self._rules.clock_resolution_s.value

    def behave(self, **changes: object) -> None:
        """Other rules for this venue."""
        self._rules = rules(self._venue, **changes)  # type: ignore[arg-type]

    async def health(self) -> HealthReading:
        self._called("health")
        now = STANDS_AT if self.clock is None else self.clock.now()
        told = floor_to(now + self.ahead_s, self.resolution_s)
        asked = None
        if self.asked_on is not None:
            received = self.asked_on.monotonic()
            asked = (received - self.round_trip_s, received)
        return HealthReading(1.5 if self.slow else 0.01, told, self.mode, asked)

    async def warm(self) -> None:
        self._called("warm")

    async def instruments(self) -> Mapping[str, Instrument]:
        return self.listed

    async def order_book(self, symbol: str, depth: int = 20) -> Book:
        self._called("order_book")
        spread = Decimal("0.01")
        deep = Decimal(1_000)
        return Book(self._venue, symbol, (Level(self.price - spread, deep),), (Level(self.price, deep),), at=0.0)

    async def balances(self) -> Mapping[str, Balance]:
        self._called("balances")
        return {asset: Balance(asset, self.free) for asset in ("BTC", "USDT", "USD", "NOK", "ETH")}

    async def get_order(self, ref: OrderRef) -> OrderReport | None:
        self._called("get_order")
        if self.silent:
            raise VenueCallFailed(self._venue, "get_order", "no answer")
        if self.hidden_lookups > 0:
            self.hidden_lookups -= 1
            return None
        for report in self.reports.values():
            if ref.venue_order_id == report.venue_order_id or (ref.client_id and ref.client_id == report.client_id):
                return report
        return None

    async def search_order(self, ref: OrderRef) -> OrderReport | None:
        self._called("search_order")
        if self.silent:
            raise VenueCallFailed(self._venue, "search_order", "no answer")
        listed = () if self.lists_nothing else self.reports.values()
        return next((r for r in listed if r.client_id == ref.client_id), None)

    async def open_orders(self, symbol: str) -> tuple[OrderReport, ...]:
        return tuple(report for report in self.reports.values() if not report.status.terminal)

    async def my_trades(
        self, symbol: str, *, venue_order_id: str | None = None, since: float | None = None
    ) -> tuple[Fill, ...]:
        self._called("my_trades")
        return tuple(
            fill
            for report in self.reports.values()
            for fill in self._fills(report)
            if venue_order_id in (None, report.venue_order_id)
        )

    async def cancel_order(self, ref: OrderRef) -> CancelOutcome:
        self._called("cancel_order")
        if self.silent:
            raise VenueCallFailed(self._venue, "cancel_order", "no answer")
        if self.cancels_nothing:
            return CancelOutcome(CancelState.NO_SUCH_ORDER, Evidence(headers_written=True, status=400))
        named = [r.venue_order_id for r in self.reports.values() if ref.client_id and r.client_id == ref.client_id]
        number = ref.venue_order_id or next(iter(named), None)
        if number is None:
            return CancelOutcome(CancelState.NO_SUCH_ORDER, Evidence(headers_written=True, status=400))
        self.cancelled.append(number)
        report = self.reports[number]
        if report.status.terminal:
            return CancelOutcome(self.ended_is_called, Evidence(headers_written=True, status=400))
        self.reports[number] = replace(report, status=OrderStatus.CANCELED)
        return CancelOutcome(CancelState.CANCELLED, Evidence(headers_written=True, status=200))

    async def place_order(self, order_request: Intent) -> ExecutionResult:
        assert self.runner is not None
        return await self.runner.run_on_venue(self._venue, order_request)

    async def _place(self, approved: Approved) -> Outcome:
        order = approved.order
        self.placed.append(order)
        if self.gate is not None:
            await self.gate.wait()
        step = self.script.popleft() if self.script else "fill"
        if not isinstance(step, str):
            return step
        if step == "vanish":
            return unknown()
        report = self._execute(order)
        if step == "lost":
            return unknown()
        return Accepted(
            report.venue_order_id,
            Evidence(headers_written=True, status=200),
            replace(report, fills=self._fills(report)),
        )

    def execute(self, number: str, quantity: str) -> None:
        """A part of a resting order executes."""
        report = self.reports[number]
        filled = report.filled + Decimal(quantity)
        status = OrderStatus.FILLED if filled == report.quantity else report.status
        self.reports[number] = replace(report, filled=filled, status=status)
        self.parts[number].append(Decimal(quantity))

    def _execute(self, order: VenueOrder) -> OrderReport:
        filled = order.quantity if self.partial is None else min(order.quantity, self.partial)
        rests = order.time_in_force is TimeInForce.GTC and filled < order.quantity
        ended = OrderStatus.FILLED if filled == order.quantity else OrderStatus.EXPIRED
        number = str(len(self.reports) + 1)
        report = OrderReport(
            venue=self._venue,
            symbol=order.symbol,
            venue_order_id=number,
            client_id=order.client_id or None,
            side=order.side,
            quantity=order.quantity,
            filled=filled,
            status=OrderStatus.OPEN if rests else ended,
            price=order.price,
        )
        self.reports[number] = report
        self.parts[number] = [filled] if filled else []
        return report

    def _fills(self, report: OrderReport) -> tuple[Fill, ...]:
        number = report.venue_order_id
        return tuple(
            Fill(self._venue, report.symbol, number, f"t{number}.{count}", report.side, part, self.price)
            for count, part in enumerate(self.parts[number], start=1)
        )

    async def check_key(self) -> bool:
        return True

    async def close(self) -> None:
        """Nothing to close."""

    def _called(self, operation: str) -> None:
        self.calls.append(operation)
        if operation in self.refuses:
            raise VenueCallFailed(self._venue, operation, "no answer")
        if self.down:
            raise VenueCallFailed(self._venue, operation, "refused: nobody listens", not_sent=True)
