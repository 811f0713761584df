"""One venue, translated. Implementations hold no policy: they say what happened, never what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from backend.domain.approval import Approved
from backend.domain.books import Book
from backend.domain.health import HealthReading
from backend.domain.instruments import Instrument
from backend.domain.orders import Balance, Fill, Intent, OrderRef, OrderReport
from backend.domain.outcomes import CancelOutcome, Outcome
from backend.domain.records import ExecutionResult
from backend.domain.rules import VenueRules


class ExchangeAdapter(Protocol):
    """Every read raises VenueCallFailed when there is no valid answer; reads may be repeated, a place never."""

    @property
    def venue(self) -> str: ...

    @property
    def rules(self) -> VenueRules: ...

    async def health(self) -> HealthReading:
        """The public time endpoint (no key), plus the status endpoint where the venue has one (advisory)."""
        ...

    async def check_key(self) -> bool:
        """Asks once whether the configured key can withdraw; True: it cannot; False: nobody could tell.

        Raises KeyCanWithdraw, each time. Raises VenueCallFailed without an answer: the next call asks again.
        """
        ...

    async def warm(self) -> None:
        """Loads the markets once; later calls do nothing. No order is sent by an adapter that is not warm."""
        ...

    async def instruments(self) -> Mapping[str, Instrument]:
        """Spot markets by unified symbol."""
        ...

    async def order_book(self, symbol: str, depth: int = 20) -> Book: ...

    async def balances(self) -> Mapping[str, Balance]:
        """By asset; an asset that is absent is zero."""
        ...

    async def get_order(self, ref: OrderRef) -> OrderReport | None:
        """None: the venue answered that it knows no such order. That is not proof that there is none."""
        ...

    async def search_order(self, ref: OrderRef) -> OrderReport | None:
        """The question of ``get_order`` put to another endpoint: by ``ref.client_id`` among the lists of open and
        closed orders since ``ref.created_at``. None: the lists were whole and did not name it. Raises VenueCallFailed
        when they cannot be read or may be incomplete."""
        ...

    async def open_orders(self, symbol: str) -> tuple[OrderReport, ...]: ...

    async def my_trades(
        self, symbol: str, *, venue_order_id: str | None = None, since: float | None = None
    ) -> tuple[Fill, ...]: ...

    async def cancel_order(self, ref: OrderRef) -> CancelOutcome: ...

    async def place_order(self, order_request: Intent) -> ExecutionResult:
        """One journaled, risk-checked attempt on this venue. The same id returns the same result."""
        ...

    async def _place(self, approved: Approved) -> Outcome:
        """Sends the bytes, once. Never raises for what the venue or the network does: that is an Outcome."""
        ...

    async def close(self) -> None: ...


class AttemptRunner(Protocol):
    """What ``place_order`` needs from the program around the adapter."""

    async def run_on_venue(self, venue: str, intent: Intent) -> ExecutionResult: ...
