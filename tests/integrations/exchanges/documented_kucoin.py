"""The answers to a place that KuCoin's documents name, and those that others recorded: what each of them proves."""

from __future__ import annotations

import json

from backend.domain.reasons import HealthClass as H
from backend.domain.reasons import RejectReason as R
from backend.domain.reasons import UnknownReason as U
from tests.integrations.exchanges.documented_answers import HTML, Case
from tests.integrations.exchanges.support import CLIENT_ID

PLACED = {
    "orderId": "67110f7cb81d910007c8d1e4",
    "clientOid": CLIENT_ID,
    "orderTime": 1700000000250,
    "originSize": "0.00012",
    "dealSize": "0.00012",
    "remainSize": "0",
    "canceledSize": "0",
    "status": "done",
    "matchTime": 1700000000251,
}


def failed(code: str, message: str) -> str:
    return json.dumps({"code": code, "msg": message})


def envelope(data: object, code: object = "200000") -> str:
    return json.dumps({"code": code, "data": data})


KUCOIN = (
    Case(200, failed("200004", "Balance insufficient!"), R.INSUFFICIENT_FUNDS, H.OURS),
    Case(400, failed("200004", "Balance insufficient!"), R.INSUFFICIENT_FUNDS, H.OURS),
    Case(200, failed("200003", "Number of orders breached the limit"), R.ORDER_LIMIT, H.OURS),
    Case(200, failed("400350", "Upper limit for holding: 10,000USDT"), R.ORDER_LIMIT, H.OURS),
    Case(200, failed("400600", "validation.createOrder.symbolNotAvailable"), R.UNKNOWN_SYMBOL, H.OURS),
    Case(400, failed("400002", "Invalid KC-API-TIMESTAMP"), R.CLOCK, H.OURS),
    Case(400, failed("400001", "Please check the header of your request"), R.AUTHENTICATION, H.OURS),
    Case(400, failed("400003", "KC-API-KEY not exists"), R.AUTHENTICATION, H.OURS),
    Case(400, failed("400004", "Invalid KC-API-PASSPHRASE"), R.AUTHENTICATION, H.OURS),
    Case(401, failed("400005", "Invalid KC-API-SIGN"), R.AUTHENTICATION, H.OURS),
    Case(400, failed("400006", "Invalid request ip, the current clientIp is: 1.2.3.4"), R.AUTHENTICATION, H.OURS),
    Case(400, failed("400007", "Access denied, require more permission"), R.PERMISSION, H.OURS),
    Case(200, failed("400200", "Forbidden to place an order"), R.PERMISSION, H.OURS),
    Case(200, failed("400500", "Your located country/region is currently not supported"), R.PERMISSION, H.OURS),
    Case(200, failed("200009", "Please complete the KYC verification before you trade"), R.PERMISSION, H.OURS),
    Case(200, failed("230001", "not eligible"), R.PERMISSION, H.OURS),
    Case(200, failed("400700", "Transaction restricted"), R.ACCOUNT_LOCKED, H.OURS),
    Case(200, failed("411100", "User are frozen"), R.ACCOUNT_LOCKED, H.OURS),
    Case(200, failed("200001", "Order creation for this pair suspended"), R.MARKET_CLOSED, H.MODE),
    Case(200, failed("600203", "Symbol BTC-USDT cant be traded"), R.MARKET_CLOSED, H.MODE),
    Case(200, failed("126009", "Trading pair is suspended from creating orders"), R.MARKET_CLOSED, H.MODE),
    Case(200, failed("900001", "System upgrade"), R.VENUE_MODE, H.MODE),
    Case(429, failed("429000", "Too many requests"), R.RATE_LIMITED, H.LIMITED),
    Case(200, failed("429000", "Too many requests. System-level rate limit exceeded."), R.RATE_LIMITED, H.LIMITED),
    Case(429, "", R.RATE_LIMITED, H.LIMITED),
    Case(403, HTML, R.BANNED, H.LIMITED),
    # The one code for a wrong parameter and for an id that exists: only the full wording tells them apart.
    Case(400, failed("400100", "account.available.amount"), R.INSUFFICIENT_FUNDS, H.OURS),
    Case(400, failed("400100", "Order size below the minimum requirement."), R.UNDER_MINIMUM, H.OURS),
    Case(400, failed("400100", "The quantity is below the minimum requirement."), R.UNDER_MINIMUM, H.OURS),
    Case(400, failed("400100", "Unsupported trading pair."), R.UNKNOWN_SYMBOL, H.OURS),
    Case(400, failed("400100", "price not in the given range!"), R.INVALID_REQUEST, H.OURS),
    Case(400, failed("400100", "validation.createOrder.clientOidIsRequired"), R.INVALID_REQUEST, H.OURS),
    Case(400, failed("400100", "Order size increment invalid."), R.INVALID_REQUEST, H.OURS),
    Case(400, failed("400100", "Price increment invalid."), R.INVALID_REQUEST, H.OURS),
    Case(400, failed("400100", "validation.createOrder.clientOidDuplicated"), U.DUPLICATE_ID, H.UNKNOWN),
    Case(200, failed("400100", "validation.createOrder.clientOidDuplicated"), U.DUPLICATE_ID, H.UNKNOWN),
    Case(400, failed("400100", "The clientOid was used before."), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(400, failed("400100", "order size below the minimum requirement."), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(400, failed("400100", ""), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, failed("126044", "clientOid duplicate"), U.DUPLICATE_ID, H.UNKNOWN),
    Case(200, failed("126033", "Duplicate order"), U.DUPLICATE_ID, H.UNKNOWN),
    # What looks like a refusal, and is none.
    Case(200, failed("408000", "Network timeout, please try again later"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, failed("500000", "Internal Server Error"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, failed("503000", "Service unavailable"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(403, failed("503000", "Service unavailable"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, failed("200002", "Order cancel for this pair suspended"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(408, HTML, U.TIMEOUT, H.UNKNOWN),
    Case(200, failed("300002", "Order placement/cancellation suspended"), U.UNLISTED, H.UNKNOWN),
    Case(200, failed("100004", "Order is in not cancelable state"), U.UNLISTED, H.UNKNOWN),
    Case(500, failed("200004", "Balance insufficient!"), U.SERVER_ERROR, H.UNKNOWN),
    Case(500, failed("500000", "Internal Server Error"), U.SERVER_ERROR, H.UNKNOWN),
    Case(503, failed("429000", "Too many requests"), U.SERVER_ERROR, H.UNKNOWN),
    Case(502, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(504, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(524, "", U.SERVER_ERROR, H.UNKNOWN),
    Case(527, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(400, failed("999999", "A code that nobody has seen."), U.UNLISTED, H.UNKNOWN),
    Case(400, '{"code":200004,"msg":"a code of another type"}', U.UNLISTED, H.UNKNOWN),
    Case(404, HTML, U.UNLISTED, H.UNKNOWN),
    # A success that names no order, or not ours.
    Case(200, envelope(None), U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, envelope({}), U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, envelope([]), U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, envelope({**PLACED, "orderId": ""}), U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, envelope({**PLACED, "orderId": None}), U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, envelope({**PLACED, "clientOid": "somebody-else"}), U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"code":"200000"}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, json.dumps({"data": PLACED}), U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, envelope(PLACED, 200000), U.NO_ORDER_ID, H.UNKNOWN),
    # An order id beside a refusal is neither.
    Case(200, envelope(PLACED, "200004"), U.UNLISTED, H.UNKNOWN),
)
