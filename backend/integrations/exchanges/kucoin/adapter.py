"""KuCoin spot, high-frequency account."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ccxt.async_support.kucoin import kucoin

from backend.domain.books import Book
from backend.domain.errors import VenueCallFailed
from backend.domain.health import VenueMode
from backend.domain.instruments import Instrument
from backend.domain.money import plain
from backend.domain.orders import Balance, Fill, OrderRef, OrderReport, VenueOrder
from backend.domain.outcomes import CancelOutcome
from backend.integrations.exchanges.kucoin import answers
from backend.integrations.exchanges.kucoin.outcomes import CANCELS, OUTCOMES, UNKNOWN_TO_QUERY
from backend.integrations.exchanges.kucoin.rules import (
    BOOK_DEPTHS,
    FILL_PAGES_MAX,
    FILL_SEARCH_MARGIN_S,
    FILLS_PER_PAGE,
    ORDER_PAGES_MAX,
    ORDERS_PER_PAGE,
    RULES,
    STATUS_MODES,
    WINDOW_MS_MAX,
    WITHDRAWS,
)
from backend.integrations.exchanges.shared.adapter import CcxtAdapter
from backend.integrations.exchanges.shared.http_fact import HttpFact
from backend.integrations.exchanges.shared.operations import order_question
from backend.integrations.exchanges.shared.outcomes import PlaceAnswer, VenueError
from backend.integrations.exchanges.shared.parsing import (
    Malformed,
    as_number,
    field,
    identity,
    items,
    levels,
    mapping,
    one_named,
    text,
)
from backend.integrations.exchanges.shared.ported import Call, PortedExchange, milliseconds
from backend.ports.transport import HttpRequest, Transport

STAMP = "clientTimestamp"
IDENTITY = re.compile(r"[A-Za-z0-9_-]+")
"""What may stand in a path: an id never becomes another path."""

OPTIONS = {
    "maxRetriesOnFailure": 0,
    # Without these two ccxt would ask the venue which kind of account this is, and could choose other paths.
    "uta": False,
    "hf": True,
    # ccxt would sign each request as coming from its own partner account.
    "partner": {"spot": {"id": None, "key": None}},
}


class PortedKucoin(PortedExchange, kucoin):  # type: ignore[misc]
    """ccxt's signing. A request that carries a timestamp of its own is signed with that one: the venue wants the two to
    be equal, and the window of an order counts from it."""

    _stamp: int | None = None

    def request_of(self, call: Call, timeout_s: float) -> HttpRequest:
        stamp = call.params.get(STAMP)
        self._stamp = stamp if isinstance(stamp, int) else None
        try:
            return super().request_of(call, timeout_s)
        finally:
            self._stamp = None

    def nonce(self) -> int:
        return super().nonce() if self._stamp is None else self._stamp


class KucoinAdapter(CcxtAdapter):
    """Places and cancels through the synchronous endpoints: the others answer before the engine saw the order."""

    RULES = RULES
    OUTCOMES = OUTCOMES
    CANCELS = CANCELS
    TIME = Call("public", "GET", "timestamp")
    STATUS = Call("public", "GET", "status")
    KEY_INFO = Call("private", "GET", "user/api-key", private=True)

    def _make_ccxt(self, transport: Transport) -> PortedExchange:
        keys = self._settings.credentials
        config = {"apiKey": keys.api_key, "secret": keys.secret, "password": keys.value("passphrase")}
        return PortedKucoin(transport, self._clock, {**config, "options": OPTIONS})

    def _errors_of(self, fact: HttpFact) -> tuple[VenueError, ...]:
        return answers.errors_of(fact)

    def _content_of(self, fact: HttpFact) -> object:
        return answers.content_of(fact)

    def _server_time(self, content: object) -> float:
        return float(as_number(content, "time")) / 1000

    def _mode(self, content: object) -> VenueMode:
        return STATUS_MODES.get(text(mapping(content), "status"), VenueMode.UNKNOWN)

    def _may_withdraw(self, content: object) -> bool:
        granted = {name.strip() for name in text(mapping(content), "permission").split(",")}
        return not granted.isdisjoint(WITHDRAWS)

    async def _load_instruments(self) -> Mapping[str, Instrument]:
        return await self._read_as("instruments", Call("public", "GET", "symbols"), answers.instruments)

    def _book_call(self, instrument: Instrument, depth: int) -> Call:
        offered = next((one for one in BOOK_DEPTHS if one >= depth), BOOK_DEPTHS[-1])
        return Call("public", "GET", f"market/orderbook/level2_{offered}", {"symbol": instrument.native_id})

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
        await self.warm()
        content = await self._read("balances", _private("GET", "accounts", {"type": answers.ACCOUNT}))
        with self._valid("balances"):
            return answers.balances(content, answers.renamed(self._instruments.values()))

    # --- Orders -----------------------------------------------------------------------------------------------------

    def _place_call(self, order: VenueOrder, instrument: Instrument) -> Call:
        """clientTimestamp + allowMaxTimeWindow is the order's own deadline, in whole milliseconds and never later."""
        stamp = milliseconds(order.created_at)
        window = milliseconds(order.not_after) - stamp
        params = {
            "clientOid": order.client_id,
            "symbol": instrument.native_id,
            "side": order.side.value,
            "type": "limit",
            "size": plain(order.quantity),
            "price": plain(order.price),
            "timeInForce": order.time_in_force.value.upper(),
            "allowMaxTimeWindow": min(max(window, 1), WINDOW_MS_MAX),
            STAMP: stamp,
        }
        return _private("POST", "hf/orders/sync", params)

    def _read_place(self, fact: HttpFact, order: VenueOrder) -> PlaceAnswer:
        """Accepted with an order id that is not about another clientOid; the state only where it adds up."""
        errors, order_id = answers.errors_of(fact), answers.placed_id(fact, order.client_id)
        try:
            report: OrderReport | None = answers.placed_report(fact, order)
        except Malformed:
            report = None
        return PlaceAnswer(errors, order_id, report)

    async def get_order(self, ref: OrderRef) -> OrderReport | None:
        """``data: null`` is this venue's "no such order"; so are a few wordings of an error."""
        call = await self._named("get_order", "GET", "hf/orders", ref)
        fact = await self._fetch(order_question(ref), call, self._timeouts.read_s)
        with self._valid("get_order"):
            if any((error.code, error.message) in UNKNOWN_TO_QUERY for error in self._errors_of(fact)):
                return None
            content = self._checked("get_order", fact)
            return None if content is None else self._report(content)

    def _report(self, content: object) -> OrderReport:
        document = mapping(content, "order")
        return answers.report(document, self._symbol_of(text(document, "symbol")))

    async def search_order(self, ref: OrderRef) -> OrderReport | None:
        """Among the active orders, and among the ended ones since then, without naming the order."""
        instrument = await self._instrument(ref.symbol)
        market: dict[str, object] = {"symbol": instrument.native_id}
        since, name = milliseconds(self._searched_from(ref)), ref.client_id or ""
        active = await self._read("search_order", _private("GET", "hf/orders/active", market))
        with self._valid("search_order"):
            rows = [mapping(entry, "order") for entry in items(active)]
        rows += await self._ended_since(since, market, name)
        with self._valid("search_order"):
            row = one_named({text(row, "id"): row for row in rows}.values(), "clientOid", name)
            return None if row is None else self._report(row)

    async def _ended_since(
        self, since: int, market: Mapping[str, object], name: str
    ) -> tuple[Mapping[str, object], ...]:
        """The ended orders, page by page from the latest back, up to the page that has the one of this name.

        Raises VenueCallFailed when they do not come to an end: an incomplete list would prove an absence that is none.
        """
        params = {**market, "startAt": since, "limit": ORDERS_PER_PAGE}
        ended: dict[str, Mapping[str, object]] = {}
        for _ in range(ORDER_PAGES_MAX):
            content = await self._read("search_order", _private("GET", "hf/orders/done", params))
            with self._valid("search_order"):
                page = mapping(content, "orders")
                orders = [mapping(entry, "order") for entry in items(field(page, "items"))]
                known = len(ended)
                ended.update({text(row, "id"): row for row in orders})
                if len(orders) < ORDERS_PER_PAGE or one_named(ended.values(), "clientOid", name) is not None:
                    return tuple(ended.values())
                params["lastId"] = text(page, "lastId")
            if len(ended) == known:
                break
        raise VenueCallFailed(
            self.venue, "search_order", f"no end after {len(ended)} ended orders, which may hide more"
        )

    async def open_orders(self, symbol: str) -> tuple[OrderReport, ...]:
        instrument = await self._instrument(symbol)
        content = await self._read("open_orders", _private("GET", "hf/orders/active", {"symbol": instrument.native_id}))
        with self._valid("open_orders"):
            return tuple(self._report(order) for order in items(content, "orders"))

    async def my_trades(
        self, symbol: str, *, venue_order_id: str | None = None, since: float | None = None
    ) -> tuple[Fill, ...]:
        """The fills, page by page from the latest back. ``since`` bounds the search only without an order id: with one
        the venue ignores the rest.

        Raises VenueCallFailed when the end is not reached: an incomplete list would understate a fill.
        """
        instrument = await self._instrument(symbol)
        params: dict[str, object] = {"symbol": instrument.native_id, "limit": FILLS_PER_PAGE}
        if venue_order_id is not None:
            params["orderId"] = venue_order_id
        elif since is not None:
            params["startAt"] = milliseconds(since - FILL_SEARCH_MARGIN_S)
        fills: dict[tuple[str, str], Fill] = {}
        for _ in range(FILL_PAGES_MAX):
            content = await self._read("my_trades", _private("GET", "hf/fills", params))
            with self._valid("my_trades"):
                page = mapping(content, "fills")
                fresh = [answers.trade(mapping(entry, "fill"), symbol) for entry in items(field(page, "items"))]
                known = len(fills)
                fills.update({(fill.venue_order_id, fill.trade_id): fill for fill in fresh})
                if len(fresh) < FILLS_PER_PAGE:
                    return tuple(fill for fill in fills.values() if venue_order_id in (None, fill.venue_order_id))
                params["lastId"] = text(page, "lastId")
            if len(fills) == known:
                break
        problem = f"no end after {len(fills)} fills, in pages of {FILLS_PER_PAGE}; ask for a shorter time"
        raise VenueCallFailed(self.venue, "my_trades", problem)

    async def cancel_order(self, ref: OrderRef) -> CancelOutcome:
        """Synchronous: the answer tells the ended order's executed part."""
        call = await self._named("cancel_order", "DELETE", "hf/orders/sync", ref)
        fact, errors = await self._cancelled(call)
        refused = self._not_cancelled(fact, errors)
        if refused is not None:
            return refused
        with self._valid("cancel_order"):
            ended, filled = answers.cancelled(self._checked("cancel_order", fact))
            if not ended:
                raise Malformed("the order is still open")
        return self._cancelled_as(fact, plain(filled))

    async def _named(self, operation: str, method: str, folder: str, ref: OrderRef) -> Call:
        """The call that names one order in its path: by the venue's id where there is one, else by ours."""
        instrument = await self._instrument(ref.symbol)
        path, name = (
            (f"{folder}/{{orderId}}", {"orderId": ref.venue_order_id})
            if ref.venue_order_id
            else (f"{folder}/client-order/{{clientOid}}", {"clientOid": ref.client_id})
        )
        if not all(IDENTITY.fullmatch(identity(value)) for value in name.values()):
            raise VenueCallFailed(self.venue, operation, "neither id can stand in a path", not_sent=True)
        return _private(method, path, {**name, "symbol": instrument.native_id})


ADAPTER = KucoinAdapter


def _private(method: str, path: str, params: Mapping[str, object]) -> Call:
    return Call("private", method, path, params, private=True)
