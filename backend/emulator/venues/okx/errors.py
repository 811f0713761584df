"""OKX's error answers, by their code. An error of one order stands in its row, as sCode, under code 1.

``definite`` follows the documents: where they say "neither success nor failure", or only that the system is busy or
out of service for the moment, an order may have been taken.
"""

from __future__ import annotations

import json

from backend.emulator.dialect import VenueError
from backend.emulator.orders import Reason
from backend.emulator.wire import HTML_TYPE

TEXT_TYPE = "text/plain"
FAILED, FAILED_TEXT = "1", "All operations failed"


def _error(code: str, text: str, *, status: int = 200, definite: bool = True) -> VenueError:
    """An error of the request."""
    return VenueError(status, json.dumps({"code": code, "msg": text, "data": []}, separators=(",", ":")), definite)


def _row(code: str, text: str, *, status: int = 200, definite: bool = True) -> VenueError:
    """An error of the one order in the request."""
    row = {"clOrdId": "", "ordId": "", "tag": "", "ts": "", "sCode": code, "sMsg": text}
    body = {"code": FAILED, "msg": FAILED_TEXT, "data": [row], "inTime": "", "outTime": ""}
    return VenueError(status, json.dumps(body, separators=(",", ":")), definite)


def _page(status: int, title: str) -> VenueError:
    body = f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>{status} {title}</body>\r\n</html>\r\n"
    return VenueError(status, body, definite=False, content_type=HTML_TYPE)


