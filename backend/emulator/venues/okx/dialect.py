"""OKX's v5 REST protocol for spot, and the calls outside of it that a client makes to load markets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backend.emulator.dialect import Batch, Call, Cancellation, Keys, Mode, Refused, Served, Submission
from backend.emulator.market import Market
from backend.emulator.matching import Engine
from backend.emulator.orders import NewOrder, Order, Reason, Status, Trade
from backend.emulator.venues.okx import auth, entry, render
from backend.emulator.venues.okx.errors import BY_REASON, ERRORS, ROW_TEXTS
from backend.emulator.venues.okx.facts import (
    ARCHIVE_KEPT_S,
    BATCH_MAX,
    FILLS_KEPT_S,
    HISTORY_KEPT_S,
    MARKETS,
    UNFILLED_KEPT_S,
)
from backend.emulator.wire import Answer, Endpoint, Request, form

LIST_MAX = 100
DEPTH_DEFAULT, DEPTH_MAX = 1, 400

# For each call the endpoint it counts as, and whether it must be signed.
ROUTES: Mapping[tuple[str, str], tuple[Endpoint, bool]] = {
    ("GET", "/api/v5/public/time"): (Endpoint.TIME, False),
    ("GET", "/api/v5/system/status"): (Endpoint.STATUS, False),
    ("GET", "/api/v5/public/instruments"): (Endpoint.MARKETS, False),
    ("GET", "/api/v5/account/instruments"): (Endpoint.MARKETS, True),
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
    ("GET", "/api/v5/account/trade-fee"): (Endpoint.BALANCES, True),
}

Handler = Callable[[Call], Served]


class OkxDialect:
    """One instance per emulated venue. Queries carry their parameters in the query string, orders in a JSON body."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self._engine = engine
        self._keys = keys
        self._markets = {market.native: market for market in MARKETS}
        self._handlers: dict[str, Handler] = {
            "/api/v5/public/time": lambda call: render.result([{"ts": render.millis(call.now)}]),
            "/api/v5/system/status": self._status,
            "/api/v5/public/instruments": self._instruments,
            "/api/v5/account/instruments": self._instruments,
            "/api/v5/asset/currencies": self._currencies,
            "/api/v5/account/config": lambda _call: render.result([render.config(self._keys)]),
            "/api/v5/market/books": self._depth,
            "/api/v5/market/ticker": self._tickers,
            "/api/v5/market/tickers": self._tickers,
            "/api/v5/trade/order": self._query,
            "/api/v5/trade/cancel-order": self._cancel,
            "/api/v5/trade/cancel-batch-orders": self._cancel,
            "/api/v5/trade/orders-pending": self._pending,
            "/api/v5/trade/orders-history": lambda call: self._history(call, HISTORY_KEPT_S),
            "/api/v5/trade/orders-history-archive": lambda call: self._history(call, ARCHIVE_KEPT_S),
            "/api/v5/trade/fills": lambda call: self._fills(call, FILLS_KEPT_S),
            "/api/v5/trade/fills-history": lambda call: self._fills(call, ARCHIVE_KEPT_S),
            "/api/v5/account/balance": self._balance,
            "/api/v5/account/trade-fee": lambda call: render.result([render.fee_rates(call.now)]),
        }

    def route(self, request: Request) -> Endpoint | None:
        """What the request is for."""
        known = ROUTES.get((request.method, request.path))
        return known[0] if known else None

    def serve(self, request: Request, now: float, mode: Mode | None) -> Served:
        """Check headers and signature where they are asked for, then answer."""
        endpoint, signed = ROUTES[request.method, request.path]
        if signed:
            auth.check(request, self._keys, now)
        call = Call(request, form(request.query), now, mode)
        if endpoint is Endpoint.PLACE:
            return self._place(call)
        return self._handlers[request.path](call)

    def unknown(self, request: Request, now: float) -> Answer:  # noqa: ARG002 - the same for all
        """An error in the usual shape (unverified)."""
        return ERRORS["404"].answer(now)

    def _place(self, call: Call) -> Served:
        """One order, or the orders of a batch. What is wrong with one of them does not concern the others."""
        if call.mode is Mode.MAINTENANCE:
            raise _refused("50001", call)
        rows, deadline = _rows(call), _deadline(call)
        return _together([self._judged(row, deadline, call) for row in rows], call)

    def _judged(self, row: entry.Row, deadline: float | None, call: Call) -> Submission | render.Json:
        """An order on its way to the engine, or the row that says why it is not."""
        client_id = row.get("clOrdId", "")
        try:
            order = self._read(row, call)
        except entry.RowFailed as failed:
            return render.outcome(client_id, "", call.now, failed.code, failed.text)

        def accepted(order: Order, now: float) -> Answer:
            return render.outcomes([render.outcome(client_id, order.id, now)], now)

        def refused(reason: Reason, now: float) -> Answer:
            code = BY_REASON.get(reason, "51000")
            return render.outcomes([render.outcome(client_id, "", now, code, ROW_TEXTS[code])], now)

        return Submission(order, deadline, ERRORS["50037"].answer, accepted, refused)

    def _read(self, row: entry.Row, call: Call) -> NewOrder:
        market = self._markets.get(row.get("instId", ""))
        if market is None:
            raise entry.RowFailed("51001")
        desk = entry.Desk(self._engine.book(market.symbol, call.now), self._engine.account.free)
        order = entry.read(row, market, desk)
        if call.mode is not None and not order.post_only:
            raise entry.RowFailed("51022")  # which code is used before the opening is unverified
        return order

    def _cancel(self, call: Call) -> Served:
        """One order, or several. Filled, cancelled and unknown orders are not told apart, as the text of 51400 has it;
        when the venue uses 51401 and 51402 instead is unverified.

        The deadline of a header is documented for places and amendments only.
        """
        if call.mode is Mode.MAINTENANCE:
            raise _refused("50001", call)
        return _together([self._cancellation(row, call) for row in _rows(call, "ordId", "clOrdId")], call)

    def _cancellation(self, row: entry.Row, call: Call) -> Cancellation | render.Json:
        """A cancel on its way to the engine, or the row that says why it is not."""
        order_id, client_id = row.get("ordId", ""), row.get("clOrdId", "")
        market = self._markets.get(row.get("instId", ""))
        if market is None:
            return render.outcome(client_id, order_id, call.now, "51001", ROW_TEXTS["51001"])

        def find(now: float) -> list[Order]:
            order = self._find(market, order_id, client_id, now)
            return [] if order is None else [order]

        def answer(orders: Sequence[Order], now: float) -> Answer:
            if not orders:
                return render.outcomes([render.outcome(client_id, order_id, now, "51400", ROW_TEXTS["51400"])], now)
            return render.outcomes([render.outcome(orders[0].new.client_id or "", orders[0].id, now)], now)

        return Cancellation(find, answer)

    def _query(self, call: Call) -> Answer:
        """Of several orders with one clOrdId the latest. For how long the venue finds an ended one is unverified."""
        market, order_id, client_id = self._market(call, "51001"), call.get("ordId"), call.get("clOrdId")
        if not order_id and not client_id:
            raise _refused("50015", call)
        order = self._find(market, order_id, client_id, call.now)
        if order is None or not _is_kept(order, call.now, ARCHIVE_KEPT_S):
            raise _refused("51603", call)
        return render.result([render.order(order)])

    def _find(self, market: Market, order_id: str, client_id: str, now: float) -> Order | None:
        """By ordId or, without one, by clOrdId, in one instrument."""
        if order_id:
            return self._engine.find(now, order_id=order_id, symbol=market.symbol)
        return self._engine.find(now, client_id=client_id, symbol=market.symbol)

    def _pending(self, call: Call) -> Answer:
        return _orders(call, self._engine.open_orders(call.now, self._symbol(call)))

    def _history(self, call: Call, kept_s: float) -> Answer:
        orders = self._engine.closed_orders(call.now, self._symbol(call))
        return _orders(call, [order for order in orders if _is_kept(order, call.now, kept_s)])

    def _fills(self, call: Call, kept_s: float) -> Answer:
        """Newest first, continued after a billId."""
        pairs = self._engine.trades(call.now, self._symbol(call), order_id=call.get("ordId") or None)
        rows = []
        for order, trade in pairs:
            if call.now - trade.at <= kept_s and _in_range(call, int(render.millis(trade.at))):
                bill = self._bill_id(order, trade)
                rows.append((bill, render.fill(order, trade, bill)))
        return _page(call, rows)

    def _bill_id(self, order: Order, trade: Trade) -> int:
        return render.bill_id(trade, list(self._markets).index(order.new.market.native))

    def _balance(self, call: Call) -> Answer:
        wanted = call.get("ccy").split(",") if call.get("ccy") else None
        details = [
            render.balance(asset, balance.free, balance.held, call.now)
            for asset, balance in self._engine.account.balances().items()
            if wanted is None or asset in wanted
        ]
        return render.result([{"uTime": render.millis(call.now), "totalEq": "0", "details": details}])

    def _status(self, call: Call) -> Answer:
        events = render.events(call.mode, call.now)
        return render.result([event for event in events if call.get("state") in {"", event["state"]}])

    def _instruments(self, call: Call) -> Answer:
        """Spot only: the lists of the other types are empty."""
        if not call.get("instType"):
            raise _refused("50014", call)
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
            raise _refused("50014", call)
        market = self._markets.get(call.get("instId"))
        if market is None:
            raise _refused(error, call)
        return market


