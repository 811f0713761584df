"""Firi's error answers: name and message. Names without a documented answer are marked."""

from __future__ import annotations

import json

from backend.emulator.dialect import VenueError
from backend.emulator.wire import HTML_TYPE

RETRY_AFTER_S = 10


def _named(status: int, name: str, message: str, *, definite: bool = True) -> VenueError:
    return VenueError(status, json.dumps({"name": name, "message": message}, separators=(",", ":")), definite)


def _page(status: int, title: str) -> VenueError:
    body = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n'
        f"<body>\n<pre>{title}</pre>\n</body>\n</html>\n"
    )
    return VenueError(status, body, definite=False, content_type=HTML_TYPE)


ERRORS = {
    "ApiKeyNotFound": _named(401, "ApiKeyNotFound", "Api key not found"),
    # Documented are the words; that they are the name and that the status is 401 is unverified.
    "Invalid Signature": _named(401, "Invalid Signature", "Invalid Signature"),
    "Expired Signature": _named(401, "Expired Signature", "Expired Signature"),
    "SecurityLevelTooLow": _named(401, "SecurityLevelTooLow", "Security level too low"),
    "InsufficientFunds": _named(400, "InsufficientFunds", "Insufficient funds"),  # seen in a client's log
    # The names below are those of the exchange software that Firi's errors resemble (unverified).
    "TooHighPriceAccuracy": _named(400, "TooHighPriceAccuracy", "Too high price accuracy"),
    "TooHighVolumeAccuracy": _named(400, "TooHighVolumeAccuracy", "Too high volume accuracy"),
    "InvalidAmount": _named(400, "InvalidAmount", "Invalid amount"),
    "BadRequest": _named(400, "BadRequest", "Bad request"),
    "BadRequest:volume": _named(400, "BadRequest", "Volume too low"),
    "BadRequest:price": _named(400, "BadRequest", "Price is invalid"),
    "MarketNotFound": _named(404, "MarketNotFound", "Market not found"),
    "OrderNotFound": _named(404, "OrderNotFound", "Order not found"),
    "NotFound": _named(404, "NotFound", "Not found"),
    # No limit is documented; the answer to too many requests is unverified.
    "429": VenueError(
        429,
        '{"name":"TooManyRequests","message":"Too many requests"}',
        definite=True,
        headers=(("Retry-After", str(RETRY_AFTER_S)),),
    ),
    "200:InsufficientFunds": _named(200, "InsufficientFunds", "Insufficient funds"),  # an error with status 200
    "UnknownError": _named(500, "UnknownError", "Something went wrong", definite=False),
    "html_500": _page(500, "Internal Server Error"),  # seen in a client's log, as an answer to an order
    "html_502": _page(502, "Bad Gateway"),
    "html_503": _page(503, "Service Unavailable"),
    "html_504": _page(504, "Gateway Timeout"),
}
