"""Reads Meridian's answers. Raises Malformed for what is not shaped as documented."""

from __future__ import annotations

from collections.abc import Mapping

from backend.domain.instruments import Instrument
from backend.domain.orders import Balance, Fill, OrderReport, OrderStatus, Side
from backend.integrations.exchanges.shared.http_fact import HttpFact
from backend.integrations.exchanges.shared.outcomes import VenueError
from backend.integrations.exchanges.shared.parsing import choice, field, identity, items, mapping, number, text

from .rules import RULES

SIDES = {"buy": Side.BUY, "sell": Side.SELL}
STATES = {"open": OrderStatus.OPEN, "filled": OrderStatus.FILLED, "cancelled": OrderStatus.CANCELED}


def errors_of(fact: HttpFact) -> tuple[VenueError, ...]:
    """The ``{"error": code, "message": words}`` of a refusal."""
    if not isinstance(fact.document, dict) or not isinstance(fact.document.get("error"), str):
        return ()
    return (VenueError(fact.document["error"], str(fact.document.get("message", ""))),)


def order_id_of(fact: HttpFact) -> str:
    return identity(fact.document.get("id")) if isinstance(fact.document, dict) else ""


def instruments(content: object) -> dict[str, Instrument]:
    markets = [mapping(entry, "market") for entry in items(field(mapping(content), "markets"))]
    return {listed.symbol: listed for listed in map(_instrument, markets)}


def _instrument(market: Mapping[str, object]) -> Instrument:
    base, quote = text(market, "base"), text(market, "quote")
    return Instrument(
        venue=RULES.venue,
        symbol=f"{base}/{quote}",
        native_id=text(market, "id"),
        base=base,
        quote=quote,
        price_tick=number(market, "tick"),
        quantity_step=number(market, "step"),
        min_quantity=number(market, "min"),
        min_notional=number(market, "min_cost"),
        taker_fee=RULES.taker_fee.value,
        maker_fee=RULES.maker_fee.value,
    )


def balances(content: object) -> dict[str, Balance]:
    rows = [mapping(entry, "balance") for entry in items(field(mapping(content), "balances"))]
    read = [Balance(text(row, "asset"), number(row, "free"), number(row, "held")) for row in rows]
    return {balance.asset: balance for balance in read}


def report(row: Mapping[str, object], symbols: Mapping[str, str]) -> OrderReport:
    return OrderReport(
        venue=RULES.venue,
        symbol=choice(symbols, row, "market"),
        venue_order_id=text(row, "id"),
        client_id=identity(row.get("client_id")) or None,
        side=choice(SIDES, row, "side"),
        quantity=number(row, "amount"),
        filled=number(row, "filled"),
        status=choice(STATES, row, "state"),
        price=number(row, "price"),
        created_at=float(number(row, "created_ms")) / 1000,
    )


def fill(row: Mapping[str, object], symbols: Mapping[str, str]) -> Fill:
    return Fill(
        venue=RULES.venue,
        symbol=choice(symbols, row, "market"),
        venue_order_id=text(row, "order_id"),
        trade_id=text(row, "id"),
        side=choice(SIDES, row, "side"),
        quantity=number(row, "amount"),
        price=number(row, "price"),
        fee=number(row, "fee"),
        fee_asset=text(row, "fee_asset"),
        at=float(number(row, "at_ms")) / 1000,
    )
