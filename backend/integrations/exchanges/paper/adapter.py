"""``PaperExchangeAdapter``: an exchange that sends nothing.

Books, markets and health are a real exchange's, read through its public calls; orders, trades and balances exist in
memory. ``BookSource`` is all that it can reach of the real adapter: nothing that signs, nothing that places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from backend.domain.approval import Approved
from backend.domain.books import Book
from backend.domain.errors import ConfigurationError, InvalidOrder, VenueCallFailed
from backend.domain.health import HealthReading
from backend.domain.instruments import Instrument
from backend.domain.money import plain
from backend.domain.orders import Balance, Fill, Intent, OrderRef, OrderReport
from backend.domain.outcomes import Accepted, CancelOutcome, CancelState, Evidence, Outcome, ProvenNotExecuted, Unknown
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.domain.records import ExecutionResult
from backend.domain.rules import VenueRules
from backend.integrations.exchanges.paper.account import PaperAccount, PaperOrder, Refusal
from backend.integrations.exchanges.paper.rules import paper_rules
from backend.policies.routing_tables import PAPER
from backend.ports.clock import Clock
from backend.ports.exchange import AttemptRunner
from backend.ports.ids import Ids

DEPTH = 100
"""How many levels of a book an order may walk."""


class BookSource(Protocol):
    """The public part of a real exchange's adapter."""

    @property
    def venue(self) -> str: ...

    @property
    def rules(self) -> VenueRules: ...

    async def health(self) -> HealthReading: ...

    async def warm(self) -> None: ...

    async def instruments(self) -> Mapping[str, Instrument]: ...

    async def order_book(self, symbol: str, depth: int = 20) -> Book: ...

    async def close(self) -> None: ...


