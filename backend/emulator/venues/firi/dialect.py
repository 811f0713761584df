"""Firi's REST protocol: paths with ids and market names in them, JSON bodies, no client ids and no deadlines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backend.emulator.dialect import Call, Cancellation, Keys, Mode, Refused, Served, Submission
from backend.emulator.market import Market
from backend.emulator.matching import Engine
from backend.emulator.orders import Order, Reason
from backend.emulator.venues.firi import auth, entry, render
from backend.emulator.venues.firi.errors import ERRORS
from backend.emulator.venues.firi.facts import MARKETS
from backend.emulator.wire import Answer, Endpoint, Request, form, json_answer

OK = 200
CREATED = 201
NO_CONTENT = 204
COUNT_DEFAULT = 100
COUNT_MAX = 500

# The shapes of the paths: {m} is a market, {id} an order. The first shape that fits counts.
ROUTES: Mapping[tuple[str, str], Endpoint] = {
    ("GET", "/time"): Endpoint.TIME,
    ("GET", "/v2/markets"): Endpoint.MARKETS,
    ("GET", "/v2/markets/tickers"): Endpoint.DEPTH,
    ("GET", "/v2/markets/{m}"): Endpoint.MARKETS,
    ("GET", "/v2/markets/{m}/ticker"): Endpoint.DEPTH,
    ("GET", "/v2/markets/{m}/depth"): Endpoint.DEPTH,
    ("GET", "/v2/markets/{m}/history"): Endpoint.DEPTH,
    ("POST", "/v2/orders"): Endpoint.PLACE,
    ("GET", "/v2/orders"): Endpoint.OPEN,
    ("GET", "/v2/orders/history"): Endpoint.QUERY,
    ("GET", "/v2/orders/{m}"): Endpoint.OPEN,
    ("GET", "/v2/orders/{m}/history"): Endpoint.QUERY,
    ("GET", "/v2/order/{id}"): Endpoint.QUERY,
    ("DELETE", "/v2/orders/{id}/detailed"): Endpoint.CANCEL,
    ("DELETE", "/v2/orders/{id}/{m}/detailed"): Endpoint.CANCEL,
    ("DELETE", "/v2/orders/{m}"): Endpoint.CANCEL,
    ("DELETE", "/v2/orders"): Endpoint.CANCEL,
    ("GET", "/v2/history/orders"): Endpoint.TRADES,
    ("GET", "/v2/history/orders/{m}"): Endpoint.TRADES,
    ("GET", "/v2/balances"): Endpoint.BALANCES,
}
PUBLIC = frozenset({Endpoint.TIME, Endpoint.MARKETS, Endpoint.DEPTH})


class FiriDialect:
    """One instance per emulated venue. The documents have no status call, so there are no modes."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self._engine = engine
        self._keys = keys
        self._markets = {market.native: market for market in MARKETS}
        self._handlers: dict[tuple[str, str], Callable[[Call], Served]] = {
            ("GET", "/time"): lambda call: json_answer(OK, {"time": int(call.now)}),
            ("GET", "/v2/markets"): self._all_markets,
            ("GET", "/v2/markets/tickers"): self._tickers,
            ("GET", "/v2/markets/{m}"): self._one_market,
            ("GET", "/v2/markets/{m}/ticker"): self._ticker,
            ("GET", "/v2/markets/{m}/depth"): self._depth,
            ("GET", "/v2/markets/{m}/history"): self._public_trades,
            ("GET", "/v2/orders"): self._open,
            ("GET", "/v2/orders/history"): self._past,
            ("GET", "/v2/orders/{m}"): self._open_of_market,
            ("GET", "/v2/orders/{m}/history"): self._past,
            ("GET", "/v2/order/{id}"): self._query,
            ("DELETE", "/v2/orders/{id}/detailed"): self._cancel,
            ("DELETE", "/v2/orders/{id}/{m}/detailed"): self._cancel,
            ("DELETE", "/v2/orders/{m}"): self._cancel_many,
            ("DELETE", "/v2/orders"): self._cancel_many,
            ("GET", "/v2/history/orders"): self._matches,
            ("GET", "/v2/history/orders/{m}"): self._matches,
            ("GET", "/v2/balances"): self._balances,
        }

    def route(self, request: Request) -> Endpoint | None:
        """What the request is for."""
        shape = _shape(request)
        return ROUTES[shape[0]] if shape else None

    def serve(self, request: Request, now: float, mode: Mode | None) -> Served:
        """Check the key or the signature of private calls, then answer."""
        shape = _shape(request)
        if shape is None:
            return self.unknown(request, now)
        route, names = shape
        query, body = form(request.query), entry.read_body(request)
        if ROUTES[route] not in PUBLIC:
            auth.check(request, query, body, self._keys, now)
        if ROUTES[route] is Endpoint.PLACE:
            return self._place(body, now)
        return self._handlers[route](Call(request, {**query, **names}, now, mode))

    def unknown(self, request: Request, now: float) -> Answer:  # noqa: ARG002 - the same for all
        """An error in the usual shape (unverified)."""
        return ERRORS["NotFound"].answer(now)

    def _place(self, body: Mapping[str, object], now: float) -> Submission:
        """The validity of a signature is checked on arrival only: nothing is documented that looks at it again."""
        order = entry.read(body, self._markets, now)

        def accepted(order: Order, now: float) -> Answer:  # noqa: ARG001 - the answer is the id and nothing else
            return json_answer(CREATED, {"id": int(order.id)})

        def refused(reason: Reason, now: float) -> Answer:
            return ERRORS["InsufficientFunds" if reason is Reason.FUNDS else "BadRequest"].answer(now)

        return Submission(order, None, ERRORS["Expired Signature"].answer, accepted, refused)

    def _query(self, call: Call) -> Answer:
        """A list with one order, as the documents show it."""
        found = self._finder(call)(call.now)
        if not found:
            raise Refused(ERRORS["OrderNotFound"].answer(call.now))
        return json_answer(OK, [render.order(order) for order in found])

    def _cancel(self, call: Call) -> Cancellation:
        def answer(orders: Sequence[Order], now: float) -> Answer:
            if not orders:
                return ERRORS["OrderNotFound"].answer(now)  # for an order that has ended this is unverified
            return json_answer(OK, {"matched": render.amount(orders[0].filled)})

        return Cancellation(self._finder(call), answer)

    def _cancel_many(self, call: Call) -> Cancellation:
        symbol = self._symbol(call)
        return Cancellation(
            lambda now: self._engine.open_orders(now, symbol), lambda _orders, _now: Answer(NO_CONTENT, b"")
        )

    def _finder(self, call: Call) -> Callable[[float], list[Order]]:
        """By id and, where the path names one, in one market."""
        symbol, order_id = self._symbol(call), call.get("{id}")

        def find(now: float) -> list[Order]:
            order = self._engine.find(now, order_id=order_id, symbol=symbol)
            return [] if order is None else [order]

        return find

    def _open(self, call: Call) -> Answer:
        return json_answer(OK, [render.order(order) for order in self._engine.open_orders(call.now)])

    def _open_of_market(self, call: Call) -> Answer:
        """The documents give 201 for this one."""
        orders = self._engine.open_orders(call.now, self._symbol(call))
        return json_answer(CREATED, [render.order(order) for order in orders[: _count(call)]])

    def _past(self, call: Call) -> Answer:
        """Newest first."""
        orders = list(reversed(self._engine.closed_orders(call.now, self._symbol(call))))
        return json_answer(OK, [render.order(order) for order in orders[: _count(call)]])

    def _matches(self, call: Call) -> Answer:
        """Newest first. Cancelled orders have no rows here: how the venue shows them is not known."""
        pairs = reversed(self._engine.trades(call.now, self._symbol(call)))
        wanted = call.get("type") in {"", "both", "matched"}
        rows = [render.match(order, trade) for order, trade in pairs if wanted]
        return json_answer(OK, rows[: _count(call)])

    def _balances(self, _call: Call) -> Answer:
        balances = self._engine.account.balances()
        return json_answer(OK, [render.balance(asset, b.free, b.held) for asset, b in balances.items()])

    def _all_markets(self, call: Call) -> Answer:
        return json_answer(OK, [render.market(m, self._engine.book(m.symbol, call.now)) for m in MARKETS])

    def _one_market(self, call: Call) -> Answer:
        market = self._market(call)
        return json_answer(OK, render.market(market, self._engine.book(market.symbol, call.now)))

    def _tickers(self, call: Call) -> Answer:
        rows = [{"market": m.native, **render.ticker(self._engine.book(m.symbol, call.now))} for m in MARKETS]
        return json_answer(OK, rows)

    def _ticker(self, call: Call) -> Answer:
        return json_answer(OK, render.ticker(self._engine.book(self._market(call).symbol, call.now)))

    def _depth(self, call: Call) -> Answer:
        book = self._engine.book(self._market(call).symbol, call.now)
        bids = render.levels(book.bids, _count(call, "bids"))
        return json_answer(OK, {"bids": bids, "asks": render.levels(book.asks, _count(call, "asks"))})

    def _public_trades(self, call: Call) -> Answer:
        """The external market has no trades here."""
        self._market(call)
        return json_answer(OK, [])

    def _market(self, call: Call) -> Market:
        market = self._markets.get(call.get("{m}"))
        if market is None:
            raise Refused(ERRORS["MarketNotFound"].answer(call.now))
        return market

    def _symbol(self, call: Call) -> str | None:
        """The market in the path, where the path has one."""
        return self._market(call).symbol if call.get("{m}") else None


def _shape(request: Request) -> tuple[tuple[str, str], dict[str, str]] | None:
    """The route that a path fits, and what stands in its places."""
    parts = request.path.split("/")
    for method, path in ROUTES:
        pattern = path.split("/")
        if method != request.method or len(pattern) != len(parts):
            continue
        if all(_fits(want, part) for want, part in zip(pattern, parts, strict=True)):
            pairs = zip(pattern, parts, strict=True)
            return (method, path), {want: part for want, part in pairs if want.startswith("{")}
    return None


def _fits(want: str, part: str) -> bool:
    if want == "{id}":
        return part.isascii() and part.isdigit() and len(part) <= 18
    return part.isalnum() and not part.isdigit() if want == "{m}" else want == part


def _count(call: Call, name: str = "count") -> int:
    text = call.get(name)
    return max(0, min(int(text), COUNT_MAX)) if text.isascii() and text.isdigit() and len(text) < 8 else COUNT_DEFAULT
