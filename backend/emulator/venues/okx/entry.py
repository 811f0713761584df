"""Reading new orders and holding them against the instrument's rules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from backend.emulator.books import BookFrame, Level
from backend.emulator.market import ZERO, Market, Side, TimeInForce, number, on_step
from backend.emulator.orders import NewOrder
from backend.emulator.venues.okx.errors import ROW_TEXTS
from backend.emulator.venues.okx.facts import QUOTE_STEP
from backend.emulator.wire import FIELDS_MAX, Request

Row = Mapping[str, str]

CLIENT_ID = re.compile(r"[A-Za-z0-9]{1,32}")
LIVES = {
    "limit": TimeInForce.GTC,
    "post_only": TimeInForce.GTC,
    "ioc": TimeInForce.IOC,
    "fok": TimeInForce.FOK,
    "market": TimeInForce.IOC,
}
IN_BASE, IN_QUOTE = "base_ccy", "quote_ccy"
NOT_EMULATED = "attachAlgoOrds"  # orders that wait for a trigger


class RowFailed(Exception):
    """An order is refused; the others of its request are not concerned."""

    def __init__(self, code: str, text: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.text = text or ROW_TEXTS[code]


@dataclass(frozen=True, slots=True)
class Desk:
    """What an order is held against: the book of its instrument, and the free amounts of the account."""

    book: BookFrame
    free: Callable[[str], Decimal]


def read_rows(request: Request) -> list[Row] | None:
    """The objects of a JSON list, or the only one, with their fields as texts; None if it is anything else."""
    try:
        body = json.loads(request.body, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    listed = body if isinstance(body, list) else [body]
    rows = [_row(fields) for fields in listed if isinstance(fields, dict) and len(fields) <= FIELDS_MAX]
    return rows if rows and len(rows) == len(listed) else None


def read(row: Row, market: Market, desk: Desk) -> NewOrder:
    """The order that a row describes, if it keeps the rules; raises RowFailed. The order of checks is unverified."""
    side, kind, client_id = row.get("side", ""), row.get("ordType", ""), row.get("clOrdId", "")
    for name, right in (
        ("tdMode", row.get("tdMode") == "cash"),
        ("side", side in set(Side)),
        ("ordType", kind in LIVES),
        ("clOrdId", not client_id or CLIENT_ID.fullmatch(client_id)),
        ("tgtCcy", row.get("tgtCcy", "") in {"", IN_BASE, IN_QUOTE}),
        (NOT_EMULATED, NOT_EMULATED not in row),
    ):
        if not right:
            raise _wrong(name)
    return _market_order(row, market, desk) if kind == "market" else _limit_order(row, market)


def whole(text: str) -> bool:
    """Is it a number of at most 20 digits and nothing else?"""
    return text.isascii() and text.isdigit() and len(text) <= 20


def _limit_order(row: Row, market: Market) -> NewOrder:
    quantity, price = _amount(row, "sz"), _amount(row, "px")
    if not on_step(price, market.price_step):
        raise RowFailed("51006")  # which code a price off its tick gets is unverified
    _check_quantity(quantity, market)
    return NewOrder(
        market=market,
        side=Side(row["side"]),
        quantity=quantity,
        price=price,
        time_in_force=LIVES[row["ordType"]],
        post_only=row["ordType"] == "post_only",
        client_id=row.get("clOrdId") or None,
        ends_instead_of_taking=True,
        kind=row["ordType"],
    )


def _market_order(row: Row, market: Market, desk: Desk) -> NewOrder:
    """Sized in base or in quote. Unless ``banAmend`` is set, it is cut to what the account can pay."""
    side, size, amend = Side(row["side"]), _amount(row, "sz"), row.get("banAmend") != "true"
    in_quote = (row.get("tgtCcy") or (IN_QUOTE if side is Side.BUY else IN_BASE)) == IN_QUOTE
    if in_quote and not on_step(size, QUOTE_STEP):
        raise RowFailed("51121")
    spend = size if in_quote and side is Side.BUY else None
    quantity = ZERO
    if spend is None:
        quantity = _for_money(desk.book.bids, size, market.quantity_step) if in_quote else size
        _check_quantity(quantity, market)
    if amend and spend is not None:
        spend = min(spend, desk.free(market.quote))
    elif amend:
        quantity = min(quantity, _payable(side, market, desk))
    if not spend and quantity < market.quantity_min:
        raise RowFailed("51008")
    return NewOrder(
        market=market,
        side=side,
        quantity=quantity,
        time_in_force=TimeInForce.IOC,
        client_id=row.get("clOrdId") or None,
        spend=spend,
        kind="market",
    )


def _payable(side: Side, market: Market, desk: Desk) -> Decimal:
    """How much of the base asset the account can sell, or buy at the prices of the book."""
    if side is Side.BUY:
        if not desk.book.asks:
            return market.quantity_max
        return _for_money(desk.book.asks, desk.free(market.quote), market.quantity_step)
    return desk.free(market.base) // market.quantity_step * market.quantity_step


def _for_money(levels: Iterable[Level], money: Decimal, step: Decimal) -> Decimal:
    """The quantity that an amount of quote is worth in the book; what the book does not hold goes at its last price."""
    quantity = last = ZERO
    for price, size in levels:
        part = min(size, money / price)
        quantity, money, last = quantity + part, money - part * price, price
    if money > ZERO and last:
        quantity += money / last
    return quantity // step * step


def _check_quantity(quantity: Decimal, market: Market) -> None:
    if not on_step(quantity, market.quantity_step):
        raise RowFailed("51121")
    if quantity < market.quantity_min:
        raise RowFailed("51020")
    if quantity > market.quantity_max:
        raise _wrong("sz")


def _amount(row: Row, name: str) -> Decimal:
    value = number(row.get(name))
    if not value:
        raise _wrong(name)
    return value


def _wrong(name: str) -> RowFailed:
    return RowFailed("51000", f"Parameter {name} error")


def _row(fields: Mapping[str, object]) -> Row:
    """Truth values as words; of anything nested only that it is there."""
    return {name: str(value).lower() if isinstance(value, bool) else _text(value) for name, value in fields.items()}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
