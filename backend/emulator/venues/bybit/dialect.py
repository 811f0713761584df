"""Bybit's v5 REST protocol for spot, and the calls outside of it that a client makes to load markets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backend.emulator.dialect import Call, Cancellation, Keys, Mode, Refused, Served, Submission
from backend.emulator.market import Market
from backend.emulator.matching import Engine
from backend.emulator.orders import Order, Reason, Status
from backend.emulator.venues.bybit import auth, entry, render
from backend.emulator.venues.bybit.errors import BY_REASON, ERRORS
from backend.emulator.venues.bybit.facts import FILLED_KEPT_S, MARKETS, UNFILLED_KEPT_S
from backend.emulator.wire import Answer, Endpoint, Request, form

RECENT_MAX = 500
ORDERS_DEFAULT, ORDERS_MAX = 20, 50
TRADES_DEFAULT, TRADES_MAX = 50, 100
DEPTH_DEFAULT, DEPTH_MAX = 1, 200

# For each call the endpoint it counts as, and whether it must be signed.
ROUTES: Mapping[tuple[str, str], tuple[Endpoint, bool]] = {
    ("GET", "/v5/market/time"): (Endpoint.TIME, False),
    ("GET", "/v5/system/status"): (Endpoint.STATUS, False),
    ("GET", "/v5/market/instruments-info"): (Endpoint.MARKETS, False),
    ("GET", "/v5/asset/coin/query-info"): (Endpoint.MARKETS, True),
    ("GET", "/v5/user/query-api"): (Endpoint.KEYS, True),
    ("GET", "/v5/account/info"): (Endpoint.KEYS, True),
    ("GET", "/v5/market/orderbook"): (Endpoint.DEPTH, False),
    ("GET", "/v5/market/tickers"): (Endpoint.DEPTH, False),
    ("POST", "/v5/order/create"): (Endpoint.PLACE, True),
    ("POST", "/v5/order/cancel"): (Endpoint.CANCEL, True),
    ("POST", "/v5/order/cancel-all"): (Endpoint.CANCEL, True),
    ("GET", "/v5/order/realtime"): (Endpoint.OPEN, True),
    ("GET", "/v5/order/history"): (Endpoint.QUERY, True),
    ("GET", "/v5/execution/list"): (Endpoint.TRADES, True),
    ("GET", "/v5/account/wallet-balance"): (Endpoint.BALANCES, True),
    ("GET", "/v5/account/fee-rate"): (Endpoint.BALANCES, True),
}

# What a cancel of an order that has ended is answered with.
ENDED: Mapping[Status, str] = {Status.FILLED: "170139", Status.CANCELLED: "170142", Status.EXPIRED: "170142"}

Handler = Callable[[Call], Served]


class BybitDialect:
    """One instance per emulated venue. Queries carry their parameters in the query string, orders in a JSON body."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self._engine = engine
        self._keys = keys
        self._markets = {market.native: market for market in MARKETS}
        self._handlers: dict[tuple[str, str], Handler] = {
            ("GET", "/v5/market/time"): lambda call: render.result(render.server_time(call.now), call.now),
            ("GET", "/v5/system/status"): self._status,
            ("GET", "/v5/market/instruments-info"): self._instruments,
            ("GET", "/v5/asset/coin/query-info"): self._coins,
            ("GET", "/v5/user/query-api"): lambda call: render.result(render.api_key(self._keys), call.now),
            ("GET", "/v5/account/info"): lambda call: render.result(render.account_info(), call.now),
            ("GET", "/v5/market/orderbook"): self._depth,
            ("GET", "/v5/market/tickers"): self._tickers,
            ("POST", "/v5/order/create"): self._place,
            ("POST", "/v5/order/cancel"): self._cancel,
            ("POST", "/v5/order/cancel-all"): self._cancel_all,
            ("GET", "/v5/order/realtime"): self._realtime,
            ("GET", "/v5/order/history"): self._history,
            ("GET", "/v5/execution/list"): self._executions,
            ("GET", "/v5/account/wallet-balance"): self._wallet,
            ("GET", "/v5/account/fee-rate"): self._fee_rates,
        }

    def route(self, request: Request) -> Endpoint | None:
        """What the request is for. ``realtime`` with an id is a look-up, without one the list of open orders."""
        known = ROUTES.get((request.method, request.path))
        if known is None:
            return None
        named = known[0] is Endpoint.OPEN and ("orderId=" in request.query or "orderLinkId=" in request.query)
        return Endpoint.QUERY if named else known[0]

    def serve(self, request: Request, now: float, mode: Mode | None) -> Served:
        """Check headers and signature where they are asked for, then answer."""
        signed = ROUTES[request.method, request.path][1]
        not_after = auth.check(request, self._keys, now) if signed else None
        body = entry.read_body(request)
        if body is None:
            raise Refused(ERRORS["10001"].answer(now))
        call = Call(request, {**form(request.query), **body}, now, mode, not_after)
        return self._handlers[request.method, request.path](call)

    def unknown(self, request: Request, now: float) -> Answer:  # noqa: ARG002 - the same for all
        """A line of text; its exact words are unverified."""
        return ERRORS["404"].answer(now)

    def _place(self, call: Call) -> Submission:
        market = self._market(call)
        if call.mode is not None:
            raise entry.refused("170031", call)  # which code is used in maintenance is unverified
        book = self._engine.book(market.symbol, call.now)
        order = entry.read(call, market, book)
        entry.check_rules(order, book, call)

        def accepted(order: Order, now: float) -> Answer:
            return render.result(render.placed(order), now)

        def refused(reason: Reason, now: float) -> Answer:
            return ERRORS[BY_REASON[reason]].answer(now)

        return Submission(order, call.not_after, ERRORS["10002"].answer, accepted, refused)

    def _cancel(self, call: Call) -> Cancellation:
        """By orderId, by orderLinkId, or by both. Without either the parameters are wrong.

        An order that has ended is told by its own code, as the list of codes has one for each. Whether the venue uses
        them whenever it knows the order is unverified.
        """
        symbol = self._market(call).symbol
        order_id, client_id = call.get("orderId") or None, call.get("orderLinkId") or None
        if order_id is None and client_id is None:
            raise entry.refused("10001", call)

        def find(now: float) -> list[Order]:
            found = self._engine.find(now, order_id=order_id, client_id=client_id)
            return [found] if found is not None and found.new.market.symbol == symbol else []

        def answer(orders: Sequence[Order], now: float) -> Answer:
            if orders:
                return render.result(render.placed(orders[0]), now)
            known = find(now)
            return ERRORS[ENDED[known[0].status] if known else "170213"].answer(now)

        return Cancellation(find, answer, call.not_after, ERRORS["10002"].answer)

    def _cancel_all(self, call: Call) -> Cancellation:
        symbol = self._market(call).symbol if call.get("symbol") else None

        def answer(orders: Sequence[Order], now: float) -> Answer:
            return render.result({"list": [render.placed(order) for order in orders], "success": "1"}, now)

        return Cancellation(
            lambda now: self._engine.open_orders(now, symbol), answer, call.not_after, ERRORS["10002"].answer
        )

    def _realtime(self, call: Call) -> Answer:
        """With an id, open orders and the latest closed ones; without one, open orders only. Newest first."""
        named = bool(call.get("orderId") or call.get("orderLinkId"))
        orders = self._engine.open_orders(call.now, self._symbol(call))
        if named:
            orders += self._engine.closed_orders(call.now, self._symbol(call))[-RECENT_MAX:]
        return _page(call, _orders(call, orders), ORDERS_DEFAULT, ORDERS_MAX)

    def _history(self, call: Call) -> Answer:
        """Closed orders, newest first, as long as they are kept."""
        closed = self._engine.closed_orders(call.now, self._symbol(call))
        kept = [order for order in closed if _is_kept(order, call.now)]
        return _page(call, _orders(call, kept), ORDERS_DEFAULT, ORDERS_MAX)

    def _executions(self, call: Call) -> Answer:
        """Trades, newest first."""
        pairs = self._engine.trades(call.now, self._symbol(call), order_id=call.get("orderId") or None)
        rows = [
            render.execution(order, trade)
            for order, trade in reversed(pairs)
            if call.get("orderLinkId") in {"", order.new.client_id} and _in_range(call, render.millis(trade.at))
        ]
        return _page(call, rows, TRADES_DEFAULT, TRADES_MAX)

    def _wallet(self, call: Call) -> Answer:
        wanted = call.get("coin").split(",") if call.get("coin") else None
        coins = [
            render.coin(asset, balance.free, balance.held)
            for asset, balance in self._engine.account.balances().items()
            if wanted is None or asset in wanted
        ]
        return render.result(render.wallet(coins), call.now)

    def _fee_rates(self, call: Call) -> Answer:
        markets = [self._market(call)] if call.get("symbol") else list(MARKETS)
        return render.result({"list": [render.fee_rate(market) for market in markets]}, call.now)

    def _status(self, call: Call) -> Answer:
        events = [event for event in render.events(call.mode, call.now) if call.get("state") in {"", event["state"]}]
        return render.result({"list": events}, call.now)

    def _instruments(self, call: Call) -> Answer:
        """Spot only: the lists of the other categories are empty."""
        spot = call.get("category") == render.SPOT and not call.get("status")
        markets = [self._market(call)] if spot and call.get("symbol") else list(MARKETS) if spot else []
        listed = [render.symbol(market, call.mode) for market in markets]
        return render.result({**render.rows(listed), "category": call.get("category")}, call.now)

    def _coins(self, call: Call) -> Answer:
        assets = self._engine.account.balances()
        return render.result({"rows": [render.coin_info(asset) for asset in assets]}, call.now)

    def _depth(self, call: Call) -> Answer:
        market = self._market(call)
        count = _limit(call, DEPTH_DEFAULT, DEPTH_MAX)
        return render.result(render.book(market, self._engine.book(market.symbol, call.now), count), call.now)

    def _tickers(self, call: Call) -> Answer:
        spot = call.get("category") == render.SPOT
        markets = [self._market(call)] if spot and call.get("symbol") else list(MARKETS) if spot else []
        rows = [render.ticker(market, self._engine.book(market.symbol, call.now)) for market in markets]
        return render.result(render.rows(rows), call.now)

    def _symbol(self, call: Call) -> str | None:
        """The market that is named, where one is."""
        return self._market(call).symbol if call.get("symbol") else None

    def _market(self, call: Call) -> Market:
        if call.get("category") != render.SPOT or not call.get("symbol"):
            raise entry.refused("10001", call)
        market = self._markets.get(call.get("symbol"))
        if market is None:
            raise entry.refused("170121", call)
        return market


