"""OKX v5 spot."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ccxt.async_support.okx import okx

from backend.domain.books import Book
from backend.domain.errors import VenueCallFailed
from backend.domain.health import VenueMode
from backend.domain.instruments import Instrument
from backend.domain.money import plain
from backend.domain.orders import Balance, Fill, OrderRef, OrderReport, TimeInForce, VenueOrder
from backend.domain.outcomes import CancelOutcome
from backend.integrations.exchanges.okx import answers
from backend.integrations.exchanges.okx.outcomes import CANCELS, OUTCOMES, UNKNOWN_TO_QUERY
from backend.integrations.exchanges.okx.rules import (
    PAGE,
    PAGES_MAX,
    RECENT_TRADES_S,
    RULES,
    SPOT,
    STATUS_EVERY_S,
    WITHDRAWS,
)
from backend.integrations.exchanges.shared.adapter import CcxtAdapter
from backend.integrations.exchanges.shared.http_fact import HttpFact
from backend.integrations.exchanges.shared.operations import order_question
from backend.integrations.exchanges.shared.outcomes import PlaceAnswer, VenueError
from backend.integrations.exchanges.shared.parsing import (
    Malformed,
    field,
    levels,
    number,
    one_named,
    text,
)
from backend.integrations.exchanges.shared.ported import Call, PortedExchange, milliseconds
from backend.ports.transport import Transport

TIMESTAMP, EXPIRES = "OK-ACCESS-TIMESTAMP", "expTime"
"""Parameters of a Call that become these headers of its request."""

ORDER_TYPES: Mapping[TimeInForce, str] = {TimeInForce.IOC: "ioc", TimeInForce.GTC: "limit"}


class PortedOkx(PortedExchange, okx):  # type: ignore[misc]
    """ccxt's signing, with the timestamp and the deadline of each request instead of headers of the whole object."""

    def sign(
        self, path: str, api: Any = "public", method: str = "GET", params: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """A copy signs, so that two requests never share their times. expTime is not part of what is signed."""
        fields = dict(params or {})
        at, expires = fields.pop(TIMESTAMP, None), fields.pop(EXPIRES, None)
        signer: Any = copy.copy(self)
        signer.nonce = (lambda: at) if at is not None else self.nonce
        signed: dict[str, Any] = super(PortedOkx, signer).sign(path, api, method, fields)
        if expires is not None:
            signed["headers"][EXPIRES] = str(expires)
        return signed


class OkxAdapter(CcxtAdapter):
    """Orders go to the endpoint of one order; ccxt's default wraps each into a batch."""

    RULES = RULES
    OUTCOMES = OUTCOMES
    CANCELS = CANCELS
    TIME = Call("public", "GET", "public/time")
    STATUS = Call("public", "GET", "system/status")
    KEY_INFO = Call("private", "GET", "account/config", private=True)

    _told_mode: tuple[float, VenueMode] | None = None

    def _make_ccxt(self, transport: Transport) -> PortedExchange:
        keys = self._settings.credentials
        config = {"apiKey": keys.api_key, "secret": keys.secret, "password": keys.value("passphrase")}
        return PortedOkx(transport, self._clock, config)

    def _errors_of(self, fact: HttpFact) -> tuple[VenueError, ...]:
        return answers.errors_of(fact)

    def _content_of(self, fact: HttpFact) -> object:
        return answers.content_of(fact)

    def _server_time(self, content: object) -> float:
        return float(number(answers.only(content), "ts")) / 1000

    def _mode(self, content: object) -> VenueMode:
        return answers.mode(content)

    async def _asked_mode(self) -> VenueMode:
        """Asked no more often than the venue takes it; in between what it last told."""
        now = self._clock.monotonic()
        if self._told_mode is None or now - self._told_mode[0] >= STATUS_EVERY_S:
            self._told_mode = (now, await super()._asked_mode())
        return self._told_mode[1]

    def _may_withdraw(self, content: object) -> bool:
        return WITHDRAWS in text(answers.only(content), "perm").split(",")

    async def _load_instruments(self) -> Mapping[str, Instrument]:
        call = Call("public", "GET", "public/instruments", {"instType": SPOT})
        return await self._read_as("instruments", call, answers.instruments)

    def _book_call(self, instrument: Instrument, depth: int) -> Call:
        return Call("public", "GET", "market/books", {"instId": instrument.native_id, "sz": depth})

    def _read_book(self, content: object, instrument: Instrument) -> Book:
        book = answers.only(content)
        return Book(
            venue=self.venue,
            symbol=instrument.symbol,
            bids=levels(field(book, "bids"), descending=True),
            asks=levels(field(book, "asks"), descending=False),
            at=self._clock.now(),
        )

    async def balances(self) -> Mapping[str, Balance]:
        content = await self._read("balances", _private("GET", "account/balance"))
        with self._valid("balances"):
            return answers.balances(content)

    # --- Orders -----------------------------------------------------------------------------------------------------

    def _place_call(self, order: VenueOrder, instrument: Instrument) -> Call:
        """The order's own deadline as expTime; the frozen timestamp bounds its arrival a second time."""
        deadline = min(order.not_after, order.created_at + self.rules.deadline_max_s.value)
        params = {
            TIMESTAMP: milliseconds(order.created_at),
            EXPIRES: milliseconds(deadline),
            "instId": instrument.native_id,
            "tdMode": "cash",
            "side": order.side.value,
            "ordType": ORDER_TYPES[order.time_in_force],
            "sz": plain(order.quantity),
            "px": plain(order.price),
            "clOrdId": order.client_id,
        }
        return _private("POST", "trade/order", params)

    def _read_place(self, fact: HttpFact, order: VenueOrder) -> PlaceAnswer:
        """Accepted only with an order id and our own id echoed. An IOC may end at once: a query tells."""
        return PlaceAnswer(answers.errors_of(fact), answers.placed_id(fact, order.client_id))

    async def get_order(self, ref: OrderRef) -> OrderReport | None:
        name = await self._named(ref)
        fact = await self._fetch(order_question(ref), _private("GET", "trade/order", name), self._timeouts.read_s)
        with self._valid("get_order"):
            if any(error.code in UNKNOWN_TO_QUERY for error in self._errors_of(fact)):
                return None
            row = answers.only(self._checked("get_order", fact))
            if any(row.get(key) != value for key, value in name.items()):
                raise Malformed("an order of another id")
            return answers.report(row, self._symbol_of(text(row, "instId")))

    async def search_order(self, ref: OrderRef) -> OrderReport | None:
        """Among the pending orders, and among the ended ones since then, without naming the order."""
        instrument = await self._instrument(ref.symbol)
        market = {"instId": instrument.native_id}
        since = {"begin": milliseconds(self._searched_from(ref))}
        rows = [
            *await self._listed("search_order", "trade/orders-pending", market, "ordId"),
            *await self._listed("search_order", "trade/orders-history", {**market, **since}, "ordId"),
        ]
        with self._valid("search_order"):
            row = one_named({text(row, "ordId"): row for row in rows}.values(), "clOrdId", ref.client_id or "")
            return None if row is None else answers.report(row, self._symbol_of(text(row, "instId")))

    async def open_orders(self, symbol: str) -> tuple[OrderReport, ...]:
        instrument = await self._instrument(symbol)
        rows = await self._listed("open_orders", "trade/orders-pending", {"instId": instrument.native_id}, "ordId")
        with self._valid("open_orders"):
            return tuple(answers.report(row, symbol) for row in rows if _is_of(row, instrument))

    async def my_trades(
        self, symbol: str, *, venue_order_id: str | None = None, since: float | None = None
    ) -> tuple[Fill, ...]:
        """``since`` chooses the list; it bounds the search only without an order id."""
        instrument = await self._instrument(symbol)
        params: dict[str, object] = {"instId": instrument.native_id}
        if venue_order_id is not None:
            params["ordId"] = venue_order_id
        elif since is not None:
            params["begin"] = milliseconds(since)
        recent = since is not None and self._clock.now() - since < RECENT_TRADES_S
        path = "trade/fills" if recent else "trade/fills-history"
        rows = await self._listed("my_trades", path, params, "billId")
        with self._valid("my_trades"):
            fills = tuple(answers.trade(row, symbol) for row in rows if _is_of(row, instrument))
        return tuple(fill for fill in fills if venue_order_id in (None, fill.venue_order_id))

    async def _listed(
        self, operation: str, path: str, params: Mapping[str, object], key: str
    ) -> tuple[Mapping[str, object], ...]:
        """Every page of a list, from the newest entry back; a page that is not full is the last.

        Raises VenueCallFailed when it does not come to an end: an incomplete list would hide an order or a fill.
        """
        listed: dict[str, Mapping[str, object]] = {}
        before: dict[str, object] = {}
        for _ in range(PAGES_MAX):
            fields = {"instType": SPOT, **params, "limit": PAGE, **before}
            content = await self._read(operation, _private("GET", path, fields))
            with self._valid(operation):
                page = answers.rows(content)
                known = len(listed)
                listed.update({text(row, key): row for row in page})
            if len(page) < PAGE:
                return tuple(listed.values())
            if len(listed) == known:
                break
            before = {"after": text(page[-1], key)}
        raise VenueCallFailed(self.venue, operation, f"more entries than the {len(listed)} that were readable")

    async def cancel_order(self, ref: OrderRef) -> CancelOutcome:
        """Done says that the cancel was accepted, not how much was filled before it."""
        fact, errors = await self._cancelled(_private("POST", "trade/cancel-order", await self._named(ref)))
        refused = self._not_cancelled(fact, errors)
        if refused is not None:
            return refused
        with self._valid("cancel_order"):
            text(answers.only(self._checked("cancel_order", fact)), "ordId")
        return self._cancelled_as(fact)

    async def _named(self, ref: OrderRef) -> dict[str, object]:
        """One name only: with both, the venue's answer may be about either."""
        instrument = await self._instrument(ref.symbol)
        name = {"ordId": ref.venue_order_id} if ref.venue_order_id else {"clOrdId": ref.client_id}
        return {"instId": instrument.native_id, **name}


ADAPTER = OkxAdapter


def _is_of(row: Mapping[str, object], instrument: Instrument) -> bool:
    return text(row, "instId") == instrument.native_id


def _private(method: str, path: str, params: Mapping[str, object] | None = None) -> Call:
    return Call("private", method, path, params or {}, private=True)
