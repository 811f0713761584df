"""The error answers of Binance spot, by a name that begins with the code.

HTTP statuses: 4xx for refused requests, 429 and 418 for limits, 5xx for the venue's own trouble. Marked unverified
are statuses that the documentation leaves open.
"""

from __future__ import annotations

import json

from backend.emulator.dialect import BAN_S, BAN_UNTIL_MS, VenueError
from backend.emulator.orders import Reason
from backend.emulator.wire import HTML_TYPE

RETRY_AFTER_S = 10


def _error(status: int, code: int, text: str, *, definite: bool = True, retry_after: int | None = None) -> VenueError:
    headers = () if retry_after is None else (("Retry-After", str(retry_after)),)
    body = json.dumps({"code": code, "msg": text}, separators=(",", ":"))
    return VenueError(status, body, definite, headers=headers)


def _page(status: int, title: str, *, definite: bool = False) -> VenueError:
    body = f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>{status} {title}</body>\r\n</html>\r\n"
    return VenueError(status, body, definite, HTML_TYPE)


SPAN_TOO_LONG = _error(400, -1127, "More than 24 hours between startTime and endTime.")
"""Of lists alone: an order never gets it, so it is not among the answers that a fault gives to one."""

ERRORS = {
    "-1000": _error(500, -1000, "An unknown error occurred while processing the request.", definite=False),
    # Documented as a failure for futures only; for spot any 5xx is an unknown outcome.
    "-1001": _error(503, -1001, "Internal error; unable to process your request. Please try again.", definite=False),
    "-1003": _error(
        429,
        -1003,
        "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
        retry_after=RETRY_AFTER_S,
    ),
    "-1003:banned": _error(
        418,
        -1003,
        f"Way too much request weight used; IP banned until {BAN_UNTIL_MS}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        retry_after=BAN_S,
    ),
    "-1006": _error(
        503,  # HTTP status unverified
        -1006,
        "An unexpected response was received from the message bus. Execution status unknown.",
        definite=False,
    ),
    "-1007": _error(
        504,  # HTTP status unverified: the futures documents name 408 for backend timeouts
        -1007,
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
        definite=False,
    ),
    "-1008": _error(
        503, -1008, "Server is currently overloaded with other requests. Please try again in a few minutes."
    ),
    "-1013:LOT_SIZE": _error(400, -1013, "Filter failure: LOT_SIZE"),
    "-1013:PRICE_FILTER": _error(400, -1013, "Filter failure: PRICE_FILTER"),
    "-1013:NOTIONAL": _error(400, -1013, "Filter failure: NOTIONAL"),
    "-1015": _error(429, -1015, "Too many new orders; current limit is 100 orders per 10 SECOND.", retry_after=10),
    "-1016": _error(503, -1016, "This service is no longer available.", definite=False),  # HTTP status unverified
    "-1021": _error(400, -1021, "Timestamp for this request is outside of the recvWindow."),
    "-1021:ahead": _error(400, -1021, "Timestamp for this request was 1000ms ahead of the server's time."),
    "-1022": _error(400, -1022, "Signature for this request is not valid."),
    "-1100:newClientOrderId": _error(
        400,
        -1100,
        "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
    ),
    "-1102": _error(400, -1102, "A mandatory parameter was not sent, was empty/null, or malformed."),
    "-1106:timeInForce": _error(400, -1106, "Parameter 'timeInForce' sent when not required."),
    "-1111": _error(400, -1111, "Precision is over the maximum defined for this asset."),
    "-1115": _error(400, -1115, "Invalid timeInForce."),
    "-1116": _error(400, -1116, "Invalid orderType."),
    "-1117": _error(400, -1117, "Invalid side."),
    "-1121": _error(400, -1121, "Invalid symbol."),
    "-1131": _error(400, -1131, "recvWindow must be less than 60000."),
    "-2010:balance": _error(400, -2010, "Account has insufficient balance for requested action."),
    "-2010:closed": _error(400, -2010, "Market is closed."),
    "-2010:duplicate": _error(400, -2010, "Duplicate order sent."),
    "-2010:permission": _error(400, -2010, "This symbol is not permitted for this account."),
    "-2010:post_only": _error(400, -2010, "Order would immediately match and take."),
    "-2011": _error(400, -2011, "Unknown order sent."),
    "-2013": _error(400, -2013, "Order does not exist."),
    "-2014": _error(401, -2014, "API-key format invalid."),
    "-2015": _error(401, -2015, "Invalid API-key, IP, or permissions for action."),
    "-2026": _error(
        400, -2026, "Order was canceled or expired with no executed qty over 90 days ago and has been archived."
    ),
    "html_403": _page(403, "Forbidden", definite=True),
    "html_451": _page(451, "Unavailable For Legal Reasons", definite=True),
    "html_500": _page(500, "Internal Server Error"),
    "html_502": _page(502, "Bad Gateway"),
    "html_503": _page(503, "Service Unavailable"),
    "html_504": _page(504, "Gateway Time-out"),
}

BY_REASON = {
    Reason.FUNDS: "-2010:balance",
    Reason.WOULD_TAKE: "-2010:post_only",
    Reason.DUPLICATE: "-2010:duplicate",
}
