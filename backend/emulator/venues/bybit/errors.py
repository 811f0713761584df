"""Bybit's error answers, by a name that begins with the code. Nearly all come with HTTP 200.

``definite`` follows the documents' list of codes; where they only say that something timed out or went wrong inside,
an order may have been taken.
"""

from __future__ import annotations

import json

from backend.emulator.dialect import VenueError
from backend.emulator.orders import Reason
from backend.emulator.wire import HTML_TYPE

TEXT_TYPE = "text/plain"


def _error(code: int, text: str, *, definite: bool = True, status: int = 200) -> VenueError:
    body = {"retCode": code, "retMsg": text, "result": {}, "retExtInfo": {}, "time": 1_672_712_468_011}
    return VenueError(status, json.dumps(body, separators=(",", ":")), definite)


def _doubt(code: int, text: str) -> VenueError:
    return _error(code, text, definite=False)


def _page(status: int, title: str) -> VenueError:
    body = f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>{status} {title}</body>\r\n</html>\r\n"
    return VenueError(status, body, definite=False, content_type=HTML_TYPE)


CALLER = {
    "10001": _error(10001, "Request parameter error."),
    "10002": _error(10002, "invalid request, please check your server timestamp or recv_window param."),
    "10003": _error(10003, "API key is invalid."),
    "10004": _error(10004, "Error sign, please check your signature generation algorithm."),
    "-2015": _error(-2015, "Invalid API-key, IP, or permissions for action."),
    "10005": _error(10005, "Permission denied, please check your API key permissions."),
    "10007": _error(10007, "User authentication failed."),
    "10010": _error(10010, "Unmatched IP, please check your API key's bound IP addresses."),
    "30208": _error(30208, "Failed to place order. Price set exceeds the maximum order price allowed"),
    "30209": _error(30209, "Failed to place order. Price set is lower than the minimum order price allowed"),
    "33004": _error(33004, "apikey already expired"),
    "110003": _error(110003, "Order price exceeds the allowable range."),
    "110004": _error(110004, "Wallet balance is insufficient"),
    "110007": _error(110007, "Available balance is insufficient"),
    "110012": _error(110012, "Insufficient available balance"),
    "110006": _error(110006, "The assets are estimated to be unable to cover the position margin"),
    "110017": _error(110017, "Reduce-only rule not satisfied"),
    "110020": _error(110020, "Not allowed to have more than 500 active orders"),
    "110044": _error(110044, "Available margin is insufficient"),
    "110045": _error(110045, "Wallet balance is insufficient"),
    "110051": _error(110051, "The available balance cannot cover the lowest price of the current market"),
    "110052": _error(110052, "Available balance is insufficient to set the price"),
    "110053": _error(110053, "The available balance cannot cover the current market price and upper limit price"),
    "110094": _error(110094, "Order notional value below the lower limit"),
    "170121": _error(170121, "Invalid symbol."),
    "170130": _error(170130, "Data sent for paramter is not valid."),
    "170131": _error(170131, "Insufficient balance."),
    "170132": _error(170132, "Order price too high."),
    "170133": _error(170133, "Order price lower than the minimum."),
    "170134": _error(170134, "Order price decimal too long."),
    "170136": _error(170136, "Order quantity lower than the minimum."),
    "170137": _error(170137, "Order volume decimal too long."),
    "170140": _error(170140, "Order value exceeded lower limit."),
    "170381": _error(170381, "The order qty exceeds max allowable."),
    "170810": _error(170810, "Cannot exceed maximum of 500 conditional, TP/SL and active orders."),
    "170218": _error(170218, "The LIMIT-MAKER order is rejected due to invalid price."),
}

