"""One order as each venue reports it: partly filled, sold, and ended."""

from __future__ import annotations

from decimal import Decimal

from tests.fakes.transport import Reply, answer
from tests.integrations.exchanges.support import CLIENT_ID

D = Decimal
VENUES = ("binance", "kraken", "firi", "bybit", "okx", "kucoin")
HTML = "<html>maintenance</html>"

BINANCE_ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "clientOrderId": CLIENT_ID,
    "price": "50000.00",
    "origQty": "0.00200000",
    "executedQty": "0.00050000",
    "cummulativeQuoteQty": "24.99",
    "status": "EXPIRED",
    "timeInForce": "IOC",
    "type": "LIMIT",
    "side": "SELL",
    "time": 1700000000123,
}
KUCOIN_ORDER = {
    "id": "28",
    "clientOid": CLIENT_ID,
    "symbol": "BTC-USDT",
    "opType": "DEAL",
    "type": "limit",
    "side": "sell",
    "price": "50000",
    "size": "0.002",
    "funds": "100",
    "dealSize": "0.0005",
    "dealFunds": "24.99",
    "fee": "0.02499",
    "feeCurrency": "USDT",
    "timeInForce": "IOC",
    "cancelExist": True,
    "createdAt": 1700000000123,
    "tradeType": "TRADE",
    "inOrderBook": False,
    "cancelledSize": "0.0015",
    "remainSize": "0",
    "active": False,
}
KRAKEN_ORDER = {
    "refid": None,
    "userref": None,
    "cl_ord_id": CLIENT_ID,
    "status": "canceled",
    "opentm": 1700000000.1234,
    "descr": {"pair": "XBTUSD", "type": "sell", "ordertype": "limit", "price": "50000.0"},
    "vol": "0.00200000",
    "vol_exec": "0.00050000",
    "price": "49980.0",
}
FIRI_ORDER = {
    "id": 12345678,
    "market": "BTCNOK",
    "type": "ask",
    "price": "500000.00",
    "amount": "0.002",
    "remaining": "0",
    "matched": "0.0005",
    "cancelled": "0.0015",
    "created_at": "2023-11-14T22:13:20.123Z",
}
BYBIT_ORDER = {
    "orderId": "28",
    "orderLinkId": CLIENT_ID,
    "symbol": "BTCUSDT",
    "price": "50000.0",
    "qty": "0.002",
    "side": "Sell",
    "orderStatus": "PartiallyFilledCanceled",
    "rejectReason": "EC_NoError",
    "avgPrice": "49980",
    "leavesQty": "0",
    "cumExecQty": "0.0005",
    "cumExecValue": "24.99",
    "cumExecFee": "0.02499",
    "timeInForce": "IOC",
    "orderType": "Limit",
    "createdTime": "1700000000123",
}
OKX_ORDER = {
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "ordId": "28",
    "clOrdId": CLIENT_ID,
    "px": "50000",
    "sz": "0.002",
    "ordType": "ioc",
    "side": "sell",
    "state": "canceled",
    "accFillSz": "0.0005",
    "avgPx": "49980",
    "fee": "-0.02499",
    "feeCcy": "USDT",
    "cTime": "1700000000123",
    "tdMode": "cash",
}


def kucoin(data: object) -> Reply:
    return answer({"code": "200000", "data": data})


def kraken(result: object) -> Reply:
    return answer({"error": [], "result": result})


def bybit(result: object, code: int = 0) -> Reply:
    return answer({"retCode": code, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1700000000250})


def bybit_rows(*rows: object, cursor: str = "") -> Reply:
    return bybit({"category": "spot", "list": list(rows), "nextPageCursor": cursor})


def okx(*rows: object, code: str = "0") -> Reply:
    return answer({"code": code, "msg": "", "data": list(rows)})
