"""What the generic tests ask every venue. A new venue needs its row here, and its signer in ``kit``.

Rows of venues that have no folder yet are read from their documents and not tried.
"""

from __future__ import annotations

from backend.emulator.wire import Endpoint

Asked = tuple[str, str, dict[str, str]]  # method, path, fields

TIME, STATUS, DEPTH, QUERY = Endpoint.TIME, Endpoint.STATUS, Endpoint.DEPTH, Endpoint.QUERY
TRADES, BALANCES = Endpoint.TRADES, Endpoint.BALANCES

# QUERY and TRADES are calls that list closed orders and trades; STATUS is missing where the venue has none.
CALLS: dict[str, dict[Endpoint, Asked]] = {
    "binance": {
        TIME: ("GET", "/api/v3/time", {}),
        STATUS: ("GET", "/sapi/v1/system/status", {}),
        DEPTH: ("GET", "/api/v3/depth", {"symbol": "BTCUSDT"}),
        QUERY: ("GET", "/api/v3/allOrders", {"symbol": "BTCUSDT"}),
        TRADES: ("GET", "/api/v3/myTrades", {"symbol": "BTCUSDT"}),
        BALANCES: ("GET", "/api/v3/account", {}),
    },
    "kraken": {
        TIME: ("POST", "/0/public/Time", {}),
        STATUS: ("POST", "/0/public/SystemStatus", {}),
        DEPTH: ("POST", "/0/public/Depth", {"pair": "XXBTZUSD"}),
        QUERY: ("POST", "/0/private/ClosedOrders", {}),
        TRADES: ("POST", "/0/private/TradesHistory", {}),
        BALANCES: ("POST", "/0/private/BalanceEx", {}),
    },
    "bybit": {
        TIME: ("GET", "/v5/market/time", {}),
        STATUS: ("GET", "/v5/system/status", {}),
        DEPTH: ("GET", "/v5/market/orderbook", {"category": "spot", "symbol": "BTCUSDT"}),
        QUERY: ("GET", "/v5/order/history", {"category": "spot"}),
        TRADES: ("GET", "/v5/execution/list", {"category": "spot"}),
        BALANCES: ("GET", "/v5/account/wallet-balance", {"accountType": "UNIFIED"}),
    },
    "okx": {
        TIME: ("GET", "/api/v5/public/time", {}),
        STATUS: ("GET", "/api/v5/system/status", {}),
        DEPTH: ("GET", "/api/v5/market/books", {"instId": "BTC-USDT"}),
        QUERY: ("GET", "/api/v5/trade/orders-history", {"instType": "SPOT"}),
        TRADES: ("GET", "/api/v5/trade/fills-history", {"instType": "SPOT"}),
        BALANCES: ("GET", "/api/v5/account/balance", {}),
    },
    "kucoin": {
        TIME: ("GET", "/api/v1/timestamp", {}),
        STATUS: ("GET", "/api/v1/status", {}),
        DEPTH: ("GET", "/api/v1/market/orderbook/level2_20", {"symbol": "BTC-USDT"}),
        QUERY: ("GET", "/api/v1/hf/orders/done", {"symbol": "BTC-USDT"}),
        TRADES: ("GET", "/api/v1/hf/fills", {"symbol": "BTC-USDT"}),
        BALANCES: ("GET", "/api/v1/accounts", {}),
    },
    "firi": {
        TIME: ("GET", "/time", {}),
        DEPTH: ("GET", "/v2/markets/BTCNOK/depth", {}),
        QUERY: ("GET", "/v2/orders/history", {}),
        TRADES: ("GET", "/v2/history/orders", {}),
        BALANCES: ("GET", "/v2/balances", {}),
    },
}

# The name of the client id in an order, where the venue has one.
CLIENT_ID = {
    "binance": "newClientOrderId",
    "kraken": "cl_ord_id",
    "bybit": "orderLinkId",
    "okx": "clOrdId",
    "kucoin": "clientOid",
}

# How all open orders of the BTC market are cancelled.
CANCEL_ALL: dict[str, Asked] = {
    "binance": ("DELETE", "/api/v3/openOrders", {"symbol": "BTCUSDT"}),
    "kraken": ("POST", "/0/private/CancelAll", {}),
    "bybit": ("POST", "/v5/order/cancel-all", {"category": "spot", "symbol": "BTCUSDT"}),
    "kucoin": ("DELETE", "/api/v1/hf/orders", {"symbol": "BTC-USDT"}),
    "firi": ("DELETE", "/v2/orders/BTCNOK", {}),
}


def cancel(venue: str, order_id: str = "", client_id: str = "") -> Asked:
    """The cancel of one order of the BTC market by either id, with the call that tells most."""
    if venue == "kucoin":
        path = f"/api/v1/hf/orders/sync/{order_id}" if order_id else f"/api/v1/hf/orders/sync/client-order/{client_id}"
        return "DELETE", path, {"symbol": "BTC-USDT"}
    method, path, by_id, by_client, fields = {
        "binance": ("DELETE", "/api/v3/order", "orderId", "origClientOrderId", {"symbol": "BTCUSDT"}),
        "kraken": ("POST", "/0/private/CancelOrder", "txid", "cl_ord_id", {}),
        "bybit": ("POST", "/v5/order/cancel", "orderId", "orderLinkId", {"category": "spot", "symbol": "BTCUSDT"}),
        "okx": ("POST", "/api/v5/trade/cancel-order", "ordId", "clOrdId", {"instId": "BTC-USDT"}),
        "firi": ("DELETE", f"/v2/orders/{order_id}/BTCNOK/detailed", "", "", {}),
    }[venue]
    named = {by_id: order_id} if order_id else {by_client: client_id}
    return method, path, {**fields, **{name: value for name, value in named.items() if name}}
