"""Reading a new order and holding it against the symbol's filters."""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal

from backend.emulator.books import BookFrame
from backend.emulator.dialect import Call, Refused
from backend.emulator.market import ZERO, Market, Side, TimeInForce, number, on_step
from backend.emulator.orders import NewOrder
from backend.emulator.venues.binance.auth import missing
from backend.emulator.venues.binance.errors import ERRORS
from backend.emulator.venues.binance.facts import COST_MAX, PRICE_MAX

# The alphabet of the FIX documents; REST users report a wider one (unverified).
CLIENT_ID = re.compile(r"[a-zA-Z0-9_-]{1,36}")
ASSET_STEP = Decimal("0.00000001")


def read(call: Call, market: Market) -> NewOrder:
    """The order that the parameters describe; raises Refused."""
    side, kind = call.get("side"), call.get("type")
    if side not in {"BUY", "SELL"}:
        raise _refused("-1117" if side else "side", call)
    if kind not in {"LIMIT", "LIMIT_MAKER", "MARKET"}:
        raise _refused("-1116" if kind else "type", call)
    spend = _amount(call, "quoteOrderQty") if kind == "MARKET" and call.get("quoteOrderQty") else None
    return NewOrder(
        market=market,
        side=Side(side.lower()),
        quantity=ZERO if spend is not None else _amount(call, "quantity"),
        price=None if kind == "MARKET" else _amount(call, "price"),
        time_in_force=_time_in_force(call, kind),
        post_only=kind == "LIMIT_MAKER",
        client_id=_client_id(call),
        spend=spend,
        kind=kind,
    )


def check_filters(order: NewOrder, book: BookFrame, now: float) -> None:
    """PRICE_FILTER, LOT_SIZE and NOTIONAL; a market order is valued at the best price (the venue uses a mean)."""
    market = order.market
    price = order.price
    if price is not None and not (market.price_step <= price <= PRICE_MAX and on_step(price, market.price_step)):
        raise Refused(ERRORS["-1013:PRICE_FILTER"].answer(now))
    if order.spend is None and not (
        market.quantity_min <= order.quantity <= market.quantity_max and on_step(order.quantity, market.quantity_step)
    ):
        raise Refused(ERRORS["-1013:LOT_SIZE"].answer(now))
    levels = book.asks if order.side is Side.BUY else book.bids
    value = order.spend or order.quantity * (price or (levels[0][0] if levels else ZERO))
    if not market.cost_min <= value or (price is not None and value > COST_MAX):
        raise Refused(ERRORS["-1013:NOTIONAL"].answer(now))


def _amount(call: Call, name: str) -> Decimal:
    value = number(call.get(name))
    if value is None:
        raise Refused(missing(name))
    if not on_step(value, ASSET_STEP):
        raise Refused(ERRORS["-1111"].answer(call.now))
    return value


def _time_in_force(call: Call, kind: str) -> TimeInForce:
    given = call.get("timeInForce")
    if kind != "LIMIT":
        if given:
            raise Refused(ERRORS["-1106:timeInForce"].answer(call.now))
        return TimeInForce.GTC
    if not given:
        raise Refused(missing("timeInForce"))
    if given not in set(TimeInForce):
        raise Refused(ERRORS["-1115"].answer(call.now))
    return TimeInForce(given)


def _client_id(call: Call) -> str:
    """The caller's id; without one the venue makes one up."""
    given = call.get("newClientOrderId")
    if not given:
        return hashlib.sha256(call.request.query.encode(errors="replace") + call.request.body).hexdigest()[:22]
    if not CLIENT_ID.fullmatch(given):
        raise Refused(ERRORS["-1100:newClientOrderId"].answer(call.now))
    return given


def _refused(what: str, call: Call) -> Refused:
    """A listed code, or the name of the parameter that is missing."""
    return Refused(ERRORS[what].answer(call.now) if what in ERRORS else missing(what))
