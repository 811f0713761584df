"""Meridian's JSON."""

from __future__ import annotations

from backend.emulator.books import BookFrame, Level
from backend.emulator.market import ZERO, Market, plain
from backend.emulator.orders import Order, Status, Trade

Json = dict[str, object]
STATES = {Status.OPEN: "open", Status.FILLED: "filled"}


def millis(at: float) -> int:
    return int(at * 1000)


def market(listed: Market) -> Json:
    return {
        "id": listed.native,
        "base": listed.base,
        "quote": listed.quote,
        "tick": plain(listed.price_step),
        "step": plain(listed.quantity_step),
        "min": plain(listed.quantity_min),
        "min_cost": plain(listed.cost_min),
    }


def book(frame: BookFrame, depth: int) -> Json:
    return {"bids": _levels(frame.bids[:depth]), "asks": _levels(frame.asks[:depth])}


def _levels(side: tuple[Level, ...]) -> list[list[str]]:
    return [[plain(price), plain(size)] for price, size in side]


def order(placed: Order) -> Json:
    return {
        "id": placed.id,
        "client_id": placed.new.client_id,
        "market": placed.new.market.native,
        "side": placed.new.side.value,
        "price": plain(placed.new.price or ZERO),
        "amount": plain(placed.quantity),
        "filled": plain(placed.filled),
        "state": STATES.get(placed.status, "cancelled"),
        "created_ms": millis(placed.created),
    }


def trade(placed: Order, done: Trade) -> Json:
    return {
        "id": done.id,
        "order_id": placed.id,
        "market": placed.new.market.native,
        "side": placed.new.side.value,
        "price": plain(done.price),
        "amount": plain(done.quantity),
        "fee": plain(done.fee),
        "fee_asset": done.fee_asset,
        "at_ms": millis(done.at),
    }