class PaperExchangeAdapter:
    """Implements ExchangeAdapter over the books of ``source``, with an account that starts with ``balances``."""

    def __init__(
        self,
        *,
        source: BookSource,
        balances: Mapping[str, Decimal],
        clock: Clock,
        ids: Ids,
        runner: AttemptRunner | None = None,
    ) -> None:
        self._source = source
        self._rules = paper_rules(source.rules)
        self._account = PaperAccount(balances)
        self._clock = clock
        self._ids = ids
        self._runner = runner
        self._instruments: Mapping[str, Instrument] = {}

    def __repr__(self) -> str:
        return f"PaperExchangeAdapter(books of {self._source.venue}, open orders: {len(self._account.open_orders())})"

    @property
    def venue(self) -> str:
        return PAPER

    @property
    def rules(self) -> VenueRules:
        return self._rules

    @property
    def source(self) -> str:
        """The exchange whose books are used."""
        return self._source.venue

    def restore(self, fills: Iterable[Fill]) -> None:
        """Books the fills of an earlier process, so that a restart changes no balance."""
        self._account.restore(fills)

    # --- The real exchange, public --------------------------------------------------------------------------------

    async def health(self) -> HealthReading:
        return await self._source.health()

    async def warm(self) -> None:
        if not self._instruments:
            listed = await self._source.instruments()
            self._instruments = {symbol: replace(one, venue=PAPER) for symbol, one in listed.items()}

    async def instruments(self) -> Mapping[str, Instrument]:
        await self.warm()
        return self._instruments

    async def order_book(self, symbol: str, depth: int = 20) -> Book:
        return replace(await self._source.order_book(symbol, depth), venue=PAPER)

    async def check_key(self) -> bool:
        """There is no key."""
        return True

    async def close(self) -> None:
        await self._source.close()

    # --- The account, in memory -----------------------------------------------------------------------------------

    async def balances(self) -> Mapping[str, Balance]:
        return self._account.balances()

    async def get_order(self, ref: OrderRef) -> OrderReport | None:
        """A resting order is matched with the book of now first; without a book its state is told as it is."""
        await self._listed(ref.symbol)
        found = self._account.order(order_id=ref.venue_order_id, client_id=ref.client_id)
        if found is None or found.order.symbol != ref.symbol:
            return None
        await self._look([found])
        return found.report()

    async def search_order(self, ref: OrderRef) -> OrderReport | None:
        """Paper forgets nothing, so the second question has the first one's answer."""
        return await self.get_order(ref)

    async def open_orders(self, symbol: str) -> tuple[OrderReport, ...]:
        await self._listed(symbol)
        await self._look([order for order in self._account.open_orders() if order.order.symbol == symbol])
        return tuple(order.report() for order in self._account.open_orders() if order.order.symbol == symbol)

    async def my_trades(
        self, symbol: str, *, venue_order_id: str | None = None, since: float | None = None
    ) -> tuple[Fill, ...]:
        """``since`` counts only without an order id, as at the real exchanges."""
        await self._listed(symbol)
        trades = self._account.trades(symbol)
        if venue_order_id is not None:
            return tuple(fill for fill in trades if fill.venue_order_id == venue_order_id)
        return tuple(fill for fill in trades if since is None or fill.at >= since)

    async def cancel_order(self, ref: OrderRef) -> CancelOutcome:
        await self._listed(ref.symbol)
        found = self._account.order(order_id=ref.venue_order_id, client_id=ref.client_id)
        if found is None:
            return CancelOutcome(CancelState.NO_SUCH_ORDER, _nothing_sent("no such order"))
        state = CancelState.CANCELLED if self._account.cancel(found) else CancelState.ENDED
        return CancelOutcome(state, _nothing_sent(state.value), plain(found.filled))

    async def _look(self, orders: list[PaperOrder]) -> None:
        """Matches resting orders of one market with its book of now."""
        resting = [order for order in orders if not order.status.terminal]
        if not resting:
            return
        with suppress(VenueCallFailed):
            book = await self.order_book(resting[0].order.symbol, DEPTH)
            for order in resting:
                # It may have ended during the wait for the book.
                if not order.status.terminal:
                    self._account.match(order, book, self._clock.now(), resting=True)

    async def _listed(self, symbol: str) -> None:
        if symbol not in await self.instruments():
            raise InvalidOrder("symbol", f"{symbol!r} is not listed at {self._source.venue}")

    # --- Orders ---------------------------------------------------------------------------------------------------

    async def place_order(self, order_request: Intent) -> ExecutionResult:
        """One attempt on paper, journaled and checked by the router. Raises ConfigurationError without one."""
        if self._runner is None:
            raise ConfigurationError(
                "paper: this adapter was built without a router, so nothing would journal the order"
            )
        return await self._runner.run_on_venue(PAPER, order_request)

    async def _place(self, approved: Approved) -> Outcome:
        """Fills against the book of now. From the arrival of the book on nothing waits, so no order comes between."""
        order = approved.order
        instrument = self._instruments.get(order.symbol)
        if instrument is None:
            return _refused(RejectReason.NOT_SENT, f"markets are not loaded, or {order.symbol} is not one of them")
        try:
            book = await self.order_book(order.symbol, DEPTH)
        except VenueCallFailed as error:
            return _refused(RejectReason.NOT_SENT, f"no book to fill against: {error.problem}", HealthClass.FAILED)
        now = self._clock.now()
        if now > order.not_after:
            return _refused(RejectReason.NOT_SENT, f"the deadline {order.not_after:.3f} is passed")
        if self._account.order(order_id=None, client_id=order.client_id) is not None:
            return Unknown(UnknownReason.DUPLICATE_ID, _nothing_sent("an order has this client id"), HealthClass.OURS)
        taken = self._account.accept(order, instrument, self._ids.new_id())
        if isinstance(taken, Refusal):
            return _refused(taken.reason, taken.problem)
        self._account.match(taken, book, now, resting=False)
        return Accepted(taken.id, _nothing_sent(f"filled {plain(taken.filled)} on paper"), taken.report())


def _nothing_sent(message: str) -> Evidence:
    return Evidence(headers_written=False, message=message)


def _refused(reason: RejectReason, problem: str, health: HealthClass = HealthClass.OURS) -> ProvenNotExecuted:
    return ProvenNotExecuted(reason, _nothing_sent(problem), health)