CALLER = {
    "50002": _error("50002", "JSON syntax error", status=400),
    "50014": _error("50014", "Parameter instId cannot be empty", status=400),
    "50015": _error("50015", "Either parameter ordId or clOrdId is required", status=400),
    "50016": _error("50016", "Parameter instId does not match parameter instType", status=400),
    "50036": _error("50036", "The expTime can't be earlier than the current system time."),
    "50037": _error("50037", "Order expired."),
    "50042": _error("50042", "Repeated request"),
    "50101": _error("50101", "APIKey does not match current environment.", status=401),
    "50102": _error("50102", "Timestamp request expired", status=401),
    "50103": _error("50103", 'Request header "OK-ACCESS-KEY" cannot be empty', status=401),
    "50104": _error("50104", 'Request header "OK-ACCESS-PASSPHRASE" cannot be empty', status=401),
    "50105": _error("50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect', status=401),
    "50106": _error("50106", 'Request header "OK-ACCESS-SIGN" cannot be empty', status=401),
    "50107": _error("50107", 'Request header "OK-ACCESS-TIMESTAMP" cannot be empty', status=401),
    "50110": _error("50110", "Your IP is not included in your API key's IP whitelist.", status=401),
    "50111": _error("50111", "Invalid OK-ACCESS-KEY", status=401),
    "50112": _error("50112", "Invalid OK-ACCESS-TIMESTAMP", status=401),
    "50113": _error("50113", "Invalid signature", status=401),
    "50119": _error("50119", "API key doesn't exist", status=401),
    "50120": _error("50120", "This API key doesn't have permission to use this function", status=401),
    "51000": _row("51000", "Parameter error"),
    "51001": _row("51001", "Instrument ID doesn't exist"),
    "51006": _row("51006", "Order price is not within the price limit"),
    "51007": _row("51007", "Order placement failed. Order amount should be at least 1 contract or 1 lot."),
    "51008": _row("51008", "Order failed. Insufficient balance in account"),
    "51010": _row("51010", "You can't complete this request under your current account mode."),
    "51020": _row("51020", "Your order should meet or exceed the minimum order amount."),
    "51119": _row("51119", "Order placement failed due to insufficient balance."),
    "51121": _row("51121", "Order quantity must be a multiple of the lot size."),
    "51127": _row("51127", "Available balance is 0."),
    "51131": _row("51131", "Insufficient balance."),
    "51137": _row("51137", "Your opening price has triggered the limit price, and the max buy price is exceeded"),
    "51138": _row("51138", "Your opening price has triggered the limit price, and the min sell price is not met"),
    "51169": _row("51169", "Order failed because you don't have any positions in this direction to reduce or close."),
}

VENUE = {
    "50011": _error("50011", "Too Many Requests", status=429),
    "50011:200": _error("50011", "Rate limit reached. Please refer to API documentation and throttle requests"),
    "429:text": VenueError(429, "Too Many Requests", definite=True, content_type=TEXT_TYPE),  # of the edge
    "50040": _error("50040", "Too frequent operations, please try again later"),
    "50061": _row("50061", "You've reached the maximum order rate limit for this account."),
    "50005": _error("50005", "API is offline or unavailable", status=410),
    "50046": _error("50046", "This function is temporarily unavailable"),
    "50062": _error("50062", "This feature is currently unavailable"),
    "50027": _row("50027", "The account is restricted from trading."),
    "50029": _error("50029", "Your account has triggered risk control and is temporarily restricted."),
    "51009": _row("51009", "Order placement function is blocked by the platform"),
    "51021": _row("51021", "The contract is pending list"),
    "51022": _row("51022", "Contract suspended"),
    "51024": _row("51024", "Trading account is blocked"),
    "51027": _row("51027", "The contract has expired"),
    "51028": _row("51028", "Contract under delivery"),
    "51029": _row("51029", "Contract is being settled"),
    "51030": _row("51030", "Funding fee is being settled"),
    "54008": _row("54008", "This operation is disabled by the 'mass cancel order' endpoint."),
    "54072": _row("54072", "This contract is currently view-only and not tradable."),
}

UNKNOWN = {
    "50001": _error("50001", "Service temporarily unavailable. Try again later", status=503, definite=False),
    "50004": _error(
        "50004", "API endpoint request timeout (does not mean that the request was failed)", status=400, definite=False
    ),
    "50013": _error("50013", "Systems are busy. Please try again later.", status=429, definite=False),
    "50026": _error("50026", "System error. Try again later", status=500, definite=False),
    "51054": _error("51054", "Request timed out. Please try again.", status=500, definite=False),
    "51149": _row("51149", "Order timed out. Please try again.", status=500, definite=False),
    "51412": _row("51412", "Cancellation failed as the order timed out", definite=False),
    # An open order has this id.
    "51016": _row("51016", "Client order ID already exists.", definite=False),
    "50071": _row("50071", "clOrdId already exists", definite=False),
    # Answers to a cancel or a query; to a place they say nothing.
    "51400": _row(
        "51400", "Cancellation failed: the order has been filled, canceled or does not exist", definite=False
    ),
    "51401": _row("51401", "Cancellation failed as the order is already canceled", definite=False),
    "51402": _row("51402", "Cancellation failed as the order is already completed", definite=False),
    "51410": _row("51410", "Cancellation failed as the order is already in canceling status", definite=False),
    "51603": _error("51603", "Order does not exist", definite=False),
    "404": _error("404", "Not Found", status=404, definite=False),
    "gateway": VenueError(500, '{"code":500,"msg":"Internal Server Error"}', definite=False),
    "html_500": _page(500, "Internal Server Error"),
    "html_502": _page(502, "Bad Gateway"),
    "html_503": _page(503, "Service Temporarily Unavailable"),
    "html_504": _page(504, "Gateway Time-out"),
    "html_523": _page(523, "Origin is unreachable"),
    "html_524": _page(524, "A timeout occurred"),
    "html_527": _page(527, "Railgun Error"),
    "html_529": _page(529, "Site is overloaded"),
    "200_empty": VenueError(200, "", definite=False, content_type=HTML_TYPE),
    "200_html": _page(200, "Just a moment..."),
    "200_no_data": VenueError(200, '{"code":"0","msg":"","data":[]}', definite=False),
}

ERRORS = {**CALLER, **VENUE, **UNKNOWN}
ROW_TEXTS = {
    name: str(json.loads(error.body)["data"][0]["sMsg"]) for name, error in ERRORS.items() if "sCode" in error.body
}

BY_REASON = {Reason.FUNDS: "51008", Reason.DUPLICATE: "51016"}
