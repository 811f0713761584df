"""Reads an order from a request body."""

from __future__ import annotations

import json

from backend.emulator.dialect import Call, Refused
from backend.emulator.market import Market, Side, TimeInForce, number, on_step
from backend.emulator.orders import NewOrder

from .errors import ERRORS

SIDES = {"buy": Side.BUY, "sell": Side.SELL}
LIVES = {"gtc": TimeInForce.GTC, "ioc": TimeInForce.IOC}


def fields(body: bytes) -> dict[str, str]:
    """The flat JSON object, every value as text; empty when it is none."""
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in document.items()} if isinstance(document, dict) else {}


def read(call: Call, market: Market) -> NewOrder:
    """Raises Refused."""
    side, life = SIDES.get(call.get("side")), LIVES.get(call.get("tif"))
    price, amount = number(call.get("price")), number(call.get("amount"))
    if side is None or life is None or not price or not amount:
        raise Refused(ERRORS["bad_order"].answer(call.now))
    if not on_step(price, market.price_step) or not on_step(amount, market.quantity_step):
        raise Refused(ERRORS["bad_order"].answer(call.now))
    if amount > market.quantity_max:
        raise Refused(ERRORS["bad_order"].answer(call.now))
    if amount < market.quantity_min or amount * price < market.cost_min:
        raise Refused(ERRORS["under_minimum"].answer(call.now))
    return NewOrder(market, side, amount, price, life, client_id=call.get("client_id") or None)
