"""Reads Kraken spot answers. Raises Malformed for what is not shaped as documented."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from backend.domain.instruments import Instrument
from backend.domain.money import ZERO
from backend.domain.orders import Balance, Fill, OrderReport, OrderStatus, Side
from backend.integrations.exchanges.kraken.outcomes import TAKES_DETAIL
from backend.integrations.exchanges.kraken.rules import ASSET_NAMES, RULES
from backend.integrations.exchanges.shared.http_fact import HttpFact
from backend.integrations.exchanges.shared.outcomes import VenueError
from backend.integrations.exchanges.shared.parsing import (
    Malformed,
    as_number,
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
    "pending": OrderStatus.OPEN,
    "open": OrderStatus.OPEN,
    "closed": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "expired": OrderStatus.EXPIRED,
}
SIDES: Mapping[str, Side] = {"buy": Side.BUY, "sell": Side.SELL}
DARK_POOL = ".d"


def errors_of(fact: HttpFact) -> tuple[VenueError, ...]:
    """The ``E...`` entries of the envelope; ``W...`` entries are warnings. Raises Malformed."""
    if not isinstance(fact.document, dict) or "error" not in fact.document:
        return ()
    entries = items(fact.document["error"], "error")
    if not all(isinstance(entry, str) for entry in entries):
        raise Malformed("error is no list of texts")
    return tuple(_error(str(entry)) for entry in entries if not str(entry).startswith("W"))


def _error(entry: str) -> VenueError:
    category, _, message = entry.partition(":")
    head = message.partition(":")[0]
    return VenueError(category, head if (category, head) in TAKES_DETAIL else message, entry)


def content_of(fact: HttpFact) -> object:
    """``result`` of the envelope."""
    return field(mapping(fact.document), "result")


def order_id_of(fact: HttpFact) -> str:
    """The first ``txid`` of an AddOrder answer, or nothing. Warnings beside it do not matter."""
    result = fact.document.get("result") if isinstance(fact.document, dict) else None
    ids = result.get("txid") if isinstance(result, dict) else None
    return identity(ids[0]) if isinstance(ids, list) and ids and isinstance(ids[0], str) else ""


@dataclass(frozen=True, slots=True)
class Markets:
    """Instruments by unified symbol, and the symbol of every name that answers use for a pair."""

    instruments: Mapping[str, Instrument]
    symbols: Mapping[str, str]


def asset_names(content: object) -> dict[str, str]:
    """The unified name of each asset by the venue's id (XXBT is BTC, ZUSD is USD)."""
    altnames = {native: text(mapping(entry), "altname") for native, entry in mapping(content).items()}
    return {native: ASSET_NAMES.get(altname, altname) for native, altname in altnames.items()}


def markets(content: object, assets: Mapping[str, str]) -> Markets:
    """Spot pairs of AssetPairs; dark-pool twins and pairs of unnamed assets are left out."""
    instruments: dict[str, Instrument] = {}
    symbols: dict[str, str] = {}
    for native, raw in mapping(content).items():
        pair = mapping(raw, "pair")
        altname = text(pair, "altname")
        base, quote = assets.get(text(pair, "base")), assets.get(text(pair, "quote"))
        if altname.endswith(DARK_POOL) or base is None or quote is None:
            continue
        instrument = _instrument(native, pair, base, quote)
        instruments.setdefault(instrument.symbol, instrument)
        symbols.update({native: instrument.symbol, altname: instrument.symbol})
    return Markets(instruments, symbols)


def _instrument(native: str, pair: Mapping[str, object], base: str, quote: str) -> Instrument:
    tick = pair.get("tick_size")
    return Instrument(
        venue=RULES.venue,
        symbol=f"{base}/{quote}",
        native_id=native,
        base=base,
        quote=quote,
        price_tick=_decimals(pair, "pair_decimals") if tick is None else as_number(tick, "tick_size"),
        quantity_step=_decimals(pair, "lot_decimals"),
        min_quantity=optional_number(pair, "ordermin"),
        min_notional=optional_number(pair, "costmin"),
        taker_fee=_first_fee(pair, "fees", RULES.taker_fee.value),
        maker_fee=_first_fee(pair, "fees_maker", RULES.maker_fee.value),
        active=pair.get("status", "online") == "online",
    )


def _decimals(pair: Mapping[str, object], name: str) -> Decimal:
    return Decimal(1).scaleb(-int(number(pair, name)))


def _first_fee(pair: Mapping[str, object], name: str, default: Decimal) -> Decimal:
    """The lowest tier's fee; the venue states percent."""
    tiers = pair.get(name)
    if not isinstance(tiers, list) or not tiers:
        return default
    first = items(tiers[0], name)
    return as_number(first[1], name) / 100 if len(first) > 1 else default


def balances(content: object, assets: Mapping[str, str]) -> dict[str, Balance]:
    """BalanceEx. Names with a suffix (staked, rewards) stay apart: they cannot be traded as they are."""
    result = {}
    for native, raw in mapping(content).items():
        entry, name = mapping(raw, "balance"), assets.get(native, ASSET_NAMES.get(native, native))
        held = optional_number(entry, "hold_trade")
        result[name] = Balance(name, max(ZERO, number(entry, "balance") - held), held)
    return result


def report(order_id: str, raw: object, symbols: Mapping[str, str]) -> OrderReport:
    """One entry of OpenOrders, ClosedOrders or QueryOrders. ``price`` of an entry is its average."""
    entry = mapping(raw, "order")
    described = mapping(field(entry, "descr"), "descr")
    filled, average = number(entry, "vol_exec"), optional_number(entry, "price")
    limit = optional_number(described, "price")
    opened = entry.get("opentm")
    return OrderReport(
        venue=RULES.venue,
        symbol=choice(symbols, described, "pair"),
        venue_order_id=order_id,
        client_id=identity(entry.get("cl_ord_id")) or None,
        side=choice(SIDES, described, "type"),
        quantity=number(entry, "vol"),
        filled=filled,
        status=choice(STATUSES, entry, "status"),
        price=limit or None,
        average=average if filled > ZERO and average > ZERO else None,
        created_at=None if opened is None else float(as_number(opened, "opentm")),
    )


def trade(trade_id: str, entry: Mapping[str, object], symbols: Mapping[str, str], quote: str) -> Fill:
    """One entry of TradesHistory. Fees are charged in the quote asset (order flag fciq, the venue's default)."""
    return Fill(
        venue=RULES.venue,
        symbol=choice(symbols, entry, "pair"),
        venue_order_id=text(entry, "ordertxid"),
        trade_id=trade_id,
        side=choice(SIDES, entry, "type"),
        quantity=number(entry, "vol"),
        price=number(entry, "price"),
        fee=optional_number(entry, "fee"),
        fee_asset=quote,
        at=float(number(entry, "time")),
    )
