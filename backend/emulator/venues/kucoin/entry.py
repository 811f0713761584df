"""Reading a new order and holding it against the symbol's rules."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal

from backend.emulator.books import BookFrame
from backend.emulator.dialect import Call, Refused
from backend.emulator.market import ZERO, Market, Side, TimeInForce, number, on_step
from backend.emulator.orders import NewOrder
from backend.emulator.venues.kucoin.errors import ERRORS
from backend.emulator.venues.kucoin.facts import QUOTE_MAX, QUOTE_STEP
from backend.emulator.wire import FIELDS_MAX, Request

CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


def read_body(request: Request) -> Mapping[str, str] | None:
    """The fields of a flat JSON object as texts, numbers as they were written; None if it is anything else."""
    if not request.body:
        return {}
    try:
        body = json.loads(request.body, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or len(body) > FIELDS_MAX:
        return None
    flat = {name: str(value).lower() if isinstance(value, bool) else value for name, value in body.items()}
    fields = {name: value for name, value in flat.items() if value is not None}
    return fields if all(isinstance(value, str) for value in fields.values()) else None


def read(call: Call, market: Market) -> NewOrder:
    """The order that the fields describe; raises Refused. GTT, hidden and iceberg orders are not emulated."""
    side, kind = call.get("side"), call.get("type") or "limit"
    if side not in {"buy", "sell"} or kind not in {"limit", "market"}:
        raise refused("400100", call)
    if "true" in {call.get("hidden"), call.get("iceberg")}:
        raise refused("400100", call)
    by_funds = kind == "market" and bool(call.get("funds"))
    if by_funds and (call.get("size") or side != "buy"):  # selling for an amount of quote is not emulated
        raise refused("400100", call)
    time_in_force = _time_in_force(call, kind)
    return NewOrder(
        market=market,
        side=Side(side),
        quantity=ZERO if by_funds else _amount(call, "size", market.quantity_step),
        price=_amount(call, "price", market.price_step) if kind == "limit" else None,
        time_in_force=time_in_force,
        post_only=call.get("postOnly") == "true" and kind == "limit" and time_in_force is TimeInForce.GTC,
        client_id=_client_id(call),
        spend=_amount(call, "funds", QUOTE_STEP) if by_funds else None,
        kind=kind,
    )


def check_rules(order: NewOrder, book: BookFrame, call: Call) -> None:
    """baseMinSize, baseMaxSize and minFunds; a market order is valued at the best price (unverified)."""
    market = order.market
    if order.spend is None and order.quantity < market.quantity_min:
        raise refused("400100:size_min", call)
    if order.quantity > market.quantity_max:
        raise refused("400100:size_max", call)
    levels = book.asks if order.side is Side.BUY else book.bids
    value = order.spend or order.quantity * (order.price or (levels[0][0] if levels else ZERO))
    if value < market.cost_min:
        raise refused("400100:size_min", call)
    if order.spend is not None and value > QUOTE_MAX:
        raise refused("400100:size_max", call)


def read_window(call: Call) -> float | None:
    """The last moment (epoch seconds) at which the order may be taken, where the caller named one.

    ``allowMaxTimeWindow`` needs ``clientTimestamp`` beside it, both in milliseconds.
    """
    window, timestamp = call.get("allowMaxTimeWindow"), call.get("clientTimestamp")
    if not window:
        return None
    if not (whole(window) and whole(timestamp)):
        raise refused("400100", call)
    last = (int(timestamp) + int(window)) / 1000
    if last < call.now:
        raise refused("400100:window", call)
    return last


def refused(name: str, call: Call) -> Refused:
    """The listed error as an exception."""
    return Refused(ERRORS[name].answer(call.now))


def whole(text: str) -> bool:
    """Is it a number of at most 16 digits and nothing else?"""
    return text.isascii() and text.isdigit() and len(text) <= 16


def _amount(call: Call, name: str, step: Decimal) -> Decimal:
    value = number(call.get(name))
    if not value:
        raise refused("400100", call)
    if not on_step(value, step):
        raise refused(f"400100:{name}", call)
    return value


def _time_in_force(call: Call, kind: str) -> TimeInForce:
    given = call.get("timeInForce") or TimeInForce.GTC.value
    if given not in set(TimeInForce):
        raise refused("400100", call)
    return TimeInForce(given) if kind == "limit" else TimeInForce.GTC


def _client_id(call: Call) -> str | None:
    """The caller's id. It may be left out on spot; whether the venue then makes one up is unverified."""
    given = call.get("clientOid")
    if not given:
        return None
    if not CLIENT_ID.fullmatch(given):
        raise refused("400100:client_oid", call)
    return given
