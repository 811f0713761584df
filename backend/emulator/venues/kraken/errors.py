"""The error answers of Kraken spot. The texts stand in an envelope with HTTP 200; pages come from its edge."""

from __future__ import annotations

import json

from backend.emulator.dialect import VenueError
from backend.emulator.orders import Reason
from backend.emulator.wire import HTML_TYPE

# The documents do not print the refusal of an id that an open order carries: this text is unverified.
DUPLICATE = "EOrder:Duplicate cl_ord_id"

_DEFINITE = (
    "EAPI:Invalid key",
    "EAPI:Invalid nonce",
    "EAPI:Invalid signature",
    "EAPI:Rate limit exceeded",
    "EGeneral:Invalid arguments",
    "EGeneral:Invalid arguments:cl_ord_id",
    "EGeneral:Invalid arguments:deadline",
    "EGeneral:Invalid arguments:ordertype",
    "EGeneral:Invalid arguments:price",
    "EGeneral:Invalid arguments:timeinforce",
    "EGeneral:Invalid arguments:type",
    "EGeneral:Invalid arguments:volume",
    "EGeneral:Permission denied",
    "EGeneral:Temporary lockout",
    "EGeneral:Too many requests",
    "EGeneral:Unknown method",
    "EOrder:Cannot open position",
    "EOrder:Cost minimum not met",
    "EOrder:Domain rate limit exceeded",
    DUPLICATE,
    "EOrder:Insufficient funds",
    "EOrder:Insufficient margin",
    "EOrder:Order minimum not met",
    "EOrder:Orders limit exceeded",
    "EOrder:Post only order",
    "EOrder:Rate limit exceeded",
    "EOrder:Tick size check failed",
    "EOrder:Trading agreement required",
    "EOrder:Unknown order",
    "EQuery:Unknown asset pair",
    "EService:Deadline elapsed",
    "EService:Market in cancel_only mode",
    "EService:Market in limit_only mode",
    "EService:Market in maintenance mode",
    "EService:Market in post_only mode",
    "EService:Market in reduce_only mode",
    "EService:Throttled",
    "ETrade:User Locked",
)
_UNKNOWN = (
    "EDatabase:Internal error",
    "EGeneral:Internal error",
    "EGeneral:Internal error:500",
    "EService:Busy",
    "EService:Timeout",
    "EService:Unavailable",
)
_PAGES = {
    403: "Forbidden",
    408: "Request Timeout",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
    520: "Web server is returning an unknown error",
    521: "Web server is down",
    522: "Connection timed out",
    523: "Origin is unreachable",
    524: "A timeout occurred",
    525: "SSL handshake failed",
    527: "Railgun Error",
    530: "Origin DNS error",
}


def _listed(text: str, *, definite: bool) -> VenueError:
    return VenueError(200, json.dumps({"error": [text]}, separators=(",", ":")), definite)


def _page(status: int, title: str) -> VenueError:
    body = (
        f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body><h1>{status} {title}</h1></body>\r\n</html>"
    )
    return VenueError(status, body, definite=False, content_type=HTML_TYPE)


ERRORS = {
    **{text: _listed(text, definite=True) for text in _DEFINITE},
    **{text: _listed(text, definite=False) for text in _UNKNOWN},
    **{f"html_{status}": _page(status, title) for status, title in _PAGES.items()},
}

BY_REASON = {
    Reason.FUNDS: "EOrder:Insufficient funds",
    Reason.WOULD_TAKE: "EOrder:Post only order",
    Reason.DUPLICATE: DUPLICATE,
}
