"""What a case is given: one emulated venue, the real adapter that is pointed at it, and the truth to compare with."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from backend import bootstrap
from backend.config.model import Settings, Timeouts, VenueSettings
from backend.domain.approval import Approved
from backend.domain.orders import Credentials, OrderRef, OrderReport, Side, TimeInForce, VenueOrder
from backend.domain.outcomes import Accepted, Outcome
from backend.domain.rules import VenueRules
from backend.emulator.dialect import VenueKind
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.host import Emulator
from backend.emulator.ledger import LedgerOrder, LedgerTrade
from backend.emulator.market import Market
from backend.emulator.registry import KINDS
from backend.emulator.wire import Endpoint
from backend.integrations.exchanges.factory import build_adapter
from backend.lab.demo import keys_of
from backend.ports.clock import Clock
from backend.ports.transport import HttpAnswer, HttpRequest, Transport
from tests.conformance.clock import JumpingClock
from tests.conformance.nonsense import Nonsense
from tests.emulator.kit import WrittenBooks

TIMEOUTS = Timeouts(place_s=4.0, read_s=3.0, cancel_s=4.0, health_s=4.0, lookup_window_s=20.0)
VALID_S = 10.0
SOON_S = 0.5
"""Until the emulator surely looks at a newer book."""


class Tap:
    """A transport that remembers what went over it."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.sent: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpAnswer:
        self.sent.append(request)
        return await self._inner.send(request)

    async def close(self) -> None:
        await self._inner.close()


@dataclass
class Desk:
    """One venue. Books stand at 99 bid and 100 asked; an order is a buy of half a unit at 100 unless it is changed."""

    venue: str
    clock: JumpingClock
    emulator: Emulator
    books: WrittenBooks
    rules: VenueRules
    tap: Tap = field(init=False)
    adapter: Any = field(init=False)
    number: int = 0

    def __post_init__(self) -> None:
        settings = Settings(venues={self.venue: VenueSettings(endpoint=self.emulator.addresses[self.venue])})
        self.tap = Tap(bootstrap.http_transport(settings, self.clock))
        self.adapter = self.other_adapter()

    @property
    def kind(self) -> VenueKind:
        return KINDS[self.venue]

    @property
    def market(self) -> Market:
        """The emulator's own words about the market that is traded."""
        return self.kind.markets[0]

    @property
    def symbol(self) -> str:
        return self.market.symbol

    @property
    def keys(self) -> Credentials:
        return keys_of(self.emulator, self.venue)

    def strange_keys(self) -> Credentials:
        """Keys of the right form that this venue never gave out."""
        made = self.kind.new_keys(secrets.token_bytes)
        extra = {name: value for name, value in made.items() if name in {"client_id", "passphrase"}}
        return Credentials(made["api_key"], made["secret"], extra)

    def other_adapter(self, *, keys: Credentials | None = None, clock: Clock | None = None) -> Any:
        """Another adapter for the same venue, with other keys or another clock."""
        return build_adapter(
            self.venue,
            settings=VenueSettings(credentials=self.keys if keys is None else keys),
            timeouts=TIMEOUTS,
            transport=self.tap,
            clock=self.clock if clock is None else clock,
            ids=bootstrap.seeded_ids(1),
            rules=self.rules,
        )

    async def fresh_adapter(self) -> Any:
        """A warm adapter that remembers no answer of before: no limit that it was told, no nonce of this moment."""
        await self.pass_time(1)
        adapter = self.other_adapter()
        await adapter.warm()
        self.tap.sent.clear()
        return adapter

    # --- Orders -----------------------------------------------------------------------------------------------------

    def order(self, **changes: Any) -> VenueOrder:
        """A frozen order with its own client id, where the venue takes one. Amounts may be texts."""
        self.number += 1
        clock: Clock = changes.pop("clock", self.clock)
        amounts: dict[str, Any] = {
            name: Decimal(changes.pop(name)) for name in ("quantity", "price") if name in changes
        }
        order = VenueOrder(
            venue=self.venue,
            attempt_id=f"order-{self.number}/1",
            client_id=f"{self.number:032x}" if self.rules.has_client_id else "",
            symbol=self.symbol,
            side=Side.BUY,
            quantity=Decimal("0.5"),
            price=Decimal(100),
            time_in_force=TimeInForce.GTC,
            created_at=clock.now(),
            not_after=clock.now() + VALID_S,
        )
        return replace(order, **amounts, **changes)

    async def send(self, order: VenueOrder, adapter: Any = None) -> Outcome:
        outcome: Outcome = await (adapter or self.adapter)._place(Approved(order, order.notional))
        return outcome

    async def place(self, **changes: Any) -> Outcome:
        return await self.send(self.order(**changes))

    async def placed(self, **changes: Any) -> OrderRef:
        """The venue's id of an order that must be accepted."""
        outcome = await self.place(**changes)
        assert isinstance(outcome, Accepted), outcome
        return OrderRef(self.symbol, outcome.venue_order_id)

    async def resting(self, **changes: Any) -> OrderRef:
        """A buy far below the market."""
        return await self.placed(**{"price": "90", **changes})

    async def report(self, ref: OrderRef) -> OrderReport:
        found: OrderReport | None = await self.adapter.get_order(ref)
        assert found is not None
        return found

    # --- The venue --------------------------------------------------------------------------------------------------

    def fault(self, kind: FaultKind, *endpoints: Endpoint, count: int | None = None, **params: object) -> None:
        self.emulator.inject(self.venue, Fault(kind, frozenset(endpoints), count=count, params=params))

    def at_place(self, kind: FaultKind, **params: object) -> None:
        """A fault that strikes the next place."""
        self.fault(kind, Endpoint.PLACE, count=1, **params)

    def nonsense(self, answer: Nonsense, *endpoints: Endpoint, when: str = "before") -> None:
        """Calls to these endpoints are answered with this, before or after their effect."""
        self.fault(FaultKind.BODY, *endpoints, **{**answer, "when": when})  # type: ignore[arg-type]

    async def refuse(self) -> None:
        """The port refuses; open connections are seen to be gone."""
        self.fault(FaultKind.REFUSE)
        await self.pass_time(0.1)

    def clear(self) -> None:
        self.emulator.clear(self.venue)

    async def pass_time(self, seconds: float) -> None:
        await self.clock.sleep(seconds)

    @property
    def orders(self) -> tuple[LedgerOrder, ...]:
        """What the venue really has, whatever it answered."""
        return self.emulator.ledger(self.venue).orders

    @property
    def trades(self) -> tuple[LedgerTrade, ...]:
        return self.emulator.ledger(self.venue).trades

    @property
    def executed(self) -> Decimal:
        return sum((trade.quantity for trade in self.trades), Decimal(0))


def emulated(emulator: Emulator, venue: str) -> VenueRules:
    """The venue's rules with the emulator's own bounds."""
    bounds = emulator.bounds(venue)
    return bootstrap.emulated_rules(venue, engine_s=bounds.engine_s, visibility_s=bounds.visibility_s)


@asynccontextmanager
async def open_desk(venue: str, clock: JumpingClock) -> AsyncIterator[Desk]:
    """A desk of its own: no case sees what another did."""
    books = WrittenBooks()
    emulator = Emulator(seed=1, now=clock.now, sleep=clock.sleep, books=books, venues=(venue,))
    await emulator.start()
    desk = Desk(venue, clock, emulator, books, emulated(emulator, venue))
    try:
        await desk.adapter.warm()
        desk.tap.sent.clear()
        yield desk
    finally:
        await desk.tap.close()
        await emulator.stop()
