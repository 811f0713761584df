"""Binance's spot REST protocol, and the calls outside of it that a client makes to load markets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backend.emulator.dialect import Call, Cancellation, Keys, Mode, Refused, Served, Submission, may_withdraw
from backend.emulator.market import ZERO, Market
from backend.emulator.matching import Engine
from backend.emulator.orders import Order, Reason
from backend.emulator.venues.binance import auth, entry, render
from backend.emulator.venues.binance.errors import BY_REASON, ERRORS, SPAN_TOO_LONG
from backend.emulator.venues.binance.facts import MARKETS
from backend.emulator.wire import HTML_TYPE, Answer, Endpoint, Request, form, json_answer

LIST_MAX = 1_000
SPAN_MAX_MS = 86_400_000
"""startTime and endTime of allOrders and myTrades lie at most so far apart, documented."""
DEPTH_DEFAULT = 100
OK = 200

# For each call the endpoint it counts as, and whether it must be signed.
ROUTES: Mapping[tuple[str, str], tuple[Endpoint, bool]] = {
    ("GET", "/api/v3/ping"): (Endpoint.TIME, False),
    ("GET", "/api/v3/time"): (Endpoint.TIME, False),
    ("GET", "/sapi/v1/system/status"): (Endpoint.STATUS, False),
    ("GET", "/api/v3/exchangeInfo"): (Endpoint.MARKETS, False),
    ("GET", "/fapi/v1/exchangeInfo"): (Endpoint.MARKETS, False),
    ("GET", "/dapi/v1/exchangeInfo"): (Endpoint.MARKETS, False),
    ("GET", "/sapi/v1/capital/config/getall"): (Endpoint.MARKETS, True),
    ("GET", "/sapi/v1/margin/allPairs"): (Endpoint.MARKETS, True),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): (Endpoint.MARKETS, True),
    ("GET", "/api/v3/depth"): (Endpoint.DEPTH, False),
    ("GET", "/api/v3/ticker/bookTicker"): (Endpoint.DEPTH, False),
    ("POST", "/api/v3/order"): (Endpoint.PLACE, True),
    ("DELETE", "/api/v3/order"): (Endpoint.CANCEL, True),
    ("DELETE", "/api/v3/openOrders"): (Endpoint.CANCEL, True),
    ("GET", "/api/v3/order"): (Endpoint.QUERY, True),
    ("GET", "/api/v3/allOrders"): (Endpoint.QUERY, True),
    ("GET", "/api/v3/openOrders"): (Endpoint.OPEN, True),
    ("GET", "/api/v3/myTrades"): (Endpoint.TRADES, True),
    ("GET", "/api/v3/account"): (Endpoint.BALANCES, True),
    ("GET", "/api/v3/account/commission"): (Endpoint.BALANCES, True),
    ("GET", "/sapi/v1/account/apiRestrictions"): (Endpoint.KEYS, True),
}

NEITHER_ID = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"

Handler = Callable[[Call], Served]


class BinanceDialect:
    """One instance per emulated venue. Parameters may stand in the query string or in the body."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self._engine = engine
        self._keys = keys
        self._markets = {market.native: market for market in MARKETS}
        self._cancels = 0
        self._handlers: dict[tuple[str, str], Handler] = {
            ("GET", "/api/v3/ping"): lambda _call: json_answer(OK, {}),
            ("GET", "/api/v3/time"): lambda call: json_answer(OK, {"serverTime": render.millis(call.now)}),
            ("GET", "/sapi/v1/system/status"): self._status,
            ("GET", "/api/v3/exchangeInfo"): self._exchange_info,
            ("GET", "/fapi/v1/exchangeInfo"): self._no_contracts,
            ("GET", "/dapi/v1/exchangeInfo"): self._no_contracts,
            ("GET", "/sapi/v1/capital/config/getall"): self._coins,
            ("GET", "/sapi/v1/margin/allPairs"): lambda _call: json_answer(OK, []),
            ("GET", "/sapi/v1/margin/isolated/allPairs"): lambda _call: json_answer(OK, []),
            ("GET", "/api/v3/depth"): self._depth,
            ("GET", "/api/v3/ticker/bookTicker"): self._best,
            ("DELETE", "/api/v3/order"): self._cancel,
            ("DELETE", "/api/v3/openOrders"): self._cancel_all,
            ("GET", "/api/v3/order"): self._query,
            ("GET", "/api/v3/allOrders"): self._all_orders,
            ("GET", "/api/v3/openOrders"): self._open_orders,
            ("GET", "/api/v3/myTrades"): self._my_trades,
            ("GET", "/api/v3/account"): self._account,
            ("GET", "/api/v3/account/commission"): self._commission,
            ("GET", "/sapi/v1/account/apiRestrictions"): self._restrictions,
        }

    def route(self, request: Request) -> Endpoint | None:
        """What the request is for."""
        known = ROUTES.get((request.method, request.path))
        return known[0] if known else None

    def serve(self, request: Request, now: float, mode: Mode | None) -> Served:
        """Check signature and window where they are asked for, then answer."""
        fields = {**form(request.query), **form(request.body.decode("latin-1"))}
        endpoint, signed = ROUTES[request.method, request.path]
        not_after = auth.check(request, fields, self._keys, now) if signed else None
        call = Call(request, fields, now, mode, not_after)
        return self._place(call) if endpoint is Endpoint.PLACE else self._handlers[request.method, request.path](call)

    def unknown(self, request: Request, now: float) -> Answer:  # noqa: ARG002 - the same for all
        """A small page; its exact text is unverified."""
        return Answer(404, b"<html><body><h2>404 Not found</h2></body></html>", HTML_TYPE)

    def _place(self, call: Call) -> Submission:
        market = self._market(call)
        if call.mode is not None:
            raise Refused(ERRORS["-2010:closed"].answer(call.now))  # which code is used in maintenance is unverified
        order = entry.read(call, market)
        entry.check_filters(order, self._engine.book(market.symbol, call.now), call.now)
        response_type = call.fields.get("newOrderRespType", "FULL")

        def accepted(order: Order, now: float) -> Answer:
            return json_answer(OK, render.placed(order, now, response_type))

        def refused(reason: Reason, now: float) -> Answer:
            return ERRORS[BY_REASON[reason]].answer(now)

        return Submission(order, call.not_after, ERRORS["-1021"].answer, accepted, refused)

    def _cancel(self, call: Call) -> Cancellation:
        find = self._finder(call)

        def answer(orders: Sequence[Order], now: float) -> Answer:
            return json_answer(OK, self._cancelled(orders[0], now)) if orders else ERRORS["-2011"].answer(now)

        return Cancellation(find, answer, call.not_after, ERRORS["-1021"].answer)

    def _cancel_all(self, call: Call) -> Cancellation:
        symbol = self._market(call).symbol

        def answer(orders: Sequence[Order], now: float) -> Answer:
            rows = [self._cancelled(order, now) for order in orders]
            return json_answer(OK, rows) if rows else ERRORS["-2011"].answer(now)

        return Cancellation(
            lambda now: self._engine.open_orders(now, symbol), answer, call.not_after, ERRORS["-1021"].answer
        )

    def _cancelled(self, order: Order, now: float) -> render.Json:
        self._cancels += 1
        return render.cancelled(order, now, f"cancel-{self._cancels}")

    def _query(self, call: Call) -> Answer:
        found = self._finder(call)(call.now)
        if not found:
            raise Refused(ERRORS["-2013"].answer(call.now))
        return json_answer(OK, render.looked_up(found[0]))

    def _finder(self, call: Call) -> Callable[[float], list[Order]]:
        """By orderId, by origClientOrderId, or by both, in one symbol."""
        market = self._market(call)
        order_id, client_id = call.fields.get("orderId"), call.fields.get("origClientOrderId")
        if not order_id and not client_id:
            raise Refused(json_answer(400, {"code": -1102, "msg": NEITHER_ID}))

        def find(now: float) -> list[Order]:
            ids = {"order_id": order_id or None, "client_id": client_id or None}
            return _listed(self._engine.find(now, **ids, symbol=market.symbol))

        return find

    def _open_orders(self, call: Call) -> Answer:
        symbol = self._market(call).symbol if "symbol" in call.fields else None
        return json_answer(OK, [render.looked_up(order) for order in self._engine.open_orders(call.now, symbol)])

    def _all_orders(self, call: Call) -> Answer:
        symbol = self._market(call).symbol
        _check_span(call)
        orders = [*self._engine.closed_orders(call.now, symbol), *self._engine.open_orders(call.now, symbol)]
        orders = [order for order in orders if _in_range(call, render.millis(order.created))]
        orders.sort(key=lambda order: int(order.id))
        return json_answer(OK, [render.looked_up(order) for order in orders[-_limit(call, 500) :]])

    def _my_trades(self, call: Call) -> Answer:
        _check_span(call)
        pairs = self._engine.trades(call.now, self._market(call).symbol, order_id=call.fields.get("orderId"))
        found = [(order, trade) for order, trade in pairs if _in_range(call, render.millis(trade.at))]
        return json_answer(OK, [render.my_trade(order, trade) for order, trade in found[-_limit(call, 500) :]])

    def _account(self, call: Call) -> Answer:
        balances = [
            {"asset": asset, "free": render.amount(balance.free), "locked": render.amount(balance.held)}
            for asset, balance in self._engine.account.balances().items()
        ]
        return json_answer(
            OK,
            {
                "makerCommission": 10,
                "takerCommission": 10,
                "canTrade": True,
                "canWithdraw": False,
                "canDeposit": False,
                "updateTime": render.millis(call.now),
                "accountType": "SPOT",
                "balances": balances,
                "permissions": ["SPOT"],
                "uid": 1,
            },
        )

    def _commission(self, call: Call) -> Answer:
        return json_answer(OK, render.commission(self._market(call)))

    def _restrictions(self, _call: Call) -> Answer:
        return json_answer(OK, render.restrictions(withdraw=may_withdraw(self._keys)))

    def _status(self, call: Call) -> Answer:
        if call.mode is Mode.MAINTENANCE:
            return json_answer(OK, {"status": 1, "msg": "system_maintenance"})
        return json_answer(OK, {"status": 0, "msg": "normal"})

    def _exchange_info(self, call: Call) -> Answer:
        markets = [self._market(call)] if "symbol" in call.fields else list(MARKETS)
        return json_answer(OK, render.exchange_info(call.now, call.mode, markets))

    def _no_contracts(self, call: Call) -> Answer:
        return json_answer(OK, render.exchange_info(call.now, None, ()))

    def _coins(self, _call: Call) -> Answer:
        balances = self._engine.account.balances()
        return json_answer(OK, [render.coin(asset, b.free, b.held) for asset, b in balances.items()])

    def _depth(self, call: Call) -> Answer:
        book = self._engine.book(self._market(call).symbol, call.now)
        limit = _limit(call, DEPTH_DEFAULT)
        bids, asks = render.levels(book.bids, limit), render.levels(book.asks, limit)
        return json_answer(OK, {"lastUpdateId": render.millis(book.at), "bids": bids, "asks": asks})

    def _best(self, call: Call) -> Answer:
        market = self._market(call)
        book = self._engine.book(market.symbol, call.now)
        nothing = [[render.amount(ZERO)] * 2]
        bid, ask = (render.levels(book.bids, 1) or nothing)[0], (render.levels(book.asks, 1) or nothing)[0]
        row = {"symbol": market.native, "bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1]}
        return json_answer(OK, row)

    def _market(self, call: Call) -> Market:
        if not call.fields.get("symbol"):
            raise Refused(auth.missing("symbol"))
        market = self._markets.get(call.fields["symbol"])
        if market is None:
            raise Refused(ERRORS["-1121"].answer(call.now))
        return market


def _listed(order: Order | None) -> list[Order]:
    return [] if order is None else [order]


def _limit(call: Call, default: int) -> int:
    """How many rows are asked for, within what is given at most."""
    text = call.get("limit")
    return max(1, min(int(text), LIST_MAX)) if _whole(text) else default


def _check_span(call: Call) -> None:
    start, end = call.get("startTime"), call.get("endTime")
    if _whole(start) and _whole(end) and int(end) - int(start) > SPAN_MAX_MS:
        raise Refused(SPAN_TOO_LONG.answer(call.now))


def _in_range(call: Call, at_ms: int) -> bool:
    """Is a row within startTime and endTime (epoch milliseconds), where they are given?"""
    start, end = call.get("startTime"), call.get("endTime")
    return (not _whole(start) or at_ms >= int(start)) and (not _whole(end) or at_ms <= int(end))


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 16
