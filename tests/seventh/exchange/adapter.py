"""Meridian: which endpoints there are, and how they are signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from ccxt.async_support.base.exchange import Exchange

from backend.domain.books import Book
from backend.domain.health import VenueMode
from backend.domain.instruments import Instrument
from backend.domain.money import plain
from backend.domain.orders import Balance, Fill, OrderRef, OrderReport, VenueOrder
from backend.domain.outcomes import CancelOutcome
from backend.integrations.exchanges.shared.adapter import CcxtAdapter
from backend.integrations.exchanges.shared.http_fact import HttpFact
from backend.integrations.exchanges.shared.outcomes import PlaceAnswer, VenueError
from backend.integrations.exchanges.shared.parsing import (
    field,
    items,
    levels,
    mapping,
    number,
    one_named,
    text,
)
from backend.integrations.exchanges.shared.ported import Call, PortedExchange, milliseconds
from backend.ports.transport import Transport

from . import answers
from .outcomes import CANCELS, NO_SUCH_ORDER, OUTCOMES
from .rules import RULES

MODES = {"open": VenueMode.ONLINE, "maintenance": VenueMode.MAINTENANCE}


class PortedMeridian(PortedExchange, Exchange):  # type: ignore[misc]
    """ccxt has no Meridian, so the signing is ours."""

    def sign(
        self,
        path: str,
        api: Any = "public",
        method: str = "GET",
        params: Any = None,
        headers: Any = None,
        body: Any = None,
    ) -> dict[str, Any]:
        given = params or {}
        target = f"/{path}"
        if method == "POST":
            body = json.dumps(given)
        elif given:
            target += "?" + self.urlencode(given)
        if api == ["private"]:
            at = str(self.milliseconds())
            words = at + method + target + (body or "")
            mark = hmac.new(self.secret.encode(), words.encode(), hashlib.sha256).hexdigest()
            headers = {"X-Key": self.apiKey, "X-Time": at, "X-Sign": mark, "Content-Type": "application/json"}
        return {"url": f"https://{RULES.host}{target}", "method": method, "body": body, "headers": headers}


class MeridianAdapter(CcxtAdapter):
    RULES = RULES
    OUTCOMES = OUTCOMES
    CANCELS = CANCELS
    TIME = Call("public", "GET", "v1/time")
    STATUS = Call("public", "GET", "v1/status")

    def _make_ccxt(self, transport: Transport) -> PortedExchange:
        keys = self._settings.credentials
        return PortedMeridian(transport, self._clock, {"apiKey": keys.api_key, "secret": keys.secret})

    def _errors_of(self, fact: HttpFact) -> tuple[VenueError, ...]:
        return answers.errors_of(fact)

    def _content_of(self, fact: HttpFact) -> object:
        return fact.document

    def _server_time(self, content: object) -> float:
        return float(number(mapping(content), "now_ms")) / 1000

    def _mode(self, content: object) -> VenueMode:
        return MODES.get(text(mapping(content), "state"), VenueMode.UNKNOWN)

    async def _load_instruments(self) -> Mapping[str, Instrument]:
        return await self._read_as("instruments", Call("public", "GET", "v1/markets"), answers.instruments)

    def _book_call(self, instrument: Instrument, depth: int) -> Call:
        return Call("public", "GET", "v1/book", {"market": instrument.native_id, "depth": depth})

    def _read_book(self, content: object, instrument: Instrument) -> Book:
        book = mapping(content)
        bids, asks = levels(field(book, "bids"), descending=True), levels(field(book, "asks"), descending=False)
        return Book(venue=self.venue, symbol=instrument.symbol, bids=bids, asks=asks, at=self._clock.now())

    def _place_call(self, order: VenueOrder, instrument: Instrument) -> Call:
        params = {
            "market": instrument.native_id,
            "side": order.side.value,
            "price": plain(order.price),
            "amount": plain(order.quantity),
            "tif": order.time_in_force.value,
            "client_id": order.client_id,
            "valid_until_ms": milliseconds(order.not_after),
        }
        return _private("POST", "v1/orders", params)

    def _read_place(self, fact: HttpFact, _order: VenueOrder) -> PlaceAnswer:
        return PlaceAnswer(answers.errors_of(fact), answers.order_id_of(fact))

    async def balances(self) -> Mapping[str, Balance]:
        content = await self._read("balances", _private("GET", "v1/balances"))
        with self._valid("balances"):
            return answers.balances(content)

    async def get_order(self, ref: OrderRef) -> OrderReport | None:
        call = _private("GET", "v1/order", await self._named(ref))
        fact = await self._fetch("get_order", call, self._timeouts.read_s)
        with self._valid("get_order"):
            if _unknown(self._errors_of(fact)):
                return None
            return answers.report(mapping(self._checked("get_order", fact)), self._symbols)

    async def search_order(self, ref: OrderRef) -> OrderReport | None:
        """Among the orders of the market since then, open and ended."""
        instrument = await self._instrument(ref.symbol)
        params = {"market": instrument.native_id, "since_ms": milliseconds(self._searched_from(ref))}
        content = await self._read("search_order", _private("GET", "v1/orders", params))
        with self._valid("search_order"):
            rows = [mapping(row, "order") for row in items(field(mapping(content), "orders"))]
            row = one_named(rows, "client_id", ref.client_id or "")
            return None if row is None else answers.report(row, self._symbols)

    async def open_orders(self, symbol: str) -> tuple[OrderReport, ...]:
        instrument = await self._instrument(symbol)
        content = await self._read("open_orders", _private("GET", "v1/open", {"market": instrument.native_id}))
        with self._valid("open_orders"):
            rows = items(field(mapping(content), "orders"))
            return tuple(answers.report(mapping(row, "order"), self._symbols) for row in rows)

    async def my_trades(
        self, symbol: str, *, venue_order_id: str | None = None, since: float | None = None
    ) -> tuple[Fill, ...]:
        instrument = await self._instrument(symbol)
        params = {"market": instrument.native_id, "since_ms": 0 if since is None else milliseconds(since)}
        if venue_order_id is not None:
            params["order_id"] = venue_order_id
        content = await self._read("my_trades", _private("GET", "v1/trades", params))
        with self._valid("my_trades"):
            rows = items(field(mapping(content), "trades"))
            return tuple(answers.fill(mapping(row, "trade"), self._symbols) for row in rows)

    async def cancel_order(self, ref: OrderRef) -> CancelOutcome:
        fact, errors = await self._cancelled(_private("DELETE", "v1/order", await self._named(ref)))
        refused = self._not_cancelled(fact, errors)
        if refused is not None:
            return refused
        with self._valid("cancel_order"):
            filled = number(mapping(self._checked("cancel_order", fact)), "filled")
        return self._cancelled_as(fact, plain(filled))

    async def _named(self, ref: OrderRef) -> dict[str, object]:
        instrument = await self._instrument(ref.symbol)
        name = {"id": ref.venue_order_id} if ref.venue_order_id else {"client_id": ref.client_id}
        return {"market": instrument.native_id, **name}


ADAPTER = MeridianAdapter


def _private(method: str, path: str, params: Mapping[str, object] | None = None) -> Call:
    return Call("private", method, path, params or {}, private=True)


def _unknown(errors: tuple[VenueError, ...]) -> bool:
    return any(error.code == NO_SUCH_ORDER for error in errors)
