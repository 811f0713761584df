"""Kraken's spot REST protocol: public calls by GET, private calls by signed POST, HTTP 200 for nearly everything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence

from backend.emulator.dialect import Call, Cancellation, Keys, Mode, Served, Submission
from backend.emulator.market import Market
from backend.emulator.matching import Engine
from backend.emulator.orders import Order, Reason
from backend.emulator.venues.kraken import entry, render
from backend.emulator.venues.kraken.auth import Guard
from backend.emulator.venues.kraken.errors import BY_REASON, ERRORS
from backend.emulator.venues.kraken.facts import ASSETS
from backend.emulator.wire import HTML_TYPE, JSON_TYPE, Answer, Endpoint, Request, form

PUBLIC = "/0/public/"
PRIVATE = "/0/private/"
DEPTH_DEFAULT = 100
DEPTH_MAX = 500
PAGE = 50
QUERY_MAX = 50

ROUTES: Mapping[str, Endpoint] = {
    PUBLIC + "Time": Endpoint.TIME,
    PUBLIC + "SystemStatus": Endpoint.STATUS,
    PUBLIC + "Assets": Endpoint.MARKETS,
    PUBLIC + "AssetPairs": Endpoint.MARKETS,
    PUBLIC + "Depth": Endpoint.DEPTH,
    PUBLIC + "Ticker": Endpoint.DEPTH,
    PRIVATE + "AddOrder": Endpoint.PLACE,
    PRIVATE + "CancelOrder": Endpoint.CANCEL,
    PRIVATE + "CancelAll": Endpoint.CANCEL,
    PRIVATE + "QueryOrders": Endpoint.QUERY,
    PRIVATE + "ClosedOrders": Endpoint.QUERY,
    PRIVATE + "OpenOrders": Endpoint.OPEN,
    PRIVATE + "TradesHistory": Endpoint.TRADES,
    PRIVATE + "QueryTrades": Endpoint.TRADES,
    PRIVATE + "Balance": Endpoint.BALANCES,
    PRIVATE + "BalanceEx": Endpoint.BALANCES,
}
MODE_ERRORS = {
    Mode.MAINTENANCE: "EService:Market in maintenance mode",
    Mode.CANCEL_ONLY: "EService:Market in cancel_only mode",
    Mode.POST_ONLY: "EService:Market in post_only mode",
}


class KrakenDialect:
    """One instance per emulated venue, with one key."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self._engine = engine
        self._guard = Guard(keys)
        self._markets = render.market_table()
        self._handlers: dict[str, Callable[[Call], Served]] = {
            PUBLIC + "Time": lambda call: render.result(render.time_of(call.now)),
            PUBLIC + "SystemStatus": lambda call: render.result(render.system_status(call.now, call.mode)),
            PUBLIC + "Assets": lambda _call: render.result(render.assets()),
            PUBLIC + "AssetPairs": self._pairs,
            PUBLIC + "Depth": self._depth,
            PUBLIC + "Ticker": self._ticker,
            PRIVATE + "CancelOrder": self._cancel,
            PRIVATE + "CancelAll": self._cancel_all,
            PRIVATE + "QueryOrders": self._query,
            PRIVATE + "ClosedOrders": self._closed,
            PRIVATE + "OpenOrders": self._open,
            PRIVATE + "TradesHistory": self._trades,
            PRIVATE + "QueryTrades": self._query_trades,
            PRIVATE + "Balance": self._balance,
            PRIVATE + "BalanceEx": self._balance_ex,
        }

    def route(self, request: Request) -> Endpoint | None:
        """Public calls may come by GET or POST, private ones only by POST."""
        right = request.method == "POST" or (request.method == "GET" and request.path.startswith(PUBLIC))
        return ROUTES.get(request.path) if right else None

    def serve(self, request: Request, now: float, mode: Mode | None) -> Served:
        """Check key, signature and nonce of private calls, then answer."""
        fields = _fields(request)
        if request.path.startswith(PRIVATE):
            self._guard.check(request, fields, now)
        call = Call(request, fields, now, mode)
        return self._place(call) if request.path == PRIVATE + "AddOrder" else self._handlers[request.path](call)

    def unknown(self, request: Request, now: float) -> Answer:
        """Inside the API an error in the usual envelope, outside a page; statuses and texts are unverified."""
        if request.path.startswith("/0/"):
            return ERRORS["EGeneral:Unknown method"].answer(now)
        return Answer(404, b"<html><body><h1>404 Not Found</h1></body></html>", HTML_TYPE)

    def _place(self, call: Call) -> Answer | Submission:
        market = self._market(call)
        order = entry.read(call, market)
        deadline = entry.read_deadline(call)
        entry.check_rules(order, self._engine.book(market.symbol, call.now), call)
        if call.mode is not None and not (call.mode is Mode.POST_ONLY and order.post_only):
            raise entry.refused(MODE_ERRORS[call.mode], call)
        described = {"order": render.describe(order)}
        if call.get("validate").lower() in {"true", "1"}:
            return render.result({"descr": described})

        def accepted(order: Order, now: float) -> Answer:  # noqa: ARG001 - the answer says nothing about fills
            return render.result({"descr": described, "txid": [order.id]})

        def refused(reason: Reason, now: float) -> Answer:
            return ERRORS[BY_REASON[reason]].answer(now)

        return Submission(order, deadline, ERRORS["EService:Deadline elapsed"].answer, accepted, refused)

    def _cancel(self, call: Call) -> Cancellation:
        """By either id. No deadline is documented for a cancel."""
        _check_cancels(call)
        ids = {"order_id": call.get("txid") or None, "client_id": call.get("cl_ord_id") or None}
        if not any(ids.values()):
            raise entry.refused("EOrder:Unknown order", call)

        def find(now: float) -> list[Order]:
            order = self._engine.find(now, **ids)
            return [] if order is None else [order]

        def answer(orders: Sequence[Order], now: float) -> Answer:
            return render.result({"count": 1}) if orders else ERRORS["EOrder:Unknown order"].answer(now)

        return Cancellation(find, answer)

    def _cancel_all(self, call: Call) -> Cancellation:
        _check_cancels(call)
        return Cancellation(self._engine.open_orders, lambda orders, _now: render.result({"count": len(orders)}))

    def _query(self, call: Call) -> Answer:
        """By txid. An id that is not found refuses the call; several ids are not answered in part (unverified)."""
        ids = call.get("txid").split(",")[:QUERY_MAX]
        orders = [self._engine.find(call.now, order_id=order_id) for order_id in ids]
        found = [order for order in orders if order is not None]
        if len(found) < len(orders):
            raise entry.refused("EOrder:Unknown order", call)
        return render.result(_by_id(found, call))

    def _open(self, call: Call) -> Answer:
        return render.result({"open": _by_id(_carrying(call, self._engine.open_orders(call.now)), call)})

    def _closed(self, call: Call) -> Answer:
        """Newest first, a page at a time; ``count`` is the number of all that fit."""
        orders = _carrying(call, reversed(self._engine.closed_orders(call.now)))
        orders = [order for order in orders if _in_range(call, order.updated)]
        start = _whole(call, "ofs", 0)
        return render.result({"closed": _by_id(orders[start : start + PAGE], call), "count": len(orders)})

    def _trades(self, call: Call) -> Answer:
        """Newest first, a page at a time."""
        pairs = [pair for pair in reversed(self._engine.trades(call.now)) if _in_range(call, pair[1].at)]
        start = _whole(call, "ofs", 0)
        page = {trade.id: render.trade(order, trade) for order, trade in pairs[start : start + PAGE]}
        return render.result({"trades": page, "count": len(pairs)})

    def _query_trades(self, call: Call) -> Answer:
        wanted = set(call.get("txid").split(",")[:QUERY_MAX])
        pairs = self._engine.trades(call.now)
        return render.result({trade.id: render.trade(order, trade) for order, trade in pairs if trade.id in wanted})

    def _balance(self, _call: Call) -> Answer:
        balances = self._engine.account.balances()
        return render.result({_asset(name): render.balance(b.total, b.held)["balance"] for name, b in balances.items()})

    def _balance_ex(self, _call: Call) -> Answer:
        balances = self._engine.account.balances()
        return render.result({_asset(name): render.balance(b.total, b.held) for name, b in balances.items()})

    def _pairs(self, call: Call) -> Answer:
        markets = [self._market(call)] if call.get("pair") else self._engine.markets.values()
        return render.result(render.pairs(markets, call.mode))

    def _depth(self, call: Call) -> Answer:
        market = self._market(call)
        book = self._engine.book(market.symbol, call.now)
        count = max(1, min(_whole(call, "count", DEPTH_DEFAULT), DEPTH_MAX))
        asks = render.levels(market, book.asks, count, book.at)
        bids = render.levels(market, book.bids, count, book.at)
        return render.result({market.native: {"asks": asks, "bids": bids}})

    def _ticker(self, call: Call) -> Answer:
        market = self._market(call)
        book = self._engine.book(market.symbol, call.now)
        return render.result({market.native: render.ticker(market, book.bids, book.asks)})

    def _market(self, call: Call) -> Market:
        market = self._markets.get(call.get("pair"))
        if market is None:
            raise entry.refused("EQuery:Unknown asset pair", call)
        return market


