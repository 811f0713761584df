"""Firi's JSON: every number is a text, except order ids and the time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from backend.emulator.books import BookFrame, Level
from backend.emulator.market import ZERO, Market, Side, places
from backend.emulator.orders import Order, Status, Trade
from backend.emulator.venues.firi.facts import AMOUNT_DECIMALS, PRICE_DECIMALS, TICKER_DECIMALS

Json = dict[str, object]

TYPES = {Side.BUY: "bid", Side.SELL: "ask"}


def price(value: Decimal) -> str:
    """Two decimals."""
    return places(value, PRICE_DECIMALS)


def amount(value: Decimal) -> str:
    """Eight decimals."""
    return places(value, AMOUNT_DECIMALS)


def stamp(at: float) -> str:
    """UTC with milliseconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def levels(side: Iterable[Level], count: int) -> list[list[str]]:
    """Price and amount of the best levels."""
    return [[price(value), amount(size)] for value, size in list(side)[:count]]


def market(market: Market, book: BookFrame) -> Json:
    """A market with figures of the day; only ``last`` moves here."""
    bid, ask = best(book)
    last = price((bid + ask) / 2)
    return {"id": market.native, "last": last, "high": last, "change": "0", "low": last, "volume": "0.00"}


def best(book: BookFrame) -> tuple[Decimal, Decimal]:
    """Best bid and ask, zero where a side is empty."""
    return (book.bids[0][0] if book.bids else ZERO), (book.asks[0][0] if book.asks else ZERO)


def ticker(book: BookFrame) -> Json:
    """Best prices with sixteen decimals."""
    bid, ask = best(book)
    return {name: places(value, TICKER_DECIMALS) for name, value in (("bid", bid), ("ask", ask), ("spread", ask - bid))}


def order(order: Order) -> Json:
    """An order: what has matched, what remains, what was cancelled."""
    new = order.new
    is_open = order.status is Status.OPEN
    return {
        "id": int(order.id),
        "market": new.market.native,
        "type": TYPES[new.side],
        "price": price(new.price or ZERO),
        "amount": amount(order.quantity),
        "remaining": amount(order.remaining if is_open else ZERO),
        "matched": amount(order.filled),
        "cancelled": amount(ZERO if is_open else order.remaining),
        "created_at": stamp(order.created),
    }


def match(order: Order, trade: Trade) -> Json:
    """One execution in the history of matched orders. Whose id the venue shows there is unverified: here ours."""
    new = order.new
    return {
        "id": int(order.id),
        "market": new.market.native,
        "price": price(trade.price),
        "price_currency": new.market.quote,
        "amount": amount(trade.quantity),
        "amount_currency": new.market.base,
        "cost": price(trade.cost),
        "cost_currency": new.market.quote,
        "side": TYPES[new.side],
        "isMaker": trade.maker,
        "date": stamp(trade.at),
    }


def balance(asset: str, free: Decimal, held: Decimal) -> Json:
    """One row of the balances."""
    return {"currency": asset, "balance": amount(free + held), "hold": amount(held), "available": amount(free)}
