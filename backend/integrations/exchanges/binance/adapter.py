"""Binance spot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

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
    LISTS_MAX,
    MODES,
    READ_WINDOW_MS,
    ROWS_PER_LIST,
    RULES,
    WINDOW_MS_MAX,
)
from backend.integrations.exchanges.shared.adapter import SEARCH_MARGIN_S, CcxtAdapter
from backend.integrations.exchanges.shared.http_fact import HttpFact
from backend.integrations.exchanges.shared.operations import order_question
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
        fact = await self._fetch(order_question(ref), call, self._timeouts.read_s)
        with self._valid("get_order"):
            if any(error.code in UNKNOWN_TO_QUERY for error in self._errors_of(fact)):
                return None
            document = mapping(self._checked("get_order", fact))
            return answers.report(document, self._symbol_of(text_of(document, "symbol")))

    async def search_order(self, ref: OrderRef) -> OrderReport | None:
        """Among all orders of the market since then.

        Raises VenueCallFailed when there is no end: an incomplete list would prove an absence that is none.
        """
        instrument = await self._instrument(ref.symbol)
        since = milliseconds(self._searched_from(ref))
        async for rows in self._listed_since("search_order", "allOrders", instrument, since):
            with self._valid("search_order"):
                row = one_named(rows, "clientOrderId", ref.client_id or "")
                if row is not None:
                    return answers.report(row, ref.symbol)
        return None

    async def _listed_since(
        self, operation: str, path: str, instrument: Instrument, since: int
    ) -> AsyncIterator[list[Mapping[str, object]]]:
        """Lists of rows that together hold all since then (epoch milliseconds), some of them twice. A stretch of time
        whose rows fill a list is halved. Raises VenueCallFailed when there is no end."""
        stretches = _stretches(since, milliseconds(self._clock.now() + SEARCH_MARGIN_S))
        for _ in range(LISTS_MAX):
            start, end = stretches.pop()
            params = {"symbol": instrument.native_id, "startTime": start, "endTime": end, "limit": ROWS_PER_LIST}
            content = await self._read(operation, self._private("GET", path, params))
            with self._valid(operation):
                rows = [mapping(entry) for entry in items(content)]
            yield rows
            if len(rows) >= ROWS_PER_LIST:
                middle = (start + end) // 2
                if middle == start:
                    break
                stretches += [(middle, end), (start, middle)]
            if not stretches:
                return
        problem = f"no end after {LISTS_MAX} lists, which may hide more; ask for a shorter time"
        raise VenueCallFailed(self.venue, operation, problem)

    async def open_orders(self, symbol: str) -> tuple[OrderReport, ...]:
        instrument = await self._instrument(symbol)
        content = await self._read("open_orders", self._private("GET", "openOrders", {"symbol": instrument.native_id}))
        with self._valid("open_orders"):
            return tuple(answers.report(mapping(order), symbol) for order in items(content))

    async def my_trades(
        self, symbol: str, *, venue_order_id: str | None = None, since: float | None = None
    ) -> tuple[Fill, ...]:
        """``since`` bounds the search only without an order id: the venue takes one or the other.

        Raises VenueCallFailed for a list that may hide more: it would understate a fill.
        """
        instrument = await self._instrument(symbol)
        if venue_order_id is None and since is not None:
            lists = self._listed_since("my_trades", "myTrades", instrument, milliseconds(since))
            found = [row async for rows in lists for row in rows]
        else:
            found = await self._trades_of(instrument, {} if venue_order_id is None else {"orderId": venue_order_id})
        with self._valid("my_trades"):
            trades = [answers.trade(row, symbol) for row in found]
            fills = {(fill.venue_order_id, fill.trade_id): fill for fill in trades}
        return tuple(fill for fill in fills.values() if venue_order_id in (None, fill.venue_order_id))

    async def _trades_of(self, instrument: Instrument, fields: Mapping[str, object]) -> list[Mapping[str, object]]:
        params = {"symbol": instrument.native_id, "limit": ROWS_PER_LIST, **fields}
        content = await self._read("my_trades", self._private("GET", "myTrades", params))
        with self._valid("my_trades"):
            rows = [mapping(entry) for entry in items(content)]
            if len(rows) >= ROWS_PER_LIST:
                raise Malformed(f"{len(rows)} trades fill the list, which may hide more")
            return rows

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
    """The time between (epoch milliseconds) in parts that one list may span; the earliest is last. Neighbours share
    their edge: whether a list holds what lies exactly at its end is not documented."""
    until = max(until, since + 1)
    starts = range(since, until, LIST_SPAN_MS)
    return [(start, min(start + LIST_SPAN_MS, until)) for start in reversed(starts)]