def _check_cancels(call: Call) -> None:
    """In maintenance nothing can be cancelled; the text for a cancel is unverified."""
    if call.mode is Mode.MAINTENANCE:
        raise entry.refused(MODE_ERRORS[call.mode], call)


def _fields(request: Request) -> dict[str, str]:
    """Query, and a body that is a form or a flat JSON object."""
    text = request.body.decode("latin-1")
    if not request.headers.get("content-type", "").startswith(JSON_TYPE):
        return {**form(request.query), **form(text)}
    try:
        body = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    pairs = body.items() if isinstance(body, dict) else ()
    return {key: str(value) for key, value in pairs if isinstance(value, str | int)}


def _by_id(orders: Iterable[Order], call: Call) -> dict[str, object]:
    with_trades = call.get("trades").lower() == "true"
    return {order.id: render.order(order, with_trades=with_trades) for order in orders}


def _carrying(call: Call, orders: Iterable[Order]) -> list[Order]:
    """The orders with the asked client id, where one is asked for. No order here carries a userref."""
    wanted = call.get("cl_ord_id")
    if call.get("userref"):
        return []
    return [order for order in orders if not wanted or order.new.client_id == wanted]


def _whole(call: Call, name: str, default: int) -> int:
    text = call.get(name)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else default


def _in_range(call: Call, at: float) -> bool:
    """Is a row after ``start`` and not after ``end`` (epoch seconds), where they are given as times?"""
    start, end = call.get("start"), call.get("end")
    return (not _is_time(start) or at > float(start)) and (not _is_time(end) or at <= float(end))


def _is_time(text: str) -> bool:
    return text.isascii() and text.replace(".", "", 1).isdigit() and len(text) <= 20


def _asset(name: str) -> str:
    return ASSETS[name].id if name in ASSETS else name
