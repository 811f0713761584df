"""Binance spot."""

from __future__ import annotations

from collections.abc import Mapping

from ccxt.async_support.binance import binance

from backend.domain.books import Book
from backend.domain.errors import VenueCallFailed
from backend.domain.health import VenueMode
from backend.domain.instruments import Instrument
from backend.domain.money import plain
from backend.domain.orders import Balance, Fill, OrderRef, OrderReport, VenueOrder
from backend.domain.outcomes import CancelOutcome
from backend.integrations.exchanges.binance import answers
from backend.integrations.exchanges.binance.outcomes import CANCELS, OUTCOMES, UNKNOWN_TO_QUERY
from backend.integrations.exchanges.binance.rules import (
    LIST_SPAN_MS,
    MODES,
    ORDER_LISTS_MAX,
    ORDERS_PER_LIST,
    READ_WINDOW_MS,
    RULES,
    WINDOW_MS_MAX,
)
from backend.integrations.exchanges.shared.adapter import SEARCH_MARGIN_S, CcxtAdapter
from backend.integrations.exchanges.shared.http_fact import HttpFact
from backend.integrations.exchanges.shared.outcomes import PlaceAnswer, VenueError
from backend.integrations.exchanges.shared.parsing import (
    Malformed,
    field,
    flag,
    identity,
    items,
    levels,
    mapping,
    number,
    one_named,
)
from backend.integrations.exchanges.shared.parsing import text as text_of
from backend.integrations.exchanges.shared.ported import Call, PortedExchange, milliseconds
from backend.ports.transport import Transport

TRADES_PER_PAGE = 1000


class PortedBinance(PortedExchange, binance):  # type: ignore[misc]
    """ccxt's class with its production URLs, which decide how it signs; the transport sends them elsewhere."""


