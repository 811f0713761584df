"""Firi: no client id, no deadline, no IOC. An order whose answer is lost is searched for by what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property

from backend.domain.books import Book
from backend.domain.errors import ConfigurationError, VenueCallFailed
from backend.domain.instruments import Instrument
from backend.domain.money import ZERO, plain
from backend.domain.orders import Balance, Fill, OrderRef, OrderReport, VenueOrder
from backend.domain.outcomes import CancelOutcome, CancelState
from backend.integrations.exchanges.firi import answers
from backend.integrations.exchanges.firi.ccxt_exchange import firi
from backend.integrations.exchanges.firi.outcomes import CANCELS, OUTCOMES
from backend.integrations.exchanges.firi.rules import (
    HISTORY_COUNT,
    HISTORY_PATIENCE_S,
    LAGGING_MAX,
    ORDER_NOT_FOUND,
    RULES,
)
from backend.integrations.exchanges.shared.adapter import CcxtAdapter
from backend.integrations.exchanges.shared.http_fact import NOT_JSON, HttpFact
from backend.integrations.exchanges.shared.operations import order_question
from backend.integrations.exchanges.shared.outcomes import PlaceAnswer, VenueError, evidence_of
from backend.integrations.exchanges.shared.parsing import Malformed, field, items, levels, mapping, number
from backend.integrations.exchanges.shared.ported import Call, PortedExchange
from backend.ports.transport import Transport

NOT_FOUND = 404
CREATED_SKEW_S = 5.0
"""An order that is searched for may be stamped so much before it was sent, for clocks that differ."""


class PortedFiri(PortedExchange, firi):
    """Our own ccxt class, on our ports."""


class FiriAdapter(CcxtAdapter):
    """Keys: ``api_key`` alone signs nothing; with ``secret`` and ``extra["client_id"]`` each request is signed."""

    RULES = RULES
    OUTCOMES = OUTCOMES
    CANCELS = CANCELS
    TIME = Call("public", "GET", "time")

    @cached_property
    def _lagging(self) -> dict[tuple[str, Decimal], float]:
        """Since when which orders' histories lag behind which amounts; the newest LAGGING_MAX."""
        return {}

    def _make_ccxt(self, transport: Transport) -> PortedExchange:
        keys = self._settings.credentials
        if bool(keys.secret) != bool(keys.extra.get("client_id")):
            raise ConfigurationError(
                f"{self.venue}: secret and client_id belong together: with both requests are signed, with neither not"
            )
        config = {"apiKey": keys.api_key, "secret": keys.secret, "uid": keys.extra.get("client_id", "")}
        return PortedFiri(transport, self._clock, config)

    def _errors_of(self, fact: HttpFact) -> tuple[VenueError, ...]:
        return answers.errors_of(fact)

    def _content_of(self, fact: HttpFact) -> object:
        return fact.document

    def _server_time(self, content: object) -> float:
        """Whole seconds, unlike everywhere else."""
        return float(number(mapping(content), "time"))

    async def _load_instruments(self) -> Mapping[str, Instrument]:
        return await self._read_as("instruments", Call("public", "GET", "v2/markets"), answers.instruments)

    def _book_call(self, instrument: Instrument, depth: int) -> Call:
        return Call("public", "GET", f"v2/markets/{instrument.native_id}/depth", {"bids": depth, "asks": depth})

    def _read_book(self, content: object, instrument: Instrument) -> Book:
        book = mapping(content)
        return Book(
            venue=self.venue,
            symbol=instrument.symbol,
            bids=levels(field(book, "bids"), descending=True),
            asks=levels(field(book, "asks"), descending=False),
            at=self._clock.now(),
        )

    async def balances(self) -> Mapping[str, Balance]:
        content = await self._read("balances", _private("GET", "v2/balances"))
        with self._valid("balances"):
            return answers.balances(content)

    # --- Orders -----------------------------------------------------------------------------------------------------

    def _place_call(self, order: VenueOrder, instrument: Instrument) -> Call:
        """``timestamp`` goes into the signature, not into the order."""
        params = {
            "market": instrument.native_id,
            "type": "bid" if order.side.value == "buy" else "ask",
            "price": plain(order.price),
            "amount": plain(order.quantity),
            "timestamp": str(int(order.created_at)),
        }
        return _private("POST", "v2/orders", params)

    def _read_place(self, fact: HttpFact, _order: VenueOrder) -> PlaceAnswer:
        return PlaceAnswer(answers.errors_of(fact), answers.order_id_of(fact))

    async def get_order(self, ref: OrderRef) -> OrderReport | None:
        """By the venue's id alone. Raises VenueCallFailed for a client id: the venue has none."""
        await self._instrument(ref.symbol)
        call = _private("GET", f"v2/order/{self._id_of(ref, 'get_order')}")
        fact = await self._fetch(order_question(ref), call, self._timeouts.read_s)
        with self._valid("get_order"):
            if any(error.code == ORDER_NOT_FOUND.value for error in self._errors_of(fact)):
                return None
            content = self._checked("get_order", fact)
            # The docs show a list of one order.
            found = [content] if isinstance(content, dict) else items(content)
            if not found:
                return None
            report = answers.report(mapping(found[0], "order"), self._symbols)
        if report.venue_order_id != ref.venue_order_id:
            raise VenueCallFailed(self.venue, "get_order", f"answered with order {report.venue_order_id}")
        return report

    async def search_order(self, ref: OrderRef) -> OrderReport | None:
        """By the request itself (``ref.like``) among the market's open and past orders: the same side, amount and
        price, made since it was sent. Raises VenueCallFailed when several fit, or there is nothing to compare with."""
        wanted = ref.like
        if wanted is None:
            raise VenueCallFailed(
                self.venue, "search_order", f"{ref.symbol}: there are no client ids here", not_sent=True
            )
        instrument = await self._instrument(ref.symbol)
        path = f"v2/orders/{instrument.native_id}"
        # Open ones first: an order that ends between the two questions is in both lists, and the later word counts.
        still_open = await self._read("search_order", _private("GET", path))
        past = await self._read("search_order", _private("GET", f"{path}/history", {"count": HISTORY_COUNT}))
        with self._valid("search_order"):
            listed = [
                answers.report(mapping(one, "order"), self._symbols) for one in (*items(still_open), *items(past))
            ]
        fitting = {one.venue_order_id: one for one in listed if _fits(one, wanted)}
        if len(fitting) > 1:
            raise VenueCallFailed(self.venue, "search_order", f"several orders fit: {', '.join(sorted(fitting))}")
        return next(iter(fitting.values()), None)

    async def open_orders(self, symbol: str) -> tuple[OrderReport, ...]:
        instrument = await self._instrument(symbol)
        content = await self._read("open_orders", _private("GET", f"v2/orders/{instrument.native_id}"))
        with self._valid("open_orders"):
            return tuple(answers.report(mapping(order, "order"), self._symbols) for order in items(content))

    async def my_trades(
        self, symbol: str, *, venue_order_id: str | None = None, since: float | None = None
    ) -> tuple[Fill, ...]:
        """One provisional fill for what one order has matched so far; ``since`` is not used.

        Raises VenueCallFailed while the history lags behind the order. It is waited for, but not for ever: what it
        never tells is booked at the order's limit.
        """
        if venue_order_id is None:
            raise VenueCallFailed(self.venue, "my_trades", f"no trade list (since {since}): ask for one order")
        instrument = await self._instrument(symbol)
        report = await self.get_order(OrderRef(symbol, venue_order_id))
        if report is None or report.filled == ZERO:
            return ()
        params = {"type": "matched", "count": HISTORY_COUNT}
        history = await self._read("my_trades", _private("GET", f"v2/history/orders/{instrument.native_id}", params))
        with self._valid("my_trades"):
            average = answers.average_price(report, history)
            if average is None and len(items(history)) < HISTORY_COUNT and self._lags(report):
                raise Malformed(f"the history does not come to the {plain(report.filled)} that are matched")
            return (answers.provisional_fill(report, average),)

    def _lags(self, report: OrderReport) -> bool:
        """May the history still catch up? Counted from when it was first seen to lag behind this amount."""
        now = self._clock.monotonic()
        since = self._lagging.setdefault((report.venue_order_id, report.filled), now)
        if len(self._lagging) > LAGGING_MAX:
            del self._lagging[next(iter(self._lagging))]
        return now - since < HISTORY_PATIENCE_S

    async def cancel_order(self, ref: OrderRef) -> CancelOutcome:
        """Only the path with the market and ``/detailed``: a shorter one could be read as "cancel this market"."""
        instrument = await self._instrument(ref.symbol)
        path = f"v2/orders/{self._id_of(ref, 'cancel_order')}/{instrument.native_id}/detailed"
        fact, errors = await self._cancelled(_private("DELETE", path))
        if fact.status == NOT_FOUND and fact.document is not NOT_JSON:
            return CancelOutcome(CancelState.NOT_OPEN, evidence_of(fact, errors))
        refused = self._not_cancelled(fact, errors)
        if refused is not None:
            return refused
        with self._valid("cancel_order"):
            filled = number(mapping(self._checked("cancel_order", fact)), "matched")
        return self._cancelled_as(fact, plain(filled))

    def _id_of(self, ref: OrderRef, operation: str) -> str:
        """Raises VenueCallFailed. The id becomes part of a path, so it must be the venue's plain number."""
        if not ref.venue_order_id or not ref.venue_order_id.isascii() or not ref.venue_order_id.isdigit():
            raise VenueCallFailed(self.venue, operation, "needs the venue's order id; there are no client ids here")
        return ref.venue_order_id


ADAPTER = FiriAdapter


def _fits(report: OrderReport, wanted: VenueOrder) -> bool:
    told = (report.symbol, report.side, report.quantity, report.price)
    if told != (wanted.symbol, wanted.side, wanted.quantity, wanted.price):
        return False
    return report.created_at is not None and report.created_at >= wanted.created_at - CREATED_SKEW_S


def _private(method: str, path: str, params: Mapping[str, object] | None = None) -> Call:
    return Call("private", method, path, params or {}, private=True)
