"""KuCoin's spot REST protocol on the HF endpoints, and the calls beside it that a client makes to load markets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backend.emulator.dialect import Call, Cancellation, Keys, Mode, Refused, Served, Submission
from backend.emulator.market import Market
from backend.emulator.matching import Engine
from backend.emulator.orders import Order, Reason
from backend.emulator.venues.kucoin import auth, entry, render
from backend.emulator.venues.kucoin.errors import BY_REASON, ERRORS
from backend.emulator.venues.kucoin.facts import MARKETS
from backend.emulator.wire import Answer, Endpoint, Request, form

LIST_MAX = 100
DONE_DEFAULT = 20
FULL_BOOK = 1_000
ORDERS = "/api/v1/hf/orders"
BOOK = "/api/v1/market/orderbook"
SYNC = "/sync"

Route = tuple[str, str]

# For each call the endpoint it counts as, and whether it must be signed. {id} is the last part of a path.
ROUTES: Mapping[Route, tuple[Endpoint, bool]] = {
    ("GET", "/api/v1/timestamp"): (Endpoint.TIME, False),
    ("GET", "/api/v1/status"): (Endpoint.STATUS, False),
    ("GET", "/api/v2/symbols"): (Endpoint.MARKETS, False),
    ("GET", "/api/v2/symbols/{id}"): (Endpoint.MARKETS, False),
    ("GET", "/api/v3/currencies"): (Endpoint.MARKETS, False),
    ("GET", "/api/v1/contracts/active"): (Endpoint.MARKETS, False),
    ("GET", "/api/v1/market/allTickers"): (Endpoint.MARKETS, False),
    ("GET", "/api/v3/margin/symbols"): (Endpoint.MARKETS, False),
    ("GET", "/api/v1/isolated/symbols"): (Endpoint.MARKETS, True),
    ("GET", "/api/ua/v1/account/mode"): (Endpoint.MARKETS, True),
    ("GET", "/api/v1/hf/accounts/opened"): (Endpoint.MARKETS, True),
    ("GET", f"{BOOK}/level1"): (Endpoint.DEPTH, False),
    ("GET", f"{BOOK}/level2_20"): (Endpoint.DEPTH, False),
    ("GET", f"{BOOK}/level2_100"): (Endpoint.DEPTH, False),
    ("GET", "/api/v3/market/orderbook/level2"): (Endpoint.DEPTH, True),
    ("POST", ORDERS): (Endpoint.PLACE, True),
    ("POST", f"{ORDERS}/sync"): (Endpoint.PLACE, True),
    ("POST", f"{ORDERS}/test"): (Endpoint.PLACE, True),
    ("DELETE", ORDERS): (Endpoint.CANCEL, True),
    ("DELETE", f"{ORDERS}/cancelAll"): (Endpoint.CANCEL, True),
    ("DELETE", f"{ORDERS}/{{id}}"): (Endpoint.CANCEL, True),
    ("DELETE", f"{ORDERS}/client-order/{{id}}"): (Endpoint.CANCEL, True),
    ("DELETE", f"{ORDERS}/sync/{{id}}"): (Endpoint.CANCEL, True),
    ("DELETE", f"{ORDERS}/sync/client-order/{{id}}"): (Endpoint.CANCEL, True),
    ("GET", f"{ORDERS}/active"): (Endpoint.OPEN, True),
    ("GET", f"{ORDERS}/done"): (Endpoint.QUERY, True),
    ("GET", f"{ORDERS}/{{id}}"): (Endpoint.QUERY, True),
    ("GET", f"{ORDERS}/client-order/{{id}}"): (Endpoint.QUERY, True),
    ("GET", "/api/v1/hf/fills"): (Endpoint.TRADES, True),
    ("GET", "/api/v1/accounts"): (Endpoint.BALANCES, True),
    ("GET", "/api/v1/trade-fees"): (Endpoint.BALANCES, True),
    ("GET", "/api/v1/user/api-key"): (Endpoint.KEYS, True),
}

Handler = Callable[[Call], Served]


class KucoinDialect:
    """One instance per emulated venue. Queries carry their parameters in the path and query, orders in a JSON body."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self._engine = engine
        self._keys = keys
        self._markets = {market.native: market for market in MARKETS}
        self._handlers: dict[Route, Handler] = {
            ("GET", "/api/v1/timestamp"): lambda call: render.result(render.millis(call.now)),
            ("GET", "/api/v1/status"): lambda call: render.result(render.service(call.mode)),
            ("GET", "/api/v2/symbols"): lambda call: render.result([render.symbol(m, call.mode) for m in MARKETS]),
            ("GET", "/api/v2/symbols/{id}"): self._one_symbol,
            ("GET", "/api/v3/currencies"): self._currencies,
            ("GET", "/api/v1/contracts/active"): lambda _call: render.result([]),
            ("GET", "/api/v1/market/allTickers"): self._tickers,
            ("GET", "/api/v3/margin/symbols"): lambda _call: render.result({"timestamp": 0, "items": []}),
            ("GET", "/api/v1/isolated/symbols"): lambda _call: render.result([]),
            ("GET", "/api/ua/v1/account/mode"): lambda _call: render.result({"selfAccountMode": "CLASSIC"}),
            ("GET", "/api/v1/hf/accounts/opened"): lambda _call: render.result(data=True),
            ("GET", f"{BOOK}/level1"): self._best,
            ("GET", f"{BOOK}/level2_20"): lambda call: self._depth(call, 20),
            ("GET", f"{BOOK}/level2_100"): lambda call: self._depth(call, 100),
            ("GET", "/api/v3/market/orderbook/level2"): lambda call: self._depth(call, FULL_BOOK),
            ("POST", ORDERS): self._place,
            ("POST", f"{ORDERS}/sync"): self._place,
            ("POST", f"{ORDERS}/test"): self._check_only,
            ("DELETE", ORDERS): self._cancel_symbol,
            ("DELETE", f"{ORDERS}/cancelAll"): self._cancel_all,
            ("DELETE", f"{ORDERS}/{{id}}"): self._cancel,
            ("DELETE", f"{ORDERS}/client-order/{{id}}"): self._cancel,
            ("DELETE", f"{ORDERS}/sync/{{id}}"): self._cancel,
            ("DELETE", f"{ORDERS}/sync/client-order/{{id}}"): self._cancel,
            ("GET", f"{ORDERS}/active"): self._active,
            ("GET", f"{ORDERS}/done"): self._done,
            ("GET", f"{ORDERS}/{{id}}"): self._query,
            ("GET", f"{ORDERS}/client-order/{{id}}"): self._query,
            ("GET", "/api/v1/hf/fills"): self._fills,
            ("GET", "/api/v1/accounts"): self._accounts,
            ("GET", "/api/v1/trade-fees"): self._trade_fees,
            ("GET", "/api/v1/user/api-key"): lambda _call: render.result(render.api_key(self._keys)),
        }

    def route(self, request: Request) -> Endpoint | None:
        """What the request is for."""
        found = _route(request)
        return ROUTES[found[0]][0] if found else None

    def serve(self, request: Request, now: float, mode: Mode | None) -> Served:
        """Check headers and signature where they are asked for, then answer."""
        found = _route(request)
        if found is None:
            return self.unknown(request, now)
        route, order_id = found
        if ROUTES[route][1]:
            auth.check(request, self._keys, now)
        body = entry.read_body(request)
        if body is None:
            raise Refused(ERRORS["400100"].answer(now))
        return self._handlers[route](Call(request, {**form(request.query), **body, "{id}": order_id}, now, mode))

    def unknown(self, request: Request, now: float) -> Answer:  # noqa: ARG002 - the same for all
        """Also said of the older endpoints for orders, which are not emulated."""
        return ERRORS["404000"].answer(now)

    def _place(self, call: Call) -> Submission:
        order = entry.read(call, self._orderable(call))
        entry.check_rules(order, self._engine.book(order.market.symbol, call.now), call)
        sync = call.request.path.endswith(SYNC)

        def accepted(order: Order, now: float) -> Answer:
            return render.result(render.accepted_sync(order, now) if sync else render.accepted(order))

        def refused(reason: Reason, now: float) -> Answer:
            return ERRORS[BY_REASON[reason]].answer(now)

        return Submission(order, entry.read_window(call), ERRORS["400100:window"].answer, accepted, refused)

    def _check_only(self, call: Call) -> Answer:
        """The gateway's checks without an order. Whether balances are looked at is unverified."""
        order = entry.read(call, self._orderable(call))
        entry.check_rules(order, self._engine.book(order.market.symbol, call.now), call)
        entry.read_window(call)
        return render.result({"orderId": "0" * 24, "clientOid": order.client_id})

    def _orderable(self, call: Call) -> Market:
        """The market of a new order, if orders are taken at all. Which code a mode is answered with is unverified."""
        market = self._market(call, "400600")
        if call.mode is not None:
            raise entry.refused("900001" if call.mode is Mode.MAINTENANCE else "200001", call)
        return market

    def _cancel(self, call: Call) -> Cancellation:
        """By either id; the synchronous call also tells the sizes. Whether close forbids cancels is unverified.

        Whether the other call is answered before the engine has cancelled is unverified; here it waits as well.
        """
        _check_cancels(call)

        def answer(orders: Sequence[Order], now: float) -> Answer:
            if not orders:
                return ERRORS["400100:cancel"].answer(now)
            order = orders[0]
            named = {"clientOid": order.new.client_id} if _by_client_id(call) else {"orderId": order.id}
            return render.result({**named, **render.sizes(order)} if f"{ORDERS}{SYNC}/" in call.request.path else named)

        return Cancellation(self._finder(call), answer)

    def _cancel_symbol(self, call: Call) -> Cancellation:
        symbol = self._market(call).symbol
        _check_cancels(call)
        return Cancellation(
            lambda now: self._engine.open_orders(now, symbol), lambda _orders, _now: render.result("success")
        )

    def _cancel_all(self, call: Call) -> Cancellation:
        """The answer tells in which native symbols something was cancelled."""
        _check_cancels(call)

        def answer(orders: Sequence[Order], now: float) -> Answer:  # noqa: ARG001 - the answer carries no time
            natives = sorted({order.new.market.native for order in orders})
            return render.result({"succeedSymbols": natives, "failedSymbols": []})

        return Cancellation(self._engine.open_orders, answer)

    def _query(self, call: Call) -> Answer:
        """An order that is not known is a success with no data."""
        found = self._finder(call)(call.now)
        return render.result(render.order(found[0]) if found else None)

    def _finder(self, call: Call) -> Callable[[float], list[Order]]:
        """By the last part of the path, in one symbol."""
        symbol, given = self._market(call).symbol, call.get("{id}")
        ids = {"client_id": given} if _by_client_id(call) else {"order_id": given}

        def find(now: float) -> list[Order]:
            order = self._engine.find(now, **ids, symbol=symbol)
            return [] if order is None else [order]

        return find

    def _active(self, call: Call) -> Answer:
        orders = self._engine.open_orders(call.now, self._market(call).symbol)
        return render.result([render.order(order) for order in reversed(orders)])

    def _done(self, call: Call) -> Answer:
        """Newest first, continued with lastId."""
        orders = self._engine.closed_orders(call.now, self._market(call).symbol)
        rows = [(render.cursor(order), render.order(order)) for order in orders]
        return _page(call, rows, DONE_DEFAULT)

    def _fills(self, call: Call) -> Answer:
        """Newest first, continued with lastId; with an orderId only the trades of that order."""
        wanted = call.get("orderId")
        rows = [
            (render.fill_id(trade), render.fill(order, trade))
            for order, trade in self._engine.trades(call.now, self._market(call).symbol)
            if wanted in {"", order.id}
        ]
        return _page(call, rows, LIST_MAX)

    def _accounts(self, call: Call) -> Answer:
        """Everything is in the trading account of the HF kind."""
        kind, wanted = call.get("type"), call.get("currency")
        rows = [
            render.account(index, asset, balance.free, balance.held)
            for index, (asset, balance) in enumerate(self._engine.account.balances().items())
            if kind in {"", "trade_hf"} and wanted in {"", asset}
        ]
        return render.result(rows)

    def _trade_fees(self, call: Call) -> Answer:
        names = call.get("symbols").split(",")
        if not set(names) <= set(self._markets):
            raise entry.refused("400100:symbol", call)
        return render.result([{"symbol": name, **render.fee_rates()} for name in names])

    def _one_symbol(self, call: Call) -> Answer:
        market = self._markets.get(call.get("{id}"))
        if market is None:
            raise entry.refused("400100:symbol", call)
        return render.result(render.symbol(market, call.mode))

    def _currencies(self, _call: Call) -> Answer:
        return render.result([render.currency(asset) for asset in self._engine.account.balances()])

    def _tickers(self, call: Call) -> Answer:
        rows = [render.ticker(market, self._engine.book(market.symbol, call.now)) for market in MARKETS]
        return render.result({"time": render.millis(call.now), "ticker": rows})

    def _best(self, call: Call) -> Answer:
        market = self._market(call)
        frame = self._engine.book(market.symbol, call.now)
        row = render.ticker(market, frame)
        best = {"bestBid": row["buy"], "bestAsk": row["sell"]}
        sizes = {name: row[name] for name in ("bestBidSize", "bestAskSize")}
        at = render.millis(frame.at)
        return render.result({"time": at, "sequence": str(at), **best, **sizes})

    def _depth(self, call: Call, count: int) -> Answer:
        frame = self._engine.book(self._market(call).symbol, call.now)
        return render.result(render.book(frame, count))

    def _market(self, call: Call, error: str = "400100:symbol") -> Market:
        """The market that is named; a missing name is a parameter error."""
        market = self._markets.get(call.get("symbol"))
        if market is None:
            raise entry.refused(error if call.get("symbol") else "400100", call)
        return market


