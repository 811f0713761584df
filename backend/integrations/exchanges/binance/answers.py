"""Reads Binance spot answers. Raises Malformed for what is not shaped as documented."""

from __future__ import annotations

from collections.abc import Mapping

from backend.domain.instruments import Instrument
from backend.domain.money import ZERO
from backend.domain.orders import Balance, Fill, OrderReport, OrderStatus, Side
from backend.integrations.exchanges.binance.rules import RULES
from backend.integrations.exchanges.shared.http_fact import HttpFact
from backend.integrations.exchanges.shared.outcomes import VenueError
from backend.integrations.exchanges.shared.parsing import (
    Malformed,
    choice,
    field,
    identity,
    items,
    mapping,
    number,
    optional_number,
    text,
)

STATUSES: Mapping[str, OrderStatus] = {
    "NEW": OrderStatus.OPEN,
    "PENDING_NEW": OrderStatus.OPEN,
    "PENDING_CANCEL": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.OPEN,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}
SIDES: Mapping[str, Side] = {"BUY": Side.BUY, "SELL": Side.SELL}


def errors_of(fact: HttpFact) -> tuple[VenueError, ...]:
    """The ``{"code": -2010, "msg": ...}`` of an error answer."""
    if fact.success or not isinstance(fact.document, dict):
        return ()
    code, message = fact.document.get("code"), fact.document.get("msg")
    if not isinstance(code, int) or isinstance(code, bool):
        return ()
    message = message if isinstance(message, str) else ""
    return (VenueError(str(code), message, f"{code} {message}".strip()),)


def instruments(content: object) -> dict[str, Instrument]:
    """Spot markets of exchangeInfo by unified symbol; a market without the two step filters is left out."""
    listed = [mapping(entry, "symbol") for entry in items(mapping(content).get("symbols"), "symbols")]
    made = (_instrument(entry) for entry in listed if entry.get("isSpotTradingAllowed", True))
    return {instrument.symbol: instrument for instrument in made if instrument is not None}


def _instrument(entry: Mapping[str, object]) -> Instrument | None:
    filters = {str(f.get("filterType")): f for f in (mapping(f) for f in items(entry.get("filters"), "filters"))}
    price, lot = filters.get("PRICE_FILTER", {}), filters.get("LOT_SIZE", {})
    tick, step = optional_number(price, "tickSize"), optional_number(lot, "stepSize")
    if tick <= ZERO or step <= ZERO:
        return None
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    base, quote = text(entry, "baseAsset"), text(entry, "quoteAsset")
    return Instrument(
        venue=RULES.venue,
        symbol=f"{base}/{quote}",
        native_id=text(entry, "symbol"),
        base=base,
        quote=quote,
        price_tick=tick.normalize(),
        quantity_step=step.normalize(),
        min_quantity=optional_number(lot, "minQty").normalize(),
        max_quantity=optional_number(lot, "maxQty").normalize(),
        min_notional=optional_number(notional, "minNotional").normalize(),
        taker_fee=RULES.taker_fee.value,
        maker_fee=RULES.maker_fee.value,
        active=entry.get("status") == "TRADING" and "LIMIT" in items(entry.get("orderTypes"), "orderTypes"),
    )


def balances(content: object) -> dict[str, Balance]:
    entries = [mapping(entry, "balance") for entry in items(mapping(content).get("balances"), "balances")]
    read = (Balance(text(entry, "asset"), number(entry, "free"), number(entry, "locked")) for entry in entries)
    return {balance.asset: balance for balance in read}


def report(document: Mapping[str, object], symbol: str) -> OrderReport:
    """An order, from the answers of place, query and open orders alike."""
    filled, spent = number(document, "executedQty"), optional_number(document, "cummulativeQuoteQty")
    created = document.get("time") or document.get("transactTime")
    return OrderReport(
        venue=RULES.venue,
        symbol=symbol,
        venue_order_id=text(document, "orderId"),
        client_id=identity(document.get("clientOrderId")) or None,
        side=choice(SIDES, document, "side"),
        quantity=number(document, "origQty"),
        filled=filled,
        status=choice(STATUSES, document, "status"),
        price=number(document, "price"),
        average=spent / filled if filled > ZERO and spent > ZERO else None,
        created_at=created / 1000 if isinstance(created, int) else None,
        fills=_answered_fills(document, symbol) if document.get("fills") else (),
    )


def _answered_fills(document: Mapping[str, object], symbol: str) -> tuple[Fill, ...]:
    """The fills of a FULL answer; their trades have no time of their own."""
    at = document.get("transactTime")
    return tuple(
        Fill(
            venue=RULES.venue,
            symbol=symbol,
            venue_order_id=text(document, "orderId"),
            trade_id=text(fill, "tradeId"),
            side=choice(SIDES, document, "side"),
            quantity=number(fill, "qty"),
            price=number(fill, "price"),
            fee=optional_number(fill, "commission"),
            fee_asset=identity(fill.get("commissionAsset")),
            at=at / 1000 if isinstance(at, int) else 0.0,
        )
        for fill in (mapping(entry, "fill") for entry in items(document["fills"], "fills"))
    )


def trade(document: Mapping[str, object], symbol: str) -> Fill:
    """One entry of myTrades."""
    at = field(document, "time")
    if not isinstance(at, int):
        raise Malformed("time is no integer")
    return Fill(
        venue=RULES.venue,
        symbol=symbol,
        venue_order_id=text(document, "orderId"),
        trade_id=text(document, "id"),
        side=Side.BUY if document.get("isBuyer") is True else Side.SELL,
        quantity=number(document, "qty"),
        price=number(document, "price"),
        fee=optional_number(document, "commission"),
        fee_asset=identity(document.get("commissionAsset")),
        at=at / 1000,
    )
