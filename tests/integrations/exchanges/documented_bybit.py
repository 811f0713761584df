"""The answers to a place that Bybit's documents name: raw bodies, and what each of them proves."""

from __future__ import annotations

from backend.domain.reasons import HealthClass as H
from backend.domain.reasons import RejectReason as R
from backend.domain.reasons import UnknownReason as U
from tests.integrations.exchanges.documented_answers import HTML, Case


def told(code: int, message: str, result: str = "{}") -> str:
    return f'{{"retCode":{code},"retMsg":"{message}","result":{result},"retExtInfo":{{}},"time":1700000000250}}'


def ours(reason: R, **messages: str) -> tuple[Case, ...]:
    """One case for each code, written ``c10001="message"``."""
    return _cases(reason, H.OURS, messages)


def limited(reason: R, **messages: str) -> tuple[Case, ...]:
    return _cases(reason, H.LIMITED, messages)


def mode(reason: R, **messages: str) -> tuple[Case, ...]:
    return _cases(reason, H.MODE, messages)


def unknown(reason: U, **messages: str) -> tuple[Case, ...]:
    return _cases(reason, H.UNKNOWN, messages)


def _cases(reason: R | U, health: H, messages: dict[str, str]) -> tuple[Case, ...]:
    codes = {int(name[1:].replace("minus", "-")): message for name, message in messages.items()}
    return tuple(Case(200, told(code, message), reason, health) for code, message in codes.items())


FORBIDDEN = "access too frequent"
ACKNOWLEDGED = '{"orderId":"1321003749386327552","orderLinkId":"0123456789abcdef0123456789abcdef"}'