def _is_kept(order: Order, now: float) -> bool:
    """Does the history still show an order? One that ended without a fill is forgotten after a day."""
    return now - order.updated <= (FILLED_KEPT_S if order.filled else UNFILLED_KEPT_S)


def _orders(call: Call, orders: list[Order]) -> list[render.Json]:
    """The rows of those that fit the ids and the time, newest first."""
    fitting = [
        order
        for order in orders
        if call.get("orderId") in {"", order.id}
        and call.get("orderLinkId") in {"", order.new.client_id}
        and _in_range(call, render.millis(order.created))
    ]
    fitting.sort(key=lambda order: int(order.id), reverse=True)
    return [render.order(order) for order in fitting]


def _page(call: Call, rows: list[render.Json], default: int, most: int) -> Answer:
    """A page of the list. The cursor is the place in the list where the next page begins; the real one is opaque."""
    if call.get("category") != render.SPOT:
        rows = []
    begin = int(call.get("cursor")) if entry.whole(call.get("cursor")) else 0
    end = begin + _limit(call, default, most)
    following = str(end) if end < len(rows) else ""
    return render.result(render.rows(rows[begin:end], following), call.now)


def _limit(call: Call, default: int, most: int) -> int:
    text = call.get("limit")
    return max(1, min(int(text), most)) if entry.whole(text) else default


def _in_range(call: Call, at_ms: int) -> bool:
    """Is a row within startTime and endTime (epoch milliseconds), where they are given?"""
    start, end = call.get("startTime"), call.get("endTime")
    return (not entry.whole(start) or at_ms >= int(start)) and (not entry.whole(end) or at_ms <= int(end))
