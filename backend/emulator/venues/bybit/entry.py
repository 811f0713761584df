"""Reading a new order and holding it against the symbol's rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from backend.emulator.books import BookFrame, Level
from backend.emulator.dialect import Call, Refused
from backend.emulator.market import ZERO, Market, Side, TimeInForce, number, on_step
from backend.emulator.orders import NewOrder
from backend.emulator.venues.bybit.errors import ERRORS
from backend.emulator.venues.bybit.facts import COST_MAX, PRICE_MAX, QUOTE_STEP
from backend.emulator.wire import FIELDS_MAX, Request

CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}
LIVES = {"": TimeInForce.GTC, "PostOnly": TimeInForce.GTC, **{life.value: life for life in TimeInForce}}


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
    fields = {name: str(value).lower() if isinstance(value, bool) else value for name, value in body.items()}
    return fields if all(isinstance(value, str) for value in fields.values()) else None


def read(call: Call, market: Market, book: BookFrame) -> NewOrder:
    """The order that the fields describe; raises Refused. Conditional orders are not emulated.

    A sale for an amount of quote becomes one of the quantity that the book asks for it (how is unverified).
    """
    side, kind, life = SIDES.get(call.get("side")), call.get("orderType"), LIVES.get(call.get("timeInForce"))
    if side is None or kind not in {"Limit", "Market"} or life is None or call.get("triggerPrice"):
        raise refused("170130", call)
    by_quote = kind == "Market" and _in_quote(call, side)
    amount = _amount(call, "qty", QUOTE_STEP if by_quote else market.quantity_step, "170137")
    if by_quote and side is Side.SELL:
        amount, by_quote = _for_money(book.bids, amount, market.quantity_step), False
    return NewOrder(
        market=market,
        side=side,
        quantity=ZERO if by_quote else amount,
        price=_amount(call, "price", market.price_step, "170134") if kind == "Limit" else None,
        time_in_force=life if kind == "Limit" else TimeInForce.IOC,
        post_only=call.get("timeInForce") == "PostOnly" and kind == "Limit",
        client_id=_client_id(call),
        spend=amount if by_quote else None,
        unique_for_ever=True,
        ends_instead_of_taking=True,
        kind=kind,
    )


def check_rules(order: NewOrder, book: BookFrame, call: Call) -> None:
    """lotSizeFilter and priceFilter; a market order is valued at the best price (unverified)."""
    market, price = order.market, order.price
    if price is not None and price > PRICE_MAX:
        raise refused("170132", call)
    if order.spend is None and order.quantity < market.quantity_min:
        raise refused("170136", call)
    if order.quantity > market.quantity_max:
        raise refused("170381", call)
    levels = book.asks if order.side is Side.BUY else book.bids
    value = order.spend or order.quantity * (price or (levels[0][0] if levels else ZERO))
    if value < market.cost_min:
        raise refused("170140", call)
    if value > COST_MAX:
        raise refused("170381", call)


def refused(name: str, call: Call) -> Refused:
    """The listed error as an exception."""
    return Refused(ERRORS[name].answer(call.now))


def whole(text: str) -> bool:
    """Is it a number of at most 16 digits and nothing else?"""
    return text.isascii() and text.isdigit() and len(text) <= 16


def _in_quote(call: Call, side: Side) -> bool:
    """A market buy without a unit is in quote units."""
    unit = call.get("marketUnit") or ("quoteCoin" if side is Side.BUY else "baseCoin")
    if unit not in {"baseCoin", "quoteCoin"}:
        raise refused("170130", call)
    return unit == "quoteCoin"


def _for_money(bids: Iterable[Level], money: Decimal, step: Decimal) -> Decimal:
    """The quantity that brings an amount of quote. What the book does not pay for goes at its last price."""
    quantity = last = ZERO
    for price, size in bids:
        part = min(size, money / price)
        quantity, money, last = quantity + part, money - part * price, price
    return (quantity + (money / last if last else ZERO)) // step * step


def _amount(call: Call, name: str, step: Decimal, too_long: str) -> Decimal:
    value = number(call.get(name))
    if not value:
        raise refused("170130", call)
    if not on_step(value, step):
        raise refused(too_long, call)
    return value


def _client_id(call: Call) -> str | None:
    given = call.get("orderLinkId")
    if not given:
        return None
    if not CLIENT_ID.fullmatch(given):
        raise refused("10001", call)
    return given
