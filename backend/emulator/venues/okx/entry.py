"""Reading a new order and holding it against the instrument's rules."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal

from backend.emulator.dialect import Call, Refused
from backend.emulator.market import ZERO, Market, Side, TimeInForce, number, on_step
from backend.emulator.orders import NewOrder
from backend.emulator.venues.okx.errors import ERRORS
from backend.emulator.venues.okx.facts import QUOTE_STEP
from backend.emulator.wire import FIELDS_MAX, Request

CLIENT_ID = re.compile(r"[A-Za-z0-9]{1,32}")
LIVES = {
    "limit": TimeInForce.GTC,
    "post_only": TimeInForce.GTC,
    "ioc": TimeInForce.IOC,
    "fok": TimeInForce.FOK,
    "market": TimeInForce.IOC,
}


def read_body(request: Request) -> Mapping[str, str] | None:
    """The fields of a flat JSON object, or of a list with one, as texts; None if it is anything else.

    Batches of more than one order are not emulated.
    """
    if not request.body:
        return {}
    try:
        body = json.loads(request.body, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if isinstance(body, list):
        body = body[0] if len(body) == 1 else None
    if not isinstance(body, dict) or len(body) > FIELDS_MAX:
        return None
    fields = {name: str(value).lower() if isinstance(value, bool) else value for name, value in body.items()}
    return fields if all(isinstance(value, str) for value in fields.values()) else None


def read(call: Call, market: Market) -> NewOrder:
    """The order that the fields describe; raises Refused."""
    side, kind = call.get("side"), call.get("ordType")
    if side not in {"buy", "sell"} or kind not in LIVES or call.get("tdMode") != "cash":
        raise refused("51000", call)
    by_quote = kind == "market" and _in_quote(call, side)
    if by_quote and side != "buy":  # selling for an amount of quote is not emulated
        raise refused("51000", call)
    amount = _amount(call, "sz", QUOTE_STEP if by_quote else market.quantity_step, "51121")
    if not by_quote and not market.quantity_min <= amount <= market.quantity_max:
        raise refused("51020" if amount < market.quantity_min else "51000", call)
    return NewOrder(
        market=market,
        side=Side(side),
        quantity=ZERO if by_quote else amount,
        price=None if kind == "market" else _amount(call, "px", market.price_step, "51006"),
        time_in_force=LIVES[kind],
        post_only=kind == "post_only",
        client_id=_client_id(call),
        spend=amount if by_quote else None,
        ends_instead_of_taking=True,
        kind=kind,
    )


def deadline(call: Call) -> float | None:
    """The last moment (epoch seconds) at which the order may be taken, where a header names one; raises Refused."""
    text = call.request.headers.get("exptime")
    if text is None:
        return None
    if not whole(text):
        raise refused("51000", call)
    if int(text) / 1000 < call.now:
        raise refused("50036", call)
    return int(text) / 1000


def refused(name: str, call: Call) -> Refused:
    """The listed error as an exception."""
    return Refused(ERRORS[name].answer(call.now))


def whole(text: str) -> bool:
    """Is it a number of at most 20 digits and nothing else?"""
    return text.isascii() and text.isdigit() and len(text) <= 20


def _in_quote(call: Call, side: str) -> bool:
    """A market buy without a unit is in quote units."""
    unit = call.get("tgtCcy") or ("quote_ccy" if side == "buy" else "base_ccy")
    if unit not in {"base_ccy", "quote_ccy"}:
        raise refused("51000", call)
    return unit == "quote_ccy"


def _amount(call: Call, name: str, step: Decimal, off_step: str) -> Decimal:
    value = number(call.get(name))
    if not value:
        raise refused("51000", call)
    if not on_step(value, step):
        raise refused(off_step, call)  # which code a price off its tick gets is unverified
    return value


def _client_id(call: Call) -> str | None:
    given = call.get("clOrdId")
    if not given:
        return None
    if not CLIENT_ID.fullmatch(given):
        raise refused("51000", call)
    return given
