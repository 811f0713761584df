"""Bybit v5 spot."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ccxt.async_support.bybit import bybit

from backend.domain.books import Book
from backend.domain.errors import VenueCallFailed
from backend.domain.health import VenueMode
from backend.domain.instruments import Instrument
from backend.domain.money import plain
from backend.domain.orders import Balance, Fill, OrderRef, OrderReport, VenueOrder
from backend.domain.outcomes import CancelOutcome
from backend.integrations.exchanges.bybit import answers
from backend.integrations.exchanges.bybit.outcomes import CANCELS, OUTCOMES
from backend.integrations.exchanges.bybit.rules import (
    CATEGORY,
    ORDERS_PER_PAGE,
    PAGES_MAX,
    READ_WINDOW_MS,
    RULES,
    TRADE,
    TRADE_SEARCH_S,
    TRADES_PER_PAGE,
    WITHDRAWS,
)
from backend.integrations.exchanges.shared.adapter import CcxtAdapter
from backend.integrations.exchanges.shared.http_fact import HttpFact
from backend.integrations.exchanges.shared.operations import order_question
from backend.integrations.exchanges.shared.outcomes import PlaceAnswer, VenueError
from backend.integrations.exchanges.shared.parsing import Malformed, field, items, levels, mapping, number, text
from backend.integrations.exchanges.shared.ported import Call, PortedExchange, milliseconds
from backend.ports.transport import Transport

TIMESTAMP, WINDOW = "X-BAPI-TIMESTAMP", "X-BAPI-RECV-WINDOW"
"""Parameters of a Call that become these headers of its request."""

SPOT: Mapping[str, object] = {"category": CATEGORY}


class PortedBybit(PortedExchange, bybit):  # type: ignore[misc]
    """ccxt's signing, with the timestamp and the window of each request instead of those of the whole object."""

    def sign(
        self, path: str, api: Any = "public", method: str = "GET", params: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """A copy signs, so that two requests never share their times. ccxt's broker tag is left out."""
        fields = dict(params or {})
        at, window = fields.pop(TIMESTAMP, None), fields.pop(WINDOW, READ_WINDOW_MS)
        signer: Any = copy.copy(self)
        signer.options = {**self.options, "recvWindow": window}
        signer.nonce = (lambda: at) if at is not None else self.nonce
        signed: dict[str, Any] = super(PortedBybit, signer).sign(path, api, method, fields)
        if signed["headers"]:
            signed["headers"].pop("Referer", None)
        return signed


class BybitAdapter(CcxtAdapter):
    """A place is only acknowledged: whether the order lives is told by a query, which the router makes."""

    RULES = RULES
    OUTCOMES = OUTCOMES
    CANCELS = CANCELS
    TIME = Call("public", "GET", "v5/market/time")
    STATUS = Call("public", "GET", "v5/system/status")
    KEY_INFO = Call("private", "GET", "v5/user/query-api", private=True)

    def _make_ccxt(self, transport: Transport) -> PortedExchange:
        keys = self._settings.credentials
        return PortedBybit(transport, self._clock, {"apiKey": keys.api_key, "secret": keys.secret})

    def _errors_of(self, fact: HttpFact) -> tuple[VenueError, ...]:
        return answers.errors_of(fact)

    def _content_of(self, fact: HttpFact) -> object:
        return answers.content_of(fact)

    def _server_time(self, content: object) -> float:
        return float(number(mapping(content), "timeNano") / 1_000_000_000)

    def _mode(self, content: object) -> VenueMode:
        return answers.mode(content)

    def _may_withdraw(self, content: object) -> bool:
        permissions = mapping(field(mapping(content), "permissions"), "permissions")
        return WITHDRAWS in items(permissions.get("Wallet", []), "permissions of the wallet")

    async def _load_instruments(self) -> Mapping[str, Instrument]:
        call = Call("public", "GET", "v5/market/instruments-info", SPOT)
        return await self._read_as("instruments", call, answers.instruments)

    def _book_call(self, instrument: Instrument, depth: int) -> Call:
        return Call("public", "GET", "v5/market/orderbook", {**_market(instrument), "limit": depth})

    def _read_book(self, content: object, instrument: Instrument) -> Book:
        book = mapping(content)
        if text(book, "s") != instrument.native_id:
            raise Malformed("the book of another market")
        return Book(
            venue=self.venue,
            symbol=instrument.symbol,
            bids=levels(field(book, "b"), descending=True),
            asks=levels(field(book, "a"), descending=False),
            at=self._clock.now(),
        )

    async def balances(self) -> Mapping[str, Balance]:
        content = await self._read("balances", _private("GET", "v5/account/wallet-balance", {"accountType": "UNIFIED"}))
        with self._valid("balances"):
            return answers.balances(content)

    # --- Orders -----------------------------------------------------------------------------------------------------

    def _place_call(self, order: VenueOrder, instrument: Instrument) -> Call:
        """timestamp + recv_window is the order's own deadline, in whole milliseconds and never later."""
        timestamp = milliseconds(order.created_at)
        window = milliseconds(order.not_after) - timestamp
        params = {
            TIMESTAMP: timestamp,
            WINDOW: min(max(window, 1), milliseconds(self.rules.deadline_max_s.value)),
            **_market(instrument),
            "side": order.side.value.capitalize(),
            "orderType": "Limit",
            "timeInForce": order.time_in_force.value.upper(),
            "qty": plain(order.quantity),
            "price": plain(order.price),
            "orderLinkId": order.client_id,
        }
        return _private("POST", "v5/order/create", params)

    def _read_place(self, fact: HttpFact, order: VenueOrder) -> PlaceAnswer:
        """An acknowledgement that echoes our id. It does not tell the order's state, so there is no report."""
        return PlaceAnswer(answers.errors_of(fact), answers.acknowledged_id(fact, order.client_id))

    async def get_order(self, ref: OrderRef) -> OrderReport | None:
        """From the open and latest orders, then from the history: no one call looks through both.

        A rejection found in the first list is believed only when the second shows no other order of that id.
        """
        instrument = await self._instrument(ref.symbol)
        name = _name_of(ref)
        found: dict[str, Mapping[str, object]] = {}
        for path in ("v5/order/realtime", "v5/order/history"):
            content = await self._read(order_question(ref), _private("GET", path, {**_market(instrument), **name}))
            with self._valid("get_order"):
                rows = answers.rows(content)
                if any(row.get(key) != value for row in rows for key, value in name.items()):
                    raise Malformed("an order of another id")
                found.update({text(row, "orderId"): row for row in rows})
                if not all(answers.is_refused(row) for row in rows):
                    break
        with self._valid("get_order"):
            order = answers.the_order(list(found.values()))
            return None if order is None else answers.report(order, self._symbol_of(text(order, "symbol")))

    async def search_order(self, ref: OrderRef) -> OrderReport | None:
        """Among the open orders, and among the ended ones since then, without naming the order."""
        instrument = await self._instrument(ref.symbol)
        params = {**_market(instrument), "limit": ORDERS_PER_PAGE}
        since = {"startTime": milliseconds(self._searched_from(ref))}
        rows = [
            *await self._listed("search_order", "v5/order/realtime", params, "orderId"),
            *await self._listed("search_order", "v5/order/history", {**params, **since}, "orderId"),
        ]
        with self._valid("search_order"):
            named = {text(row, "orderId"): row for row in rows if row.get("orderLinkId") == ref.client_id}
            order = answers.the_order(list(named.values()))
            return None if order is None else answers.report(order, self._symbol_of(text(order, "symbol")))

    async def open_orders(self, symbol: str) -> tuple[OrderReport, ...]:
        instrument = await self._instrument(symbol)
        params = {**_market(instrument), "limit": ORDERS_PER_PAGE}
        rows = await self._listed("open_orders", "v5/order/realtime", params, "orderId")
        with self._valid("open_orders"):
            reports = tuple(answers.report(row, symbol) for row in rows if _is_of(row, instrument))
        return tuple(report for report in reports if not report.status.terminal)

    async def my_trades(
        self, symbol: str, *, venue_order_id: str | None = None, since: float | None = None
    ) -> tuple[Fill, ...]:
        """``since`` bounds the search only without an order id, beside which the venue ignores all else."""
        instrument = await self._instrument(symbol)
        params: dict[str, object] = {**_market(instrument), "limit": TRADES_PER_PAGE}
        if venue_order_id is not None:
            params["orderId"] = venue_order_id
        elif since is not None:
            if self._clock.now() - since > TRADE_SEARCH_S:
                raise VenueCallFailed(self.venue, "my_trades", "the venue looks through seven days at a time")
            params["startTime"] = milliseconds(since)
        rows = await self._listed("my_trades", "v5/execution/list", params, "execId")
        with self._valid("my_trades"):
            trades = (row for row in rows if row.get("execType", TRADE) == TRADE and _is_of(row, instrument))
            fills = tuple(answers.trade(row, symbol) for row in trades)
        return tuple(fill for fill in fills if venue_order_id in (None, fill.venue_order_id))

    async def _listed(
        self, operation: str, path: str, params: Mapping[str, object], key: str
    ) -> tuple[Mapping[str, object], ...]:
        """Every page of a list. The end is a page without a cursor, or an empty one.

        Raises VenueCallFailed when it does not come to an end: an incomplete list would hide an order or a fill.
        """
        listed: dict[str, Mapping[str, object]] = {}
        cursor: dict[str, object] = {}
        for _ in range(PAGES_MAX):
            content = await self._read(operation, _private("GET", path, {**params, **cursor}))
            with self._valid(operation):
                page = answers.rows(content)
                known = len(listed)
                listed.update({text(row, key): row for row in page})
                following = answers.next_page(content)
            if not page or not following:
                return tuple(listed.values())
            if len(listed) == known:
                break
            cursor = {"cursor": following}
        raise VenueCallFailed(self.venue, operation, f"more entries than the {len(listed)} that were readable")

    async def cancel_order(self, ref: OrderRef) -> CancelOutcome:
        """Done says that the cancel was accepted, not how much was filled before it."""
        params = {**_market(await self._instrument(ref.symbol)), **_name_of(ref)}
        fact, errors = await self._cancelled(_private("POST", "v5/order/cancel", params))
        refused = self._not_cancelled(fact, errors)
        if refused is not None:
            return refused
        with self._valid("cancel_order"):
            text(mapping(self._checked("cancel_order", fact)), "orderId")
        return self._cancelled_as(fact)


ADAPTER = BybitAdapter


def _private(method: str, path: str, params: Mapping[str, object]) -> Call:
    return Call("private", method, path, params, private=True)


def _market(instrument: Instrument) -> dict[str, object]:
    """The category is part of the name: the same symbol is a perpetual elsewhere."""
    return {**SPOT, "symbol": instrument.native_id}


def _is_of(row: Mapping[str, object], instrument: Instrument) -> bool:
    return text(row, "symbol") == instrument.native_id


def _name_of(ref: OrderRef) -> dict[str, object]:
    """One name only: with both, the venue's answer may be about either."""
    return {"orderId": ref.venue_order_id} if ref.venue_order_id else {"orderLinkId": ref.client_id}
