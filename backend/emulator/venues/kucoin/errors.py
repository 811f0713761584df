"""The error answers of KuCoin spot, by a name that begins with the code.

The code in the body decides. Refusals of the trading system come with HTTP 200, those of the gateway with 4xx; which
status belongs to which code is documented for few of them and otherwise unverified.
"""

from __future__ import annotations

import json

from backend.emulator.dialect import VenueError
from backend.emulator.orders import Reason
from backend.emulator.venues.kucoin.facts import POOL
from backend.emulator.wire import HTML_TYPE

RESET_MS = 30_000
RATE_HEADERS = (
    ("gw-ratelimit-limit", str(POOL)),
    ("gw-ratelimit-remaining", "0"),
    ("gw-ratelimit-reset", str(RESET_MS)),
)


def _error(
    code: str, text: str, *, status: int = 200, definite: bool = True, headers: tuple[tuple[str, str], ...] = ()
) -> VenueError:
    return VenueError(status, json.dumps({"code": code, "msg": text}, separators=(",", ":")), definite, headers=headers)


def _page(status: int, title: str, *, definite: bool = False) -> VenueError:
    body = f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>{status} {title}</body>\r\n</html>\r\n"
    return VenueError(status, body, definite, HTML_TYPE)


CALLER = {
    "200004": _error("200004", "Balance insufficient!"),
    "200009": _error("200009", "Please complete the KYC verification before you trade."),
    "230001": _error("230001", "Order rejected."),  # text unverified
    "400001": _error("400001", "Please check the header of your request for KC-API-KEY.", status=401),
    "400002": _error("400002", "Invalid KC-API-TIMESTAMP", status=400),
    "400003": _error("400003", "KC-API-KEY not exists", status=401),
    "400004": _error("400004", "Invalid KC-API-PASSPHRASE", status=401),
    "400005": _error("400005", "Invalid KC-API-SIGN", status=401),
    "400006": _error("400006", "The requested ip address is not in the api whitelist", status=401),
    "400007": _error("400007", "Access denied, require more permission.", status=403),
    "400100": _error("400100", "Parameter Error"),
    "400100:balance": _error("400100", "account.available.amount"),
    "400100:client_oid": _error("400100", "validation.createOrder.clientOidIsInvalid"),  # text unverified
    "400100:duplicate": _error("400100", "validation.createOrder.clientOidDuplicated"),
    "400100:funds": _error("400100", "Funds increment invalid."),
    "400100:price": _error("400100", "Price increment invalid."),
    "400100:size": _error("400100", "Order size increment invalid."),
    "400100:size_max": _error("400100", "Order size above the maximum requirement."),  # text unverified
    "400100:size_min": _error("400100", "Order size below the minimum requirement."),
    "400100:symbol": _error("400100", "Unsupported trading pair."),
    "400100:window": _error("400100", "The order exceeded allowMaxTimeWindow."),  # code and text unverified
    "400200": _error("400200", "Forbidden to place an order"),
    "400350": _error("400350", "Upper limit for holding: 10,000USDT, you can still buy 10,000USDT worth of coin."),
    "400500": _error("400500", "Your located country/region is currently not supported for the trading of this token"),
    "400600": _error("400600", "validation.createOrder.symbolNotAvailable"),
    "411100": _error("411100", "User are frozen"),
}

# Answers that an order or a cancel gets about an order that is not there. They say nothing about what executed before.
LOOK_UPS = {
    "400100:cancel": _error("400100", "order_not_exist_or_not_allow_to_cancel", definite=False),
    "400100:cannot_cancel": _error("400100", "The order cannot be canceled.", definite=False),
    "400100:not_exist": _error("400100", "order not exist", definite=False),
    "400100:does_not_exist": _error("400100", "The order does not exist.", definite=False),
    "404000": _error("404000", "Url Not Found", status=404, definite=False),
}

VENUE = {
    "126009": _error("126009", "Trading pair is suspended from creating orders"),
    "200001": _error("200001", "Order creation for this pair suspended"),
    "200002": _error("200002", "Order cancel for this pair suspended"),
    "200003": _error("200003", "Number of orders breached the limit"),
    "300002": _error("300002", "Order placement/cancellation suspended, please try again later."),  # of futures
    "429000": _error("429000", "Too Many Requests", status=429, headers=RATE_HEADERS),
    "429000:200": _error("429000", "Too many requests. System-level rate limit exceeded.", headers=RATE_HEADERS),
    "600203": _error("600203", "Symbol BTC-USDT cant be traded"),
    "900001": _error("900001", "System is being upgraded."),  # text unverified
    "html_403": _page(403, "Error 1015: You are being rate limited", definite=True),
}

UNKNOWN = {
    # A post-only order that would trade is cancelled; how the place is then answered is not documented.
    "400100:post_only": _error("400100", "Post-only order would take.", definite=False),
    "408000": _error("408000", "Network timeout, please try again later", definite=False),
    "500000": _error("500000", "Internal Server Error", status=500, definite=False),
    "500:unlisted": _error("599999", "Unexpected error", status=500, definite=False),  # stands for any unknown code
    "503000": _error("503000", "Service Unavailable", status=503, definite=False),
    "html_408": _page(408, "Request Timeout"),
    "html_500": _page(500, "Internal Server Error"),
    "html_502": _page(502, "Bad Gateway"),
    "html_503": _page(503, "Service Temporarily Unavailable"),
    "html_504": _page(504, "Gateway Time-out"),
    "html_520": _page(520, "Web server is returning an unknown error"),
    "html_521": _page(521, "Web server is down"),
    "html_522": _page(522, "Connection timed out"),
    "html_523": _page(523, "Origin is unreachable"),
    "html_524": _page(524, "A timeout occurred"),
    "html_525": _page(525, "SSL handshake failed"),
    "html_526": _page(526, "Invalid SSL certificate"),
    "html_527": _page(527, "Railgun error"),
    "html_530": _page(530, "Origin DNS error"),
    # Answers that look like a success and say nothing.
    "200_empty": VenueError(200, "", definite=False, content_type=HTML_TYPE),
    "200_html": _page(200, "Just a moment..."),
    "200_object": VenueError(200, "{}", definite=False),
    "200000:null": VenueError(200, '{"code":"200000","data":null}', definite=False),
}

ERRORS = {**CALLER, **LOOK_UPS, **VENUE, **UNKNOWN}

BY_REASON = {
    Reason.FUNDS: "200004",
    Reason.WOULD_TAKE: "400100:post_only",
    Reason.DUPLICATE: "400100:duplicate",
}