def _route(request: Request) -> tuple[Route, str] | None:
    """The shape of a request and the id at the end of its path."""
    if (request.method, request.path) in ROUTES:
        return (request.method, request.path), ""
    head, _, last = request.path.rpartition("/")
    shape = (request.method, head + "/{id}")
    return (shape, last) if last and shape in ROUTES else None


def _check_cancels(call: Call) -> None:
    if call.mode is Mode.MAINTENANCE:
        raise entry.refused("200002", call)


def _by_client_id(call: Call) -> bool:
    return "/client-order/" in call.request.path


def _page(call: Call, rows: list[tuple[int, render.Json]], default: int) -> Answer:
    """Up to ``limit`` rows, newest first, of those that fit side, type, startAt, endAt (epoch ms) and lastId."""
    limit = call.get("limit")
    count = max(1, min(int(limit), LIST_MAX)) if entry.whole(limit) else default
    fitting = [(number, row) for number, row in rows if _fits(call, number, row)]
    fitting.sort(key=lambda pair: pair[0], reverse=True)
    shown = fitting[:count]
    return render.result({"items": [row for _, row in shown], "lastId": shown[-1][0] if shown else 0})


def _fits(call: Call, number: int, row: render.Json) -> bool:
    start, end, last = call.get("startAt"), call.get("endAt"), call.get("lastId")
    at = row["createdAt"]
    return (
        all(call.get(name) in {"", row[name]} for name in ("side", "type"))
        and isinstance(at, int)
        and (not entry.whole(start) or at >= int(start))
        and (not entry.whole(end) or at <= int(end))
        and (not entry.whole(last) or int(last) == 0 or number < int(last))
    )
