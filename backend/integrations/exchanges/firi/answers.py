"""Reads Firi answers. Raises Malformed for what is not shaped as documented."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from backend.domain.instruments import Instrument
from backend.domain.money import ZERO, plain
from backend.domain.orders import Balance, Fill, OrderReport, OrderStatus, Side
from backend.integrations.exchanges.firi.rules import (
    MIN_QUANTITY,
    PRICE_TICK,
    QUANTITY_STEP,
    QUOTE_LETTERS,
    RULES,
)
from backend.integrations.exchanges.shared.http_fact import HttpFact
from backend.integrations.exchanges.shared.outcomes import VenueError
from backend.integrations.exchanges.shared.parsing import (
    Malformed,
    choice,
    identity,
    items,
    mapping,
    number,
    optional_number,
    text,
    total,
)

SIDES: Mapping[str, Side] = {"bid": Side.BUY, "ask": Side.SELL}


def errors_of(fact: HttpFact) -> tuple[VenueError, ...]:
    """The ``{"name": ..., "message": ...}`` of an error, which may come with status 200."""
    if not isinstance(fact.document, dict) or not isinstance(fact.document.get("name"), str):
        return ()
    name, message = fact.document["name"], fact.document.get("message")
    message = message if isinstance(message, str) else ""
    return (VenueError(name, message, f"{name}: {message}"),)


def order_id_of(fact: HttpFact) -> str:
    """The id of the 201 answer: an integer, or its digits."""
    return identity(fact.document.get("id")) if isinstance(fact.document, dict) else ""


def instruments(content: object) -> dict[str, Instrument]:
    """The listed markets, with steps from our own table: the venue publishes none."""
    ids = [text(mapping(entry, "market"), "id") for entry in items(content)]
    made = (_instrument(native) for native in ids if len(native) > QUOTE_LETTERS)
    return {instrument.symbol: instrument for instrument in made}


def _instrument(native: str) -> Instrument:
    base, quote = native[:-QUOTE_LETTERS], native[-QUOTE_LETTERS:]
    minimum = MIN_QUANTITY.get(base)
    return Instrument(
        venue=RULES.venue,
        symbol=f"{base}/{quote}",
        native_id=native,
        base=base,
        quote=quote,
        price_tick=PRICE_TICK.value,
        quantity_step=QUANTITY_STEP.value,
        min_quantity=ZERO if minimum is None else minimum.value,
        taker_fee=RULES.taker_fee.value,
        maker_fee=RULES.maker_fee.value,
    )


def balances(content: object) -> dict[str, Balance]:
    entries = [mapping(entry, "balance") for entry in items(content)]
    read = (Balance(text(entry, "currency"), number(entry, "available"), number(entry, "hold")) for entry in entries)
    return {balance.asset: balance for balance in read}


def report(document: Mapping[str, object], symbols: Mapping[str, str]) -> OrderReport:
    """An order. It has ended when what is matched and what is cancelled come to the whole, and only then."""
    quantity, matched = number(document, "amount"), number(document, "matched")
    return OrderReport(
        venue=RULES.venue,
        symbol=choice(symbols, document, "market"),
        venue_order_id=text(document, "id"),
        client_id=None,
        side=choice(SIDES, document, "type"),
        quantity=quantity,
        filled=matched,
        status=_status(quantity, matched, document),
        price=number(document, "price"),
        created_at=_time(document.get("created_at")),
    )


def _status(quantity: Decimal, matched: Decimal, document: Mapping[str, object]) -> OrderStatus:
    cancelled = optional_number(document, "cancelled")
    if matched + cancelled == quantity:
        return OrderStatus.CANCELED if cancelled > ZERO else OrderStatus.FILLED
    if number(document, "remaining") > ZERO:
        return OrderStatus.OPEN
    raise Malformed(f"nothing remains, yet only {matched} of {quantity} is matched and {cancelled} cancelled")


def _time(value: object) -> float | None:
    try:
        return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
    except ValueError:
        return None


def average_price(order: OrderReport, history: object) -> Decimal | None:
    """Of the order's history entries, when those come to exactly the matched amount; None when they do not."""
    entries = [mapping(entry, "history entry") for entry in items(history)]
    own = [entry for entry in entries if identity(entry.get("id")) == order.venue_order_id]
    parts = [(number(entry, "amount"), number(entry, "price")) for entry in own]
    if total(amount for amount, _ in parts) != order.filled:
        return None
    return total(amount * price for amount, price in parts) / order.filled


def provisional_fill(order: OrderReport, average: Decimal | None) -> Fill:
    """One fill for all that an order has matched: there are no trade ids. Without an average its price is the order's
    limit, the worst it can have been. The fee is not told per order."""
    price = order.price if average is None else average
    if price is None or price <= ZERO:
        raise Malformed("an order without a price")
    return Fill(
        venue=RULES.venue,
        symbol=order.symbol,
        venue_order_id=order.venue_order_id,
        trade_id=f"{order.venue_order_id}:{plain(order.filled)}",
        side=order.side,
        quantity=order.filled,
        price=price,
        at=order.created_at or 0.0,
        provisional=True,
    )
