"""OKX's v5 REST protocol for spot, and the calls outside of it that a client makes to load markets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from backend.emulator.dialect import Call, Keys, Mode, Refused, Submission
from backend.emulator.market import Market
from backend.emulator.matching import Engine
from backend.emulator.orders import Order, Reason, Status
from backend.emulator.venues.okx import auth, entry, render
from backend.emulator.venues.okx.errors import BY_REASON, ERRORS
from backend.emulator.venues.okx.facts import MARKETS
from backend.emulator.wire import Answer, Endpoint, Request, form

LIST_MAX = 100
DEPTH_DEFAULT, DEPTH_MAX = 1, 400

# For each call the endpoint it counts as, and whether it must be signed.
ROUTES: Mapping[tuple[str, str], tuple[Endpoint, bool]] = {
    ("GET", "/api/v5/public/time"): (Endpoint.TIME, False),
    ("GET", "/api/v5/system/status"): (Endpoint.STATUS, False),
    ("GET", "/api/v5/public/instruments"): (Endpoint.MARKETS, False),
    ("GET", "/api/v5/asset/currencies"): (Endpoint.MARKETS, True),
    ("GET", "/api/v5/account/config"): (Endpoint.KEYS, True),
    ("GET", "/api/v5/market/books"): (Endpoint.DEPTH, False),
    ("GET", "/api/v5/market/ticker"): (Endpoint.DEPTH, False),
    ("GET", "/api/v5/market/tickers"): (Endpoint.DEPTH, False),
    ("POST", "/api/v5/trade/order"): (Endpoint.PLACE, True),
    ("POST", "/api/v5/trade/batch-orders"): (Endpoint.PLACE, True),
    ("POST", "/api/v5/trade/cancel-order"): (Endpoint.CANCEL, True),
    ("POST", "/api/v5/trade/cancel-batch-orders"): (Endpoint.CANCEL, True),
    ("GET", "/api/v5/trade/order"): (Endpoint.QUERY, True),
    ("GET", "/api/v5/trade/orders-pending"): (Endpoint.OPEN, True),
    ("GET", "/api/v5/trade/orders-history"): (Endpoint.QUERY, True),
    ("GET", "/api/v5/trade/orders-history-archive"): (Endpoint.QUERY, True),
    ("GET", "/api/v5/trade/fills"): (Endpoint.TRADES, True),
    ("GET", "/api/v5/trade/fills-history"): (Endpoint.TRADES, True),
    ("GET", "/api/v5/account/balance"): (Endpoint.BALANCES, True),
}

Handler = Callable[[Call], Answer | Submission]


class OkxDialect:
    """One instance per emulated venue. Queries carry their parameters in the query string, orders in a JSON body."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self._engine = engine
        self._keys = keys
        self._markets = {market.native: market for market in MARKETS}
        self._handlers: dict[str, Handler] = {
            "/api/v5/public/time": lambda call: render.result([{"ts": render.millis(call.now)}]),
            "/api/v5/system/status": lambda call: render.result(render.events(call.mode, call.now)),
            "/api/v5/public/instruments": self._instruments,
            "/api/v5/asset/currencies": self._currencies,
            "/api/v5/account/config": lambda _call: render.result([render.config(self._keys)]),
            "/api/v5/market/books": self._depth,
            "/api/v5/market/ticker": self._tickers,
            "/api/v5/market/tickers": self._tickers,
            "/api/v5/trade/batch-orders": self._place,
            "/api/v5/trade/cancel-order": self._cancel,
            "/api/v5/trade/cancel-batch-orders": self._cancel,
            "/api/v5/trade/orders-pending": self._pending,
            "/api/v5/trade/orders-history": self._history,
            "/api/v5/trade/orders-history-archive": self._history,
            "/api/v5/trade/fills": self._fills,
            "/api/v5/trade/fills-history": self._fills,
            "/api/v5/account/balance": self._balance,
        }

    def route(self, request: Request) -> Endpoint | None:
        """What the request is for."""
        known = ROUTES.get((request.method, request.path))
        return known[0] if known else None

    def serve(self, request: Request, now: float, mode: Mode | None) -> Answer | Submission:
        """Check headers and signature where they are asked for, then answer."""
        endpoint, signed = ROUTES[request.method, request.path]
        if signed:
            auth.check(request, self._keys, now)
        body = entry.read_body(request)
        if body is None:
            raise Refused(ERRORS["50002"].answer(now))
        call = Call(request, {**form(request.query), **body}, now, mode)
        if endpoint is Endpoint.PLACE:
            return self._place(call)
        return self._handlers.get(request.path, self._query)(call)

    def unknown(self, request: Request, now: float) -> Answer:  # noqa: ARG002 - the same for all
        """An error in the usual shape (unverified)."""
        return ERRORS["404"].answer(now)

    def _place(self, call: Call) -> Submission:
        market = self._market(call, "51001")
        if call.mode is Mode.MAINTENANCE:
            raise entry.refused("50001", call)
        order = entry.read(call, market)
        if call.mode is not None and not order.post_only:
            raise entry.refused("51022", call)  # which code is used before the opening is unverified

        def accepted(order: Order, now: float) -> Answer:
            return render.placed(order, now)

        def refused(reason: Reason, now: float) -> Answer:
            return ERRORS[BY_REASON.get(reason, "51000")].answer(now)

        return Submission(order, entry.deadline(call), ERRORS["50037"].answer, accepted, refused)

    def _cancel(self, call: Call) -> Answer:
        if call.mode is Mode.MAINTENANCE:
            raise entry.refused("50001", call)
        order = self._find(call)
        if order is None or order.status is not Status.OPEN:
            raise entry.refused("51400", call)
        self._engine.cancel(order, call.now)
        return render.placed(order, call.now)

    def _query(self, call: Call) -> Answer:
        """Of several orders with one clOrdId the latest."""
        order = self._find(call)
        if order is None:
            raise entry.refused("51603", call)
        return render.result([render.order(order)])

    def _find(self, call: Call) -> Order | None:
        """By ordId or, without one, by clOrdId, in one instrument."""
        symbol = self._market(call, "51001").symbol
        if call.get("ordId"):
            return self._engine.find(call.now, order_id=call.get("ordId"), symbol=symbol)
        if not call.get("clOrdId"):
            raise entry.refused("50015", call)
        return self._engine.find(call.now, client_id=call.get("clOrdId"), symbol=symbol)

    def _pending(self, call: Call) -> Answer:
        return _orders(call, self._engine.open_orders(call.now, self._symbol(call)))

    def _history(self, call: Call) -> Answer:
        return _orders(call, self._engine.closed_orders(call.now, self._symbol(call)))

    def _fills(self, call: Call) -> Answer:
        """Newest first, continued after a billId."""
        pairs = self._engine.trades(call.now, self._symbol(call), order_id=call.get("ordId") or None)
        rows = [
            (render.bill_id(order, trade), render.fill(order, trade))
            for order, trade in pairs
            if _in_range(call, int(render.millis(trade.at)))
        ]
        return _page(call, rows)

    def _balance(self, call: Call) -> Answer:
        wanted = call.get("ccy").split(",") if call.get("ccy") else None
        details = [
            render.balance(asset, balance.free, balance.held, call.now)
            for asset, balance in self._engine.account.balances().items()
            if wanted is None or asset in wanted
        ]
        return render.result([{"uTime": render.millis(call.now), "totalEq": "0", "details": details}])

    def _instruments(self, call: Call) -> Answer:
        """Spot only: the lists of the other types are empty."""
        if not call.get("instType"):
            raise entry.refused("50014", call)
        markets = self._chosen(call) if call.get("instType") == render.SPOT else []
        return render.result([render.instrument(market, call.mode) for market in markets])

    def _currencies(self, _call: Call) -> Answer:
        return render.result([render.currency(asset) for asset in self._engine.account.balances()])

    def _depth(self, call: Call) -> Answer:
        text = call.get("sz")
        count = max(1, min(int(text), DEPTH_MAX)) if entry.whole(text) else DEPTH_DEFAULT
        return render.result([render.book(self._engine.book(self._market(call, "51001").symbol, call.now), count)])

    def _tickers(self, call: Call) -> Answer:
        markets = self._chosen(call) if call.get("instType") in {"", render.SPOT} else []
        return render.result([render.ticker(m, self._engine.book(m.symbol, call.now)) for m in markets])

    def _chosen(self, call: Call) -> list[Market]:
        """The instrument that is named, or all."""
        return [self._market(call, "51001")] if call.get("instId") else list(MARKETS)

    def _symbol(self, call: Call) -> str | None:
        return self._market(call, "51001").symbol if call.get("instId") else None

    def _market(self, call: Call, error: str) -> Market:
        if not call.get("instId"):
            raise entry.refused("50014", call)
        market = self._markets.get(call.get("instId"))
        if market is None:
            raise entry.refused(error, call)
        return market