BYBIT = (
    *ours(
        R.INVALID_REQUEST,
        c10001="Request parameter error.",
        c110003="Order price exceeds the allowable range.",
        c30208="Failed. Order price is higher than the maximum buying price.",
        c30209="Failed. Order price is lower than the minimum selling price.",
        c170132="Order price too high.",
        c170133="Order price lower than the minimum.",
        c170134="Order price decimal too long.",
        c170105="Parameter 'qty' was empty.",
        c170115="Invalid timeInForce.",
        c170116="Invalid orderType.",
        c170117="Invalid side.",
        c170130="Data sent for paramter 'qty' is not valid.",
        c170137="Order volume decimal too long.",
        c170381="The order quantity is larger than the maximum.",
        c110017="Reduce-only rule not satisfied.",
    ),
    *ours(
        R.UNDER_MINIMUM,
        c110094="Order notional value below the lower limit.",
        c170136="Order quantity lower than the minimum.",
        c170140="Transaction amount lower than the minimum.",
    ),
    *ours(R.UNKNOWN_SYMBOL, c170121="Invalid symbol."),
    *ours(R.WOULD_TAKE, c170218="The LIMIT-MAKER order is rejected due to invalid price."),
    *ours(R.CLOCK, c10002="The request time exceeds the time window range."),
    *ours(
        R.AUTHENTICATION,
        c10003="API key is invalid.",
        c10004="Error sign, please check your signature generation algorithm.",
        c10007="User authentication failed.",
        c33004="Your api key has expired.",
        cminus2015="Your api key has expired.",
    ),
    *ours(
        R.PERMISSION,
        c10005="Permission denied, please check your API key permissions.",
        c10010="Unmatched IP, please check your API key's bound IP addresses.",
    ),
    *ours(
        R.INSUFFICIENT_FUNDS,
        c110004="Wallet balance is insufficient.",
        c110006="The assets are estimated to be unable to cover the position margin.",
        c110007="ab not enough for new order",
        c110012="Insufficient available balance.",
        c110044="Available margin is insufficient.",
        c110045="Wallet balance is insufficient.",
        c110051="The user's available balance cannot cover the lowest price of the current market.",
        c110052="Your available balance is insufficient to set the price.",
        c110053="The user's available balance cannot cover the current market price and upper limit price.",
        c170131="Balance insufficient.",
    ),
    *ours(R.ORDER_LIMIT, c110020="Not allowed to have more than 500 active orders.", c170810="Too many active orders."),
    *ours(
        R.ACCOUNT_LOCKED,
        c10027="Transactions are banned.",
        c10024="Compliance rules triggered.",
        c10008="User has been banned.",
    ),
    *ours(R.BLOCKED, c10009="IP has been banned."),
    *limited(
        R.RATE_LIMITED,
        c10006="Too many visits. Exceeded the API Rate Limit.",
        c10018="Exceeded the IP Rate Limit.",
        c170222="Too many requests in this time frame.",
        c170005="Too many new orders; current limit is 20 orders per 1 second.",
    ),
    *mode(
        R.MARKET_CLOSED,
        c110063="Settlement in progress.",
        c110066="No trading is allowed at the current time.",
        c110074="This contract is not live.",
        c110095="Only limit orders are allowed in the call auction.",
        c30228="No new positions during delisting.",
        c170151="This trading pair is not open yet.",
        c170157="This trading pair is not available for api trading.",
        c170159="Market orders are not supported within the first 5 minutes of newly launched pairs.",
    ),
    *mode(R.VENUE_MODE, c170031="The feature has been suspended."),
    *unknown(
        U.DUPLICATE_ID,
        c110072="OrderLinkedID is duplicate.",
        c170141="Duplicate clientOrderId.",
        c12141="Duplicate clientOrderId.",
        c10014="Invalid duplicate request.",
    ),
    *unknown(
        U.VENUE_SAYS_UNKNOWN,
        c10000="Server Timeout",
        c5004="Server Timeout",
        c10016="Server error.",
        c170007="Timeout waiting for response from backend server.",
        c170146="Order creation timeout.",
        c170147="Order cancellation timeout.",
        c170310="Order modification timeout.",
        c170001="Internal error.",
        c170032="Network error. Please try again later.",
        c170234="System error.",
        c170035="Submitted successfully. Please wait a while as your order is being processed.",
        c110079="The order is processing and can not be operated, please try again later.",
        c170149="Create order failed.",
        c170210="New order rejected.",
        cminus1="request expired: o@0, now[1700000005250] diff[5000]",
        c429="The trading service is experiencing a high server load. Please retry if you encounter this issue.",
    ),
    # Without a code.
    Case(403, FORBIDDEN, R.BANNED, H.LIMITED),
    Case(403, '{"message":"Forbidden"}', R.BANNED, H.LIMITED),
    Case(429, "", R.RATE_LIMITED, H.LIMITED),
    Case(429, '{"message":"Too Many Requests"}', R.RATE_LIMITED, H.LIMITED),
    # The code decides where it doubts, and a 5xx proves nothing whatever it says.
    Case(403, told(10006, "Too many visits."), R.BANNED, H.LIMITED),
    Case(403, told(10000, "Server Timeout"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(429, told(10016, "Server error."), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(500, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(502, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(503, '{"message":"Service Unavailable"}', U.SERVER_ERROR, H.UNKNOWN),
    Case(503, told(110007, "ab not enough for new order"), U.SERVER_ERROR, H.UNKNOWN),
    Case(504, "", U.SERVER_ERROR, H.UNKNOWN),
    Case(524, "", U.SERVER_ERROR, H.UNKNOWN),
    # What nobody listed, and what is half an answer.
    Case(200, told(179999, "A code that nobody has seen."), U.UNLISTED, H.UNKNOWN),
    Case(200, told(170213, "Order does not exist."), U.UNLISTED, H.UNKNOWN),
    Case(401, told(0, ""), U.UNLISTED, H.UNKNOWN),
    Case(404, HTML, U.UNLISTED, H.UNKNOWN),
    Case(200, told(110007, "ab not enough for new order", ACKNOWLEDGED), U.UNLISTED, H.UNKNOWN),
    Case(200, told(0, "OK"), U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, told(0, "OK", "null"), U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, told(0, "OK", '{"orderId":"1","orderLinkId":"somebody-else"}'), U.NO_ORDER_ID, H.UNKNOWN),
    Case(
        200, told(0, "OK", '{"orderId":"","orderLinkId":"0123456789abcdef0123456789abcdef"}'), U.NO_ORDER_ID, H.UNKNOWN
    ),
    Case(200, '{"retCode":"110007","retMsg":"a code of another type"}', U.BROKEN_ANSWER, H.UNKNOWN),
    Case(200, '{"retCode":null}', U.BROKEN_ANSWER, H.UNKNOWN),
)
