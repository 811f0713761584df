"""Reading AddOrder and holding it against the pair's rules."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

from backend.emulator.books import BookFrame
from backend.emulator.dialect import Call, Refused
from backend.emulator.market import ZERO, Market, Side, TimeInForce, number, on_step
from backend.emulator.orders import NewOrder
from backend.emulator.venues.kraken.errors import ERRORS
from backend.emulator.venues.kraken.facts import DEADLINE_MAX_S, DEADLINE_MIN_S

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
HEX = re.compile(r"[0-9a-fA-F]{32}")
FREE_TEXT = re.compile(r"[ -~]{1,18}")
FLAGS = frozenset({"", "fciq", "post", "viqc", "nompp"})
INVALID = "EGeneral:Invalid arguments"


def read(call: Call, market: Market) -> NewOrder:
    """The order that the fields describe; raises Refused."""
    side, kind = call.get("type"), call.get("ordertype")
    flags = frozenset(call.get("oflags").split(","))
    if side not in {"buy", "sell"}:
        raise refused(f"{INVALID}:type", call)
    if kind not in {"limit", "market"}:
        raise refused(f"{INVALID}:ordertype", call)
    if not flags <= FLAGS or (call.get("userref") and call.get("cl_ord_id")):
        raise refused(INVALID, call)
    volume = _amount(call, "volume")
    by_cost = "viqc" in flags
    if by_cost and (kind, side) != ("market", "buy"):
        raise refused(INVALID, call)
    return NewOrder(
        market=market,
        side=Side(side),
        quantity=ZERO if by_cost else volume,
        price=_amount(call, "price") if kind == "limit" else None,
        time_in_force=_time_in_force(call),
        post_only="post" in flags,
        client_id=_client_id(call),
        spend=volume if by_cost else None,
        kind=kind,
    )


def check_rules(order: NewOrder, book: BookFrame, call: Call) -> None:
    """ordermin, lot step, tick_size and costmin. The order of the checks is unverified."""
    market, price = order.market, order.price
    if order.spend is None:
        if order.quantity < market.quantity_min:
            raise refused("EOrder:Order minimum not met", call)
        if not on_step(order.quantity, market.quantity_step) or order.quantity > market.quantity_max:
            raise refused(f"{INVALID}:volume", call)
    if price is not None and not on_step(price, market.price_step):
        raise refused("EOrder:Tick size check failed", call)
    levels = book.asks if order.side is Side.BUY else book.bids
    value = order.spend or order.quantity * (price or (levels[0][0] if levels else ZERO))
    if value < market.cost_min:
        raise refused("EOrder:Cost minimum not met", call)


def read_deadline(call: Call) -> float | None:
    """The moment after which the engine refuses the order (epoch seconds), if one was given.

    Documented: from now + 2 s to now + 60 s. What answers a deadline that is too near is unverified: here it counts as
    elapsed, so that an order that was long on its way is not called malformed.
    """
    text = call.get("deadline")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise refused(f"{INVALID}:deadline", call) from None
    deadline = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    if deadline > call.now + DEADLINE_MAX_S:
        raise refused(f"{INVALID}:deadline", call)
    if deadline < call.now + DEADLINE_MIN_S:
        raise refused("EService:Deadline elapsed", call)
    return deadline


def refused(text: str, call: Call) -> Refused:
    """The listed error as an exception."""
    return Refused(ERRORS[text].answer(call.now))


def _amount(call: Call, name: str) -> Decimal:
    value = number(call.get(name))
    if not value:
        raise refused(f"{INVALID}:{name}", call)
    return value


def _time_in_force(call: Call) -> TimeInForce:
    given = call.get("timeinforce") or TimeInForce.GTC.value
    if given not in set(TimeInForce):
        raise refused(f"{INVALID}:timeinforce", call)
    return TimeInForce(given)


def _client_id(call: Call) -> str | None:
    """A UUID, 32 hex digits or a short text."""
    given = call.get("cl_ord_id")
    if not given:
        return None
    if not any(form.fullmatch(given) for form in (UUID, HEX, FREE_TEXT)):
        raise refused(f"{INVALID}:cl_ord_id", call)
    return given
