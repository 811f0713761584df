"""Reading a new order. Firi knows limit orders only, without time in force and without a client's id."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

from backend.emulator.dialect import Refused
from backend.emulator.market import Market, Side, number, on_step
from backend.emulator.orders import NewOrder
from backend.emulator.venues.firi.errors import ERRORS
from backend.emulator.wire import Request

SIDES = {"bid": Side.BUY, "ask": Side.SELL}


def read_body(request: Request) -> dict[str, object]:
    """The flat JSON object of the body, in its own order; empty when there is none."""
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def read(body: Mapping[str, object], markets: Mapping[str, Market], now: float) -> NewOrder:
    """The order that the body describes; raises Refused."""
    market = markets.get(str(body.get("market", "")))
    if market is None:
        raise Refused(ERRORS["MarketNotFound"].answer(now))
    side = SIDES.get(str(body.get("type", "")))
    if side is None:
        raise Refused(ERRORS["BadRequest"].answer(now))
    price, quantity = _amount(body, "price"), _amount(body, "amount")
    if not price:
        raise Refused(ERRORS["BadRequest:price"].answer(now))
    if not quantity:
        raise Refused(ERRORS["InvalidAmount"].answer(now))
    if not on_step(price, market.price_step):
        raise Refused(ERRORS["TooHighPriceAccuracy"].answer(now))
    if not on_step(quantity, market.quantity_step):
        raise Refused(ERRORS["TooHighVolumeAccuracy"].answer(now))
    if not market.quantity_min <= quantity <= market.quantity_max:
        raise Refused(ERRORS["BadRequest:volume"].answer(now))
    return NewOrder(market=market, side=side, quantity=quantity, price=price)


def _amount(body: Mapping[str, object], name: str) -> Decimal | None:
    """Texts as documented; a JSON number is read through its shortest notation."""
    value = body.get(name)
    return number(value if isinstance(value, str) else repr(value))
