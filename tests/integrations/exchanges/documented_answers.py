"""The answers to a place that the venues' documents name: raw bodies, and what each of them proves."""

from __future__ import annotations

from typing import NamedTuple

from backend.domain.reasons import HealthClass as H
from backend.domain.reasons import RejectReason as R
from backend.domain.reasons import UnknownReason as U


class Case(NamedTuple):
    status: int
    body: str
    reason: R | U
    health: H


def minus(code: int, message: str) -> str:
    return f'{{"code":{code},"msg":"{message}"}}'


def error(*texts: str) -> str:
    return '{"error":[' + ",".join(f'"{text}"' for text in texts) + "]}"


HTML = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"

BINANCE = (
    Case(429, minus(-1003, "Too many requests queued."), R.RATE_LIMITED, H.LIMITED),
    Case(
        429, minus(-1015, "Too many new orders; current limit is 100 orders per 10 SECOND."), R.RATE_LIMITED, H.LIMITED
    ),
    Case(429, "", R.RATE_LIMITED, H.LIMITED),
    Case(418, minus(-1003, "Way too much request weight used; IP banned until 1700000120000."), R.BANNED, H.LIMITED),
    Case(403, HTML, R.BLOCKED, H.OURS),
    Case(451, minus(0, "Service unavailable from a restricted location"), R.BLOCKED, H.OURS),
    Case(408, "", U.TIMEOUT, H.UNKNOWN),
    Case(408, minus(-1007, "Timeout waiting for response from backend server."), U.TIMEOUT, H.UNKNOWN),
    Case(503, minus(-1008, "Server is currently overloaded with other requests."), U.SERVER_ERROR, H.UNKNOWN),
    Case(400, minus(-1008, "Server is currently overloaded with other requests."), U.UNLISTED, H.UNKNOWN),
    Case(500, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(502, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(503, "Service Unavailable.", U.SERVER_ERROR, H.UNKNOWN),
    Case(503, minus(-1001, "Internal error; unable to process your request."), U.SERVER_ERROR, H.UNKNOWN),
    Case(503, minus(-1016, "This service is no longer available."), U.SERVER_ERROR, H.UNKNOWN),
    Case(503, minus(-2010, "Market is closed."), U.SERVER_ERROR, H.UNKNOWN),
    Case(504, minus(-1007, "Timeout waiting for response from backend server."), U.SERVER_ERROR, H.UNKNOWN),
    Case(523, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(524, "", U.SERVER_ERROR, H.UNKNOWN),
    Case(400, minus(-1000, "An unknown error occurred while processing the request."), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(400, minus(-1001, "Internal error; unable to process your request."), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(400, minus(-1006, "Execution status unknown."), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(400, minus(-1007, "Send status unknown; execution status unknown."), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(400, minus(-1003, "Too many requests queued."), R.RATE_LIMITED, H.LIMITED),
    Case(400, minus(-1015, "Too many new orders."), R.RATE_LIMITED, H.LIMITED),
    Case(400, minus(-1016, "This service is no longer available."), R.VENUE_MODE, H.MODE),
    Case(400, minus(-1014, "Unsupported order combination."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1020, "This operation is not supported."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1100, "Illegal characters found in parameter 'price'."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1101, "Too many parameters."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1102, "Mandatory parameter 'price' was not sent."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1103, "An unknown parameter was sent."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1104, "Not all sent parameters were read."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1105, "Parameter 'price' was empty."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1106, "Parameter 'price' sent when not required."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1108, "Parameter 'price' overflowed."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1111, "Parameter 'quantity' has too much precision."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1114, "TimeInForce parameter sent when not required."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1115, "Invalid timeInForce."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1116, "Invalid orderType."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1117, "Invalid side."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1118, "New client order ID was empty."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1128, "Combination of optional parameters invalid."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1130, "Data sent for parameter 'side' is not valid."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1121, "Invalid symbol."), R.UNKNOWN_SYMBOL, H.OURS),
    Case(400, minus(-1021, "Timestamp for this request is outside of the recvWindow."), R.CLOCK, H.OURS),
    Case(400, minus(-1131, "recvWindow must be less than 60000"), R.CLOCK, H.OURS),
    Case(401, minus(-1002, "You are not authorized to execute this request."), R.AUTHENTICATION, H.OURS),
    Case(400, minus(-1022, "Signature for this request is not valid."), R.AUTHENTICATION, H.OURS),
    Case(401, minus(-2014, "API-key format invalid."), R.AUTHENTICATION, H.OURS),
    Case(401, minus(-2015, "Invalid API-key, IP, or permissions for action."), R.AUTHENTICATION, H.OURS),
    Case(400, minus(-1013, "Filter failure: LOT_SIZE"), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1013, "Filter failure: NOTIONAL"), R.UNDER_MINIMUM, H.OURS),
    Case(400, minus(-1013, "Filter failure: MIN_NOTIONAL"), R.UNDER_MINIMUM, H.OURS),
    Case(400, minus(-1013, "Filter failure: MAX_NUM_ORDERS"), R.ORDER_LIMIT, H.OURS),
    Case(400, minus(-2010, "Duplicate order sent."), U.DUPLICATE_ID, H.UNKNOWN),
    Case(
        400,
        minus(-2010, "Account has insufficient balance for requested action."),
        R.INSUFFICIENT_FUNDS,
        H.OURS,
    ),
    Case(400, minus(-2010, "Order would immediately match and take."), R.WOULD_TAKE, H.OURS),
    Case(400, minus(-2010, "Market is closed."), R.MARKET_CLOSED, H.MODE),
    Case(400, minus(-2010, "This symbol is not permitted for this account."), R.PERMISSION, H.OURS),
    Case(400, minus(-2010, "This symbol is restricted for this account."), R.PERMISSION, H.OURS),
    Case(400, minus(-2010, "This action is disabled on this account."), R.ACCOUNT_LOCKED, H.OURS),
    Case(400, minus(-2010, "This account may not place or cancel orders."), R.ACCOUNT_LOCKED, H.OURS),
    # Words that contain listed words are other words.
    Case(400, minus(-2010, "Market is closed. Duplicate order sent."), U.UNLISTED, H.UNKNOWN),
    Case(400, minus(-2010, "account has insufficient balance for requested action."), U.UNLISTED, H.UNKNOWN),
    Case(400, minus(-2010, ""), U.UNLISTED, H.UNKNOWN),
    Case(400, minus(-9999, "A code that nobody has seen."), U.UNLISTED, H.UNKNOWN),
    Case(400, '{"code":"-1121","msg":"a code of another type"}', U.UNLISTED, H.UNKNOWN),
    Case(400, HTML, U.UNLISTED, H.UNKNOWN),
    Case(404, HTML, U.UNLISTED, H.UNKNOWN),
    Case(200, minus(-2010, "Market is closed."), U.NO_ORDER_ID, H.UNKNOWN),
)

KRAKEN = (
    Case(200, error("EOrder:Insufficient funds"), R.INSUFFICIENT_FUNDS, H.OURS),
    Case(200, error("EOrder:Insufficient margin"), R.INSUFFICIENT_FUNDS, H.OURS),
    Case(200, error("EOrder:Order minimum not met"), R.UNDER_MINIMUM, H.OURS),
    Case(200, error("EOrder:Cost minimum not met"), R.UNDER_MINIMUM, H.OURS),
    Case(200, error("EGeneral:Invalid arguments"), R.INVALID_REQUEST, H.OURS),
    Case(200, error("EGeneral:Invalid arguments:volume"), R.INVALID_REQUEST, H.OURS),
    Case(200, error("EGeneral:Invalid arguments:price"), R.INVALID_REQUEST, H.OURS),
    Case(200, error("EGeneral:Invalid arguments:cl_ord_id"), R.INVALID_REQUEST, H.OURS),
    Case(200, error("EOrder:Tick size check failed"), R.INVALID_REQUEST, H.OURS),
    Case(200, error("EOrder:Post only order"), R.WOULD_TAKE, H.OURS),
    Case(200, error("EOrder:Orders limit exceeded"), R.ORDER_LIMIT, H.OURS),
    Case(200, error("EOrder:Trading agreement required"), R.PERMISSION, H.OURS),
    Case(200, error("EOrder:Cannot open position"), R.PERMISSION, H.OURS),
    Case(200, error("EGeneral:Permission denied"), R.PERMISSION, H.OURS),
    Case(200, error("EQuery:Unknown asset pair"), R.UNKNOWN_SYMBOL, H.OURS),
    Case(200, error("EAPI:Invalid key"), R.AUTHENTICATION, H.OURS),
    Case(200, error("EAPI:Invalid signature"), R.AUTHENTICATION, H.OURS),
    Case(200, error("EAPI:Invalid nonce"), R.NONCE, H.OURS),
    Case(200, error("ETrade:User Locked"), R.ACCOUNT_LOCKED, H.OURS),
    Case(200, error("EService:Market in cancel_only mode"), R.VENUE_MODE, H.MODE),
    Case(200, error("EService:Market in post_only mode"), R.VENUE_MODE, H.MODE),
    Case(200, error("EService:Market in limit_only mode"), R.VENUE_MODE, H.MODE),
    Case(200, error("EService:Market in reduce_only mode"), R.VENUE_MODE, H.MODE),
    Case(200, error("EService:Market in maintenance mode"), R.VENUE_MODE, H.MODE),
    Case(200, error("EAPI:Rate limit exceeded"), R.RATE_LIMITED, H.LIMITED),
    Case(200, error("EOrder:Rate limit exceeded"), R.RATE_LIMITED, H.LIMITED),
    Case(200, error("EOrder:Domain rate limit exceeded"), R.RATE_LIMITED, H.LIMITED),
    Case(200, error("EGeneral:Too many requests"), R.RATE_LIMITED, H.LIMITED),
    Case(200, error("EService:Throttled"), R.RATE_LIMITED, H.LIMITED),
    Case(200, error("EService:Throttled: 1700000009"), R.RATE_LIMITED, H.LIMITED),
    Case(200, error("EGeneral:Temporary lockout"), R.BANNED, H.LIMITED),
    Case(200, error("EService:Unavailable"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, error("EService:Busy"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, error("EService:Timeout"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, error("EGeneral:Internal error"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, error("EGeneral:Internal error:500"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, error("EDatabase:Internal error"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, error("EOrder:Unknown order"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(408, HTML, U.TIMEOUT, H.UNKNOWN),
    Case(500, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(502, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(520, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(524, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(504, error("EOrder:Insufficient funds"), U.SERVER_ERROR, H.UNKNOWN),
    Case(200, error("EOrder:Something new"), U.UNLISTED, H.UNKNOWN),
    Case(200, error("EOrder:Insufficient funds:detail"), U.UNLISTED, H.UNKNOWN),
    Case(200, error("EOrder:insufficient funds"), U.UNLISTED, H.UNKNOWN),
    Case(200, error("no category"), U.UNLISTED, H.UNKNOWN),
    # Several errors are a proof only when each of them is.
    Case(200, error("EOrder:Insufficient funds", "EOrder:Tick size check failed"), R.INSUFFICIENT_FUNDS, H.OURS),
    Case(200, error("EOrder:Insufficient funds", "EService:Busy"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, error("EOrder:Insufficient funds", "EOrder:Something new"), U.UNLISTED, H.UNKNOWN),
    Case(
        200, '{"error":["EOrder:Insufficient funds"],"result":{"txid":["OAAAAA-BBBBB-CCCCCC"]}}', U.UNLISTED, H.UNKNOWN
    ),
    Case(200, '{"error":["WGeneral:Danger"],"result":{}}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"error":[],"result":{}}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"error":[],"result":{"txid":[]}}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"error":[],"result":{"txid":[""]}}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"error":[],"result":{"txid":[null]}}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"error":[],"result":{"descr":{"order":"buy"}}}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"error":"EOrder:Insufficient funds"}', U.BROKEN_ANSWER, H.UNKNOWN),
    Case(200, '{"error":[17]}', U.BROKEN_ANSWER, H.UNKNOWN),
)


def named(name: str, message: str) -> str:
    return f'{{"name":"{name}","message":"{message}"}}'


FIRI = (
    Case(400, named("InsufficientFunds", "Insufficient funds"), R.INSUFFICIENT_FUNDS, H.OURS),
    Case(200, named("InsufficientFunds", "Insufficient funds"), R.INSUFFICIENT_FUNDS, H.OURS),
    Case(400, named("TooHighPriceAccuracy", "Too many decimals"), R.INVALID_REQUEST, H.OURS),
    Case(400, named("TooHighVolumeAccuracy", "Too many decimals"), R.INVALID_REQUEST, H.OURS),
    Case(400, named("InvalidAmount", "Invalid amount"), R.INVALID_REQUEST, H.OURS),
    Case(400, named("BadRequest", "Volume too low"), R.UNDER_MINIMUM, H.OURS),
    Case(400, named("BadRequest", "Price is invalid"), R.INVALID_REQUEST, H.OURS),
    Case(400, named("BadRequest", "Something else"), U.UNLISTED, H.UNKNOWN),
    Case(401, named("ApiKeyNotFound", "Unknown key"), R.AUTHENTICATION, H.OURS),
    Case(401, named("Invalid Signature", ""), R.AUTHENTICATION, H.OURS),
    Case(401, named("InvalidSignature", "Invalid Signature"), R.AUTHENTICATION, H.OURS),
    Case(401, named("SecurityLevelTooLow", "Security level too low"), R.PERMISSION, H.OURS),
    Case(401, named("Expired Signature", ""), R.CLOCK, H.OURS),
    Case(401, named("ExpiredSignature", "Expired Signature"), R.CLOCK, H.OURS),
    Case(404, named("MarketNotFound", "Unknown market"), R.UNKNOWN_SYMBOL, H.OURS),
    Case(429, "", R.RATE_LIMITED, H.LIMITED),
    Case(500, "<html><body>Internal Server Error</body></html>", U.SERVER_ERROR, H.UNKNOWN),
    Case(500, named("InsufficientFunds", "Insufficient funds"), U.SERVER_ERROR, H.UNKNOWN),
    Case(502, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(527, "", U.SERVER_ERROR, H.UNKNOWN),
    Case(400, named("NeverSeen", "A new name"), U.UNLISTED, H.UNKNOWN),
    Case(200, named("NeverSeen", "A new name"), U.UNLISTED, H.UNKNOWN),
    Case(403, HTML, U.UNLISTED, H.UNKNOWN),
    Case(401, "", U.UNLISTED, H.UNKNOWN),
    Case(201, '{"id":12345678,"name":"InsufficientFunds","message":""}', U.UNLISTED, H.UNKNOWN),
    Case(201, '{"id":null}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(201, '{"id":0}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(201, '{"id":true}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(201, '{"id":""}', U.NO_ORDER_ID, H.UNKNOWN),
)

CASES = {"binance": BINANCE, "kraken": KRAKEN, "firi": FIRI}