VENUE = {
    "10006": _error(10006, "Too many visits. Exceeded the API Rate Limit."),
    "10018": _error(10018, "Exceeded the IP Rate Limit."),
    "170222": _error(170222, "Too many requests in this time frame."),
    "170005": _error(170005, "Too many new orders; current limit is 20 orders per second"),
    "10008": _error(10008, "User has been banned."),
    "10009": _error(10009, "IP has been banned"),
    "10024": _error(10024, "The product you are seeking to access is not available to you."),
    "10027": _error(10027, "Transactions are banned."),
    "30228": _error(30228, "This contract is being delisted, no new positions are allowed"),
    "110063": _error(110063, "Settlement in progress, not available for trading"),
    "110066": _error(110066, "Trading is not allowed at the moment"),
    "110074": _error(110074, "This contract is not live"),
    "110095": _error(110095, "Order type is not supported during the call auction"),
    "170031": _error(170031, "The symbol is currently suspended from trading"),
    "170151": _error(170151, "This trading pair is not open yet"),
    "170157": _error(170157, "The trading pair is not available for api trading"),
    "170159": _error(170159, "Market Order is not supported within the first minutes of newly launched pairs"),
    # 403: the address sent too much and is shut out for ten minutes; no body is documented but these words.
    "403": VenueError(403, "access too frequent", definite=True, content_type=TEXT_TYPE),
    "403:json": VenueError(403, '{"message":"Forbidden"}', definite=True),
    "429:text": VenueError(429, "too many requests", definite=True, content_type=TEXT_TYPE),
    "429:json": VenueError(429, '{"message":"Too Many Requests"}', definite=True),
}

UNKNOWN = {
    "-1": _doubt(-1, "request expired"),  # where it expired is not said
    "429": _doubt(429, "The trading service is experiencing a high server load. Please retry."),
    "5004": _doubt(5004, "Server Timeout"),
    "10000": _doubt(10000, "Server Timeout"),
    "10014": _doubt(10014, "Invalid duplicate request."),
    "10016": _doubt(10016, "Server error."),
    "170001": _doubt(170001, "Internal error."),
    "170007": _doubt(170007, "Timeout waiting for response from backend server."),
    "170032": _doubt(170032, "Network error. Please try again later"),
    "170035": _doubt(170035, "Submitted to the system for processing"),
    "170146": _doubt(170146, "Order creation timeout"),
    "170147": _doubt(170147, "Order cancellation timeout"),
    "170149": _doubt(170149, "Create order failed"),
    "170210": _doubt(170210, "New order rejected."),
    "170234": _doubt(170234, "System Error"),
    # An order with this id exists.
    "110072": _doubt(110072, "OrderLinkedID is duplicate"),
    "12141": _doubt(12141, "Duplicate clientOrderId."),  # the older form
    "170141": _doubt(170141, "Duplicate clientOrderId"),
    # Answers to a cancel or a query; to a place they say nothing.
    "110079": _doubt(110079, "The order is processing and can not be operated, please try again later"),
    "170310": _doubt(170310, "Order modification timeout"),
    "170139": _doubt(170139, "Order has been filled."),
    "170142": _doubt(170142, "Order has been canceled"),
    "170213": _doubt(170213, "Order does not exist."),
    "404": VenueError(404, "404 page not found", definite=False, content_type=TEXT_TYPE),
    "502:json": VenueError(502, '{"message":"Bad Gateway"}', definite=False),
    "html_500": _page(500, "Internal Server Error"),
    "html_502": _page(502, "Bad Gateway"),
    "html_503": _page(503, "Service Temporarily Unavailable"),
    "html_504": _page(504, "Gateway Time-out"),
    "html_523": _page(523, "Origin is unreachable"),
    "html_524": _page(524, "A timeout occurred"),
    "200_empty": VenueError(200, "", definite=False, content_type=HTML_TYPE),
    "200_html": _page(200, "Just a moment..."),
    "200_no_result": _error(0, "OK", definite=False),
}

ERRORS = {**CALLER, **VENUE, **UNKNOWN}

# A post-only order that would take is accepted and then rejected: the engine does not refuse it.
BY_REASON = {Reason.FUNDS: "170131", Reason.DUPLICATE: "170141"}