def _orders(call: Call, orders: list[Order]) -> Answer:
    """Newest first, continued after an ordId; ``state`` and ``ordType`` narrow the list."""
    rows = [
        (int(order.id), render.order(order))
        for order in orders
        if call.get("state") in {"", render.state(order)}
        and call.get("ordType") in {"", order.new.kind}
        and _in_range(call, int(render.millis(order.created)))
    ]
    return _page(call, rows)


def _page(call: Call, rows: list[tuple[int, render.Json]]) -> Answer:
    """``after``: older than that id; ``before``: newer."""
    after, before, limit = call.get("after"), call.get("before"), call.get("limit")
    fitting = [
        (number, row)
        for number, row in rows
        if call.get("instType") in {"", render.SPOT}
        and (not entry.whole(after) or number < int(after))
        and (not entry.whole(before) or number > int(before))
    ]
    fitting.sort(key=lambda pair: pair[0], reverse=True)
    count = max(1, min(int(limit), LIST_MAX)) if entry.whole(limit) else LIST_MAX
    return render.result([row for _, row in fitting[:count]])


def _in_range(call: Call, at_ms: int) -> bool:
    """Is a row within begin and end (epoch milliseconds), where they are given?"""
    begin, end = call.get("begin"), call.get("end")
    return (not entry.whole(begin) or at_ms >= int(begin)) and (not entry.whole(end) or at_ms <= int(end))