class BinanceAdapter(CcxtAdapter):
    """Amounts go out as our exact strings through ccxt's raw endpoint: its ``create_order`` cuts an amount silently and
    turns a market order with a price into one for a quote amount."""

    RULES = RULES
    OUTCOMES = OUTCOMES
    CANCELS = CANCELS
    TIME = Call("public", "GET", "time")
    STATUS = Call("sapi", "GET", "system/status")
    KEY_INFO = Call("sapi", "GET", "account/apiRestrictions", {"recvWindow": READ_WINDOW_MS}, private=True)

    def _make_ccxt(self, transport: Transport) -> PortedExchange:
        keys = self._settings.credentials
        return PortedBinance(transport, self._clock, {"apiKey": keys.api_key, "secret": keys.secret})

    def _errors_of(self, fact: HttpFact) -> tuple[VenueError, ...]:
        return answers.errors_of(fact)

    def _content_of(self, fact: HttpFact) -> object:
        return fact.document

    def _server_time(self, content: object) -> float:
        return float(number(mapping(content), "serverTime")) / 1000

    def _mode(self, content: object) -> VenueMode:
        status = mapping(content).get("status")
        return VenueMode(MODES.get(status, VenueMode.UNKNOWN)) if isinstance(status, int) else VenueMode.UNKNOWN

    def _may_withdraw(self, content: object) -> bool:
        return flag(mapping(content), "enableWithdrawals")

    async def _load_instruments(self) -> Mapping[str, Instrument]:
        return await self._read_as("instruments", Call("public", "GET", "exchangeInfo"), answers.instruments)

    def _book_call(self, instrument: Instrument, depth: int) -> Call:
        return Call("public", "GET", "depth", {"symbol": instrument.native_id, "limit": depth})

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
        content = await self._read("balances", self._private("GET", "account", {}))
        with self._valid("balances"):
            return answers.balances(content)

    # --- Orders -----------------------------------------------------------------------------------------------------

    def _place_call(self, order: VenueOrder, instrument: Instrument) -> Call:
        """timestamp + recvWindow is the order's own deadline, in whole milliseconds and never later."""
        timestamp = milliseconds(order.created_at)
        window = milliseconds(order.not_after) - timestamp
        params = {
            "timestamp": timestamp,
            "symbol": instrument.native_id,
            "side": order.side.value.upper(),
            "type": "LIMIT",
            "timeInForce": order.time_in_force.value.upper(),
            "quantity": plain(order.quantity),
            "price": plain(order.price),
            "newClientOrderId": order.client_id,
            "newOrderRespType": "FULL",
            "recvWindow": min(max(window, 1), WINDOW_MS_MAX),
        }
        return Call("private", "POST", "order", params, private=True)

    def _read_place(self, fact: HttpFact, order: VenueOrder) -> PlaceAnswer:
        """Accepted only with an order id, our own client id echoed, and a status; the fills are a bonus."""
        errors = answers.errors_of(fact)
        document = fact.document
        if not isinstance(document, dict) or document.get("clientOrderId") != order.client_id:
            return PlaceAnswer(errors)
        if not identity(document.get("status")):
            return PlaceAnswer(errors)
        try:
            report: OrderReport | None = answers.report(document, order.symbol)
        except Malformed:
            report = None
        return PlaceAnswer(errors, identity(document.get("orderId")), report)

    async def get_order(self, ref: OrderRef) -> OrderReport | None:
        call = self._private("GET", "order", await self._named(ref))
        fact = await self._fetch("get_order", call, self._timeouts.read_s)
        with self._valid("get_order"):
            if any(error.code in UNKNOWN_TO_QUERY for error in self._errors_of(fact)):
                return None
            document = mapping(self._checked("get_order", fact))
            return answers.report(document, self._symbol_of(text_of(document, "symbol")))

    async def search_order(self, ref: OrderRef) -> OrderReport | None:
        """Among all orders of the market since then: a stretch of time whose orders fill a list is halved.

        Raises VenueCallFailed when there is no end: an incomplete list would prove an absence that is none.
        """
        instrument = await self._instrument(ref.symbol)
        until = milliseconds(self._clock.now() + SEARCH_MARGIN_S)
        stretches = _stretches(milliseconds(self._searched_from(ref)), until)
        for _ in range(ORDER_LISTS_MAX):
            start, end = stretches.pop()
            params = {"symbol": instrument.native_id, "startTime": start, "endTime": end, "limit": ORDERS_PER_LIST}
            content = await self._read("search_order", self._private("GET", "allOrders", params))
            with self._valid("search_order"):
                rows = [mapping(entry, "order") for entry in items(content)]
                row = one_named(rows, "clientOrderId", ref.client_id or "")
                if row is not None:
                    return answers.report(row, ref.symbol)
            if len(rows) >= ORDERS_PER_LIST:
                middle = (start + end) // 2
                stretches += [(middle + 1, end), (start, middle)] if start < end else [(start, end)]
            if not stretches:
                return None
        problem = f"no end after {ORDER_LISTS_MAX} lists of orders, which may hide more"
        raise VenueCallFailed(self.venue, "search_order", problem)

    async def open_orders(self, symbol: str) -> tuple[OrderReport, ...]:
        instrument = await self._instrument(symbol)
        content = await self._read("open_orders", self._private("GET", "openOrders", {"symbol": instrument.native_id}))
        with self._valid("open_orders"):
            return tuple(answers.report(mapping(order), symbol) for order in items(content))

    async def my_trades(
        self, symbol: str, *, venue_order_id: str | None = None, since: float | None = None
    ) -> tuple[Fill, ...]:
        """``since`` bounds the search only without an order id: the venue takes one or the other.

        Raises VenueCallFailed for a full list: what it may hide would understate a fill.
        """
        instrument = await self._instrument(symbol)
        params: dict[str, object] = {"symbol": instrument.native_id, "limit": TRADES_PER_PAGE}
        if venue_order_id is not None:
            params["orderId"] = venue_order_id
        elif since is not None:
            params["startTime"] = milliseconds(since)
        content = await self._read("my_trades", self._private("GET", "myTrades", params))
        with self._valid("my_trades"):
            fills = tuple(answers.trade(mapping(entry), symbol) for entry in items(content))
            if len(fills) >= TRADES_PER_PAGE:
                raise Malformed(f"{len(fills)} trades fill the list, which may hide more")
        return tuple(fill for fill in fills if venue_order_id in (None, fill.venue_order_id))

    async def cancel_order(self, ref: OrderRef) -> CancelOutcome:
        fact, errors = await self._cancelled(self._private("DELETE", "order", await self._named(ref)))
        refused = self._not_cancelled(fact, errors)
        if refused is not None:
            return refused
        with self._valid("cancel_order"):
            document = mapping(self._checked("cancel_order", fact))
            return self._cancelled_as(fact, plain(number(document, "executedQty")))

    async def _named(self, ref: OrderRef) -> dict[str, object]:
        """One name only: with both, the venue's answer may be about either."""
        instrument = await self._instrument(ref.symbol)
        name = {"orderId": ref.venue_order_id} if ref.venue_order_id else {"origClientOrderId": ref.client_id}
        return {"symbol": instrument.native_id, **name}

    def _private(self, method: str, path: str, params: Mapping[str, object]) -> Call:
        return Call("private", method, path, {**params, "recvWindow": READ_WINDOW_MS}, private=True)


ADAPTER = BinanceAdapter


def _stretches(since: int, until: int) -> list[tuple[int, int]]:
    """The time between (epoch milliseconds, both included) in parts that one list may span; the earliest is last."""
    starts = range(since, max(until, since) + 1, LIST_SPAN_MS)
    return [(start, min(start + LIST_SPAN_MS - 1, max(until, since))) for start in reversed(starts)]
