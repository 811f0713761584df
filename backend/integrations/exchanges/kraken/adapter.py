"""Kraken spot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from ccxt.async_support.kraken import kraken

from backend.domain.approval import Approved
from backend.domain.books import Book
from backend.domain.errors import MissingCredentials, VenueCallFailed
from backend.domain.health import VenueMode
from backend.domain.instruments import Instrument
from backend.domain.money import plain
from backend.domain.orders import Balance, Fill, OrderRef, OrderReport, VenueOrder
from backend.domain.outcomes import Accepted, CancelOutcome, Outcome, ProvenNotExecuted, Unknown
from backend.domain.reasons import RejectReason, UnknownReason
from backend.integrations.exchanges.kraken import answers
from backend.integrations.exchanges.kraken.outcomes import CANCELS, OUTCOMES, UNKNOWN_ORDER
from backend.integrations.exchanges.kraken.rules import (
    NONCE_HOLD_S,
    ORDER_PAGES_MAX,
    RULES,
    STATUS_MODES,
    TRADE_PAGES_MAX,
    TRADE_SEARCH_MARGIN_S,
    TRADES_PER_PAGE,
)
from backend.integrations.exchanges.shared.adapter import CcxtAdapter
from backend.integrations.exchanges.shared.http_fact import HttpFact
from backend.integrations.exchanges.shared.operations import order_question
from backend.integrations.exchanges.shared.outcomes import PlaceAnswer, VenueError
from backend.integrations.exchanges.shared.parsing import Malformed, field, levels, mapping, number, text
from backend.integrations.exchanges.shared.ported import Call, PortedExchange, milliseconds
from backend.ports.transport import Transport


class PortedKraken(PortedExchange, kraken):  # type: ignore[misc]
    """ccxt's signing; its nonce counts strictly up from our clock's milliseconds."""


class KrakenAdapter(CcxtAdapter):
    """Private calls go in the order of their nonces."""

    RULES = RULES
    OUTCOMES = OUTCOMES
    CANCELS = CANCELS
    TIME = Call("public", "GET", "Time")
    STATUS = Call("public", "GET", "SystemStatus")
    NONCE_HOLD_S = NONCE_HOLD_S

    _assets: Mapping[str, str] = {}
    _pair_symbols: Mapping[str, str] = {}

    def _make_ccxt(self, transport: Transport) -> PortedExchange:
        keys = self._settings.credentials
        return PortedKraken(transport, self._clock, {"apiKey": keys.api_key, "secret": keys.secret})

    def _errors_of(self, fact: HttpFact) -> tuple[VenueError, ...]:
        return answers.errors_of(fact)

    def _content_of(self, fact: HttpFact) -> object:
        return answers.content_of(fact)

    def _server_time(self, content: object) -> float:
        return float(number(mapping(content), "unixtime"))

    def _mode(self, content: object) -> VenueMode:
        return STATUS_MODES.get(text(mapping(content), "status"), VenueMode.UNKNOWN)

    async def _load_instruments(self) -> Mapping[str, Instrument]:
        names = await self._read_as("instruments", Call("public", "GET", "Assets"), answers.asset_names)
        pairs = Call("public", "GET", "AssetPairs")
        markets = await self._read_as("instruments", pairs, lambda content: answers.markets(content, names))
        self._assets, self._pair_symbols = names, markets.symbols
        return markets.instruments

    def _book_call(self, instrument: Instrument, depth: int) -> Call:
        return Call("public", "GET", "Depth", {"pair": instrument.native_id, "count": depth})

    def _read_book(self, content: object, instrument: Instrument) -> Book:
        books = mapping(content)
        if len(books) != 1:
            raise Malformed("not exactly one book")
        book = mapping(next(iter(books.values())), "book")
        return Book(
            venue=self.venue,
            symbol=instrument.symbol,
            bids=levels(field(book, "bids"), descending=True),
            asks=levels(field(book, "asks"), descending=False),
            at=self._clock.now(),
        )

    async def balances(self) -> Mapping[str, Balance]:
        await self.warm()
        content = await self._read("balances", _private("BalanceEx"))
        with self._valid("balances"):
            return answers.balances(content, self._assets)

    # --- Orders -----------------------------------------------------------------------------------------------------

    def _place_call(self, order: VenueOrder, instrument: Instrument) -> Call:
        """The order's own deadline, or the latest that the venue takes: an earlier one is never less safe."""
        deadline = min(order.not_after, order.created_at + self.rules.deadline_max_s.value)
        params = {
            "pair": instrument.native_id,
            "type": order.side.value,
            "ordertype": "limit",
            "volume": plain(order.quantity),
            "price": plain(order.price),
            "timeinforce": order.time_in_force.value.upper(),
            "cl_ord_id": order.client_id,
            "deadline": rfc3339(deadline),
        }
        return _private("AddOrder", params)

    def _read_place(self, fact: HttpFact, _order: VenueOrder) -> PlaceAnswer:
        """The answer does not echo our id, and does not tell the order's state."""
        return PlaceAnswer(answers.errors_of(fact), answers.order_id_of(fact))

    async def _place(self, approved: Approved) -> Outcome:
        outcome = await super()._place(approved)
        if isinstance(outcome, ProvenNotExecuted) and outcome.reason is RejectReason.DEADLINE_ELAPSED:
            return await self._verified_once(approved.order, outcome)
        return outcome

    async def _verified_once(self, order: VenueOrder, refused: ProvenNotExecuted) -> Outcome:
        """A refusal that rests on the deadline alone is believed only when a look-up, too, finds no order."""
        try:
            report = await self.get_order(OrderRef(order.symbol, client_id=order.client_id))
        except (VenueCallFailed, MissingCredentials):
            return Unknown(UnknownReason.VENUE_SAYS_UNKNOWN, refused.evidence)
        if report is None:
            return refused
        found = replace(refused.evidence, message=f"{refused.evidence.message}; yet the order exists")
        return Accepted(report.venue_order_id, found, report)

    async def get_order(self, ref: OrderRef) -> OrderReport | None:
        """By txid, or by our id among the open orders and then the closed ones: no one call looks through both."""
        await self._instrument(ref.symbol)
        if ref.venue_order_id:
            return await self._by_txid(ref.venue_order_id, order_question(ref))
        for path, name in (("OpenOrders", "open"), ("ClosedOrders", "closed")):
            content = await self._read("get_order", _private(path, {"cl_ord_id": ref.client_id}))
            with self._valid("get_order"):
                found = [r for r in self._reports(field(mapping(content), name)) if r.client_id == ref.client_id]
                if len(found) > 1:
                    raise Malformed(f"{len(found)} orders of one client id")
                if found:
                    return found[0]
        return None

    async def _by_txid(self, txid: str, question: str) -> OrderReport | None:
        call = _private("QueryOrders", {"txid": txid})
        fact = await self._fetch(question, call, self._timeouts.read_s)
        with self._valid("get_order"):
            if _is_unknown_order(self._errors_of(fact)):
                return None
            orders = mapping(self._checked("get_order", fact))
            return answers.report(txid, field(orders, txid), self._pair_symbols)

    def _reports(self, orders: object) -> tuple[OrderReport, ...]:
        return tuple(answers.report(txid, raw, self._pair_symbols) for txid, raw in mapping(orders, "orders").items())

    async def search_order(self, ref: OrderRef) -> OrderReport | None:
        """Among all open orders, and among the closed ones since then, without naming the order."""
        await self._instrument(ref.symbol)
        since = int(self._searched_from(ref))
        content = await self._read("search_order", _private("OpenOrders"))
        with self._valid("search_order"):
            found = _named(_orders(field(mapping(content), "open")), ref)
        found.update(await self._closed_since(since, ref))
        with self._valid("search_order"):
            if len(found) > 1:
                raise Malformed(f"{len(found)} orders of one client id")
            return next((answers.report(txid, raw, self._pair_symbols) for txid, raw in found.items()), None)

    async def _closed_since(self, since: int, ref: OrderRef) -> dict[str, Mapping[str, object]]:
        """The order among those that have closed, page by page. Raises VenueCallFailed when the pages do not come to
        the count that the venue states: an incomplete list would prove an absence that is none."""
        seen: set[str] = set()
        for _ in range(ORDER_PAGES_MAX):
            content = await self._read("search_order", _private("ClosedOrders", {"start": since, "ofs": len(seen)}))
            with self._valid("search_order"):
                page = mapping(content)
                orders = _orders(field(page, "closed"))
                found, known, count = _named(orders, ref), len(seen), int(number(page, "count"))
            seen.update(orders)
            if found or len(seen) >= count:
                return found
            if len(seen) == known:
                break
        raise VenueCallFailed(self.venue, "search_order", "the list of closed orders is not whole")

    async def open_orders(self, symbol: str) -> tuple[OrderReport, ...]:
        await self._instrument(symbol)
        content = await self._read("open_orders", _private("OpenOrders"))
        with self._valid("open_orders"):
            reports = self._reports(field(mapping(content), "open"))
        return tuple(report for report in reports if report.symbol == symbol)

    async def my_trades(
        self, symbol: str, *, venue_order_id: str | None = None, since: float | None = None
    ) -> tuple[Fill, ...]:
        """TradesHistory, page by page: the venue has no search for one order's trades.

        Raises VenueCallFailed when the pages do not come to the count that the venue states: an incomplete list would
        understate a fill.
        """
        instrument = await self._instrument(symbol)
        params: dict[str, object] = {} if since is None else {"start": int(since - TRADE_SEARCH_MARGIN_S)}
        trades: dict[str, Mapping[str, object]] = {}
        for _ in range(TRADE_PAGES_MAX):
            content = await self._read("my_trades", _private("TradesHistory", {**params, "ofs": len(trades)}))
            with self._valid("my_trades"):
                page = mapping(content)
                fresh = mapping(field(page, "trades"), "trades")
                known = len(trades)
                trades.update({trade_id: mapping(raw, "trade") for trade_id, raw in fresh.items()})
                count = int(number(page, "count"))
            if len(trades) >= count:
                return self._fills(trades, instrument, venue_order_id)
            if len(trades) == known:
                break
        problem = f"{len(trades)} trades readable of {count}, in pages of {TRADES_PER_PAGE}; ask for a shorter time"
        raise VenueCallFailed(self.venue, "my_trades", problem)

    def _fills(
        self, trades: Mapping[str, Mapping[str, object]], instrument: Instrument, venue_order_id: str | None
    ) -> tuple[Fill, ...]:
        with self._valid("my_trades"):
            fills = tuple(
                answers.trade(trade_id, entry, self._pair_symbols, instrument.quote)
                for trade_id, entry in trades.items()
                if self._pair_symbols.get(str(entry.get("pair"))) == instrument.symbol
            )
        return tuple(fill for fill in fills if venue_order_id in (None, fill.venue_order_id))

    async def cancel_order(self, ref: OrderRef) -> CancelOutcome:
        """The answer counts cancelled orders; it does not tell how much was filled."""
        name = {"txid": ref.venue_order_id} if ref.venue_order_id else {"cl_ord_id": ref.client_id}
        fact, errors = await self._cancelled(_private("CancelOrder", name))
        refused = self._not_cancelled(fact, errors)
        if refused is not None:
            return refused
        with self._valid("cancel_order"):
            if number(mapping(self._checked("cancel_order", fact)), "count") < 1:
                raise Malformed("no order was cancelled")
        return self._cancelled_as(fact)


ADAPTER = KrakenAdapter


def _private(path: str, params: Mapping[str, object] | None = None) -> Call:
    return Call("private", "POST", path, params or {}, private=True)


def _is_unknown_order(errors: tuple[VenueError, ...]) -> bool:
    return any((error.code, error.message) == UNKNOWN_ORDER for error in errors)


def rfc3339(at: float) -> str:
    """Epoch seconds as UTC with milliseconds, cut off: a deadline is never rounded to later."""
    whole, rest = divmod(milliseconds(at), 1000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def _orders(listed: object) -> dict[str, Mapping[str, object]]:
    return {txid: mapping(raw, "order") for txid, raw in mapping(listed, "orders").items()}


def _named(orders: Mapping[str, Mapping[str, object]], ref: OrderRef) -> dict[str, Mapping[str, object]]:
    return {txid: raw for txid, raw in orders.items() if raw.get("cl_ord_id") == ref.client_id}
