"""Meridian's REST protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backend.emulator.dialect import Call, Cancellation, Keys, Mode, Refused, Served, Submission
from backend.emulator.market import Market
from backend.emulator.matching import Engine
from backend.emulator.orders import Order, Reason
from backend.emulator.wire import Answer, Endpoint, Request, form, json_answer

from . import auth, entry, render
from .errors import ERRORS
from .facts import MARKETS

OK = 200
ROUTES: Mapping[tuple[str, str], tuple[Endpoint, bool]] = {
    ("GET", "/v1/time"): (Endpoint.TIME, False),
    ("GET", "/v1/status"): (Endpoint.STATUS, False),
    ("GET", "/v1/markets"): (Endpoint.MARKETS, False),
    ("GET", "/v1/book"): (Endpoint.DEPTH, False),
    ("POST", "/v1/orders"): (Endpoint.PLACE, True),
    ("DELETE", "/v1/order"): (Endpoint.CANCEL, True),
    ("GET", "/v1/order"): (Endpoint.QUERY, True),
    ("GET", "/v1/open"): (Endpoint.OPEN, True),
    ("GET", "/v1/orders"): (Endpoint.QUERY, True),
    ("GET", "/v1/trades"): (Endpoint.TRADES, True),
    ("GET", "/v1/balances"): (Endpoint.BALANCES, True),
}
REFUSALS = {Reason.FUNDS: "no_funds", Reason.DUPLICATE: "duplicate"}


class MeridianDialect:
    """One instance per emulated venue."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self._engine = engine
        self._keys = keys
        self._markets = {market.native: market for market in MARKETS}
        self._handlers: dict[Endpoint, Callable[[Call], object]] = {
            Endpoint.TIME: lambda call: {"now_ms": render.millis(call.now)},
            Endpoint.STATUS: lambda call: {"state": "open" if call.mode is None else "maintenance"},
            Endpoint.MARKETS: lambda _call: {"markets": [render.market(market) for market in MARKETS]},
            Endpoint.DEPTH: self._book,
            Endpoint.QUERY: lambda call: render.order(self._found(call)),
            Endpoint.OPEN: self._open,
            Endpoint.TRADES: self._trades,
            Endpoint.BALANCES: self._balances,
        }

    def route(self, request: Request) -> Endpoint | None:
        """What the request is for."""
        known = ROUTES.get((request.method, request.path))
        return known[0] if known else None

    def serve(self, request: Request, now: float, mode: Mode | None) -> Served:
        """Check the signature where one is asked for, then answer."""
        endpoint, signed = ROUTES[request.method, request.path]
        if signed:
            auth.check(request, self._keys, now)
        if (request.method, request.path) == ("GET", "/v1/orders"):
            return json_answer(OK, self._all(Call(request, form(request.query), now, mode)))
        call = Call(request, {**form(request.query), **entry.fields(request.body)}, now, mode)
        if endpoint is Endpoint.CANCEL:
            return self._cancel(call)
        return self._place(call) if endpoint is Endpoint.PLACE else json_answer(OK, self._handlers[endpoint](call))

    def unknown(self, request: Request, now: float) -> Answer:
        """No such path."""
        return json_answer(404, {"error": "no_such_path"})

    def _place(self, call: Call) -> Submission:
        market = self._market(call)
        if call.mode is not None:
            raise Refused(ERRORS["closed"].answer(call.now))
        not_after = int(call.get("valid_until_ms") or 0) / 1000
        if not_after < call.now:
            raise Refused(ERRORS["too_late"].answer(call.now))

        def accepted(order: Order, now: float) -> Answer:
            return json_answer(OK, {"id": order.id})

        def refused(reason: Reason, now: float) -> Answer:
            return ERRORS[REFUSALS.get(reason, "bad_order")].answer(now)

        return Submission(entry.read(call, market), not_after, ERRORS["too_late"].answer, accepted, refused)

    def _cancel(self, call: Call) -> Cancellation:
        def answer(orders: Sequence[Order], now: float) -> Answer:
            if not orders:
                return ERRORS["no_such_order"].answer(now)
            return json_answer(OK, {"filled": render.order(orders[0])["filled"]})

        return Cancellation(self._finder(call), answer)

    def _found(self, call: Call) -> Order:
        orders = self._finder(call)(call.now)
        if not orders:
            raise Refused(ERRORS["no_such_order"].answer(call.now))
        return orders[0]

    def _finder(self, call: Call) -> Callable[[float], list[Order]]:
        symbol = self._market(call).symbol
        ids = {"order_id": call.get("id") or None, "client_id": call.get("client_id") or None}

        def find(now: float) -> list[Order]:
            order = self._engine.find(now, symbol=symbol, **ids)
            return [] if order is None else [order]

        return find

    def _open(self, call: Call) -> object:
        orders = self._engine.open_orders(call.now, self._market(call).symbol)
        return {"orders": [render.order(order) for order in orders]}

    def _all(self, call: Call) -> object:
        symbol, since = self._market(call).symbol, int(call.get("since_ms") or 0) / 1000
        orders = [*self._engine.closed_orders(call.now, symbol), *self._engine.open_orders(call.now, symbol)]
        return {"orders": [render.order(order) for order in orders if order.created >= since]}

    def _trades(self, call: Call) -> object:
        pairs = self._engine.trades(call.now, self._market(call).symbol)
        wanted, since = call.get("order_id"), int(call.get("since_ms") or 0) / 1000
        rows = [render.trade(o, t) for o, t in pairs if wanted in {"", o.id} and t.at >= since]
        return {"trades": rows}

    def _balances(self, _call: Call) -> object:
        rows = self._engine.account.balances()
        return {"balances": [{"asset": a, "free": str(b.free), "held": str(b.held)} for a, b in rows.items()]}

    def _book(self, call: Call) -> object:
        frame = self._engine.book(self._market(call).symbol, call.now)
        return render.book(frame, int(call.get("depth") or 20))

    def _market(self, call: Call) -> Market:
        market = self._markets.get(call.get("market"))
        if market is None:
            raise Refused(ERRORS["no_such_market"].answer(call.now))
        return market