def _together(made: Sequence[Submission | Cancellation | render.Json], call: Call) -> Served:
    """What goes to the engine of the orders or cancels of one request, and the rows of the others in their places."""
    parts = [one for one in made if isinstance(one, Submission | Cancellation)]
    if not parts:
        return render.outcomes([one for one in made if not isinstance(one, Submission | Cancellation)], call.now)
    if len(made) == 1:
        return parts[0]

    def joined(answers: Sequence[Answer], now: float) -> Answer:
        given = iter(answers)
        rows = [render.only_row(next(given)) if isinstance(one, Submission | Cancellation) else one for one in made]
        return render.outcomes(rows, now)

    return Batch(parts, joined)


def _rows(call: Call, *either: str) -> list[entry.Row]:
    """The orders of a request: one object, or a list of them. All name an instrument, and one of the ``either``."""
    rows = entry.read_rows(call.request)
    if rows is None or len(rows) > BATCH_MAX:  # the code for too long a list is not in the tables here
        raise _refused("50002", call)
    if not all(row.get("instId") for row in rows):
        raise _refused("50014", call)
    if either and not all(any(row.get(name) for name in either) for row in rows):
        raise _refused("50015", call)
    return rows


def _deadline(call: Call) -> float | None:
    """The last moment (epoch seconds) at which orders may be taken, where a header names one."""
    text = call.request.headers.get("exptime")
    if text is None:
        return None
    if not entry.whole(text):
        raise _refused("51000", call)
    if int(text) / 1000 < call.now:
        raise _refused("50036", call)
    return int(text) / 1000


def _is_kept(order: Order, now: float, kept_s: float) -> bool:
    """Is an order still shown? One that ended without a fill is forgotten sooner."""
    kept_s = kept_s if order.filled else UNFILLED_KEPT_S
    return order.status is Status.OPEN or now - order.updated <= kept_s


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


def _refused(name: str, call: Call) -> Refused:
    """The listed error as an exception."""
    return Refused(ERRORS[name].answer(call.now))
