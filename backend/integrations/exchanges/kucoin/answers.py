"""Reads KuCoin spot answers. Raises Malformed for what is not shaped as documented."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from backend.domain.instruments import Instrument
from backend.domain.money import ZERO
from backend.domain.orders import Balance, Fill, OrderReport, OrderStatus, Side, VenueOrder
from backend.integrations.exchanges.kucoin.rules import ASSET_NAMES, FEE_CLASS_FACTORS, RULES
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
    positive,
    text,
)

SUCCESS = "200000"
ACCOUNT = "trade_hf"
SIDES: Mapping[str, Side] = {"buy": Side.BUY, "sell": Side.SELL}
ENDED: Mapping[str, bool] = {"open": False, "done": True}


def errors_of(fact: HttpFact) -> tuple[VenueError, ...]:
    """The ``{"code": "400100", "msg": ...}`` of an error answer, whatever its HTTP status."""
    code = code_of(fact)
    if not code or code == SUCCESS:
        return ()
    message = mapping(fact.document).get("msg")
    message = message if isinstance(message, str) else ""
    return (VenueError(code, message, f"{code} {message}".strip()),)


def code_of(fact: HttpFact) -> str:
    """The envelope's code; empty when there is none, or one of another type."""
    code = fact.document.get("code") if isinstance(fact.document, dict) else None
    return code if isinstance(code, str) else ""


def content_of(fact: HttpFact) -> object:
    """``data`` of a successful envelope, which may be null: that is how a look-up says "no such order"."""
    document = mapping(fact.document)
    if code_of(fact) != SUCCESS or "data" not in document:
        raise Malformed("no envelope with code and data")
    return document["data"]


def instruments(content: object) -> dict[str, Instrument]:
    """Markets of /api/v2/symbols by unified symbol; a market without steps is left out."""
    made = (_instrument(mapping(entry, "symbol")) for entry in items(content, "symbols"))
    return {instrument.symbol: instrument for instrument in made if instrument is not None}


def _instrument(entry: Mapping[str, object]) -> Instrument | None:
    tick, step = optional_number(entry, "priceIncrement"), optional_number(entry, "baseIncrement")
    if tick <= ZERO or step <= ZERO:
        return None
    base, quote = asset(text(entry, "baseCurrency")), asset(text(entry, "quoteCurrency"))
    return Instrument(
        venue=RULES.venue,
        symbol=f"{base}/{quote}",
        native_id=text(entry, "symbol"),
        base=base,
        quote=quote,
        price_tick=tick,
        quantity_step=step,
        min_quantity=optional_number(entry, "baseMinSize"),
        max_quantity=optional_number(entry, "baseMaxSize"),
        min_notional=optional_number(entry, "minFunds"),
        taker_fee=_fee(entry, "takerFeeCoefficient", RULES.taker_fee.value),
        maker_fee=_fee(entry, "makerFeeCoefficient", RULES.maker_fee.value),
        active=entry.get("enableTrading") is True,
    )


def _fee(entry: Mapping[str, object], coefficient: str, base: Decimal) -> Decimal:
    """The base rate times the market's class and its coefficient; a market that states none has the base rate."""
    category = entry.get("feeCategory")
    factor = FEE_CLASS_FACTORS.get(category, Decimal(1)) if isinstance(category, int) else Decimal(1)
    return base * factor * (Decimal(1) if entry.get(coefficient) is None else number(entry, coefficient))


def asset(native: str) -> str:
    return ASSET_NAMES.get(native, native)


def renamed(listed: Iterable[Instrument]) -> dict[str, str]:
    """The name of each asset by its code: a market's own id keeps the codes of before a renaming (BCHSV is BSV)."""
    codes = {}
    for instrument in listed:
        base, _, quote = instrument.native_id.partition("-")
        codes.update({base: instrument.base, quote: instrument.quote})
    return codes


def balances(content: object, codes: Mapping[str, str]) -> dict[str, Balance]:
    """The high-frequency trading account alone: what lies in another account cannot be traded as it is. The documents
    do not say whether an account bears its asset's code or its name, so either is understood."""
    entries = [mapping(entry, "account") for entry in items(content, "accounts")]
    read = (
        Balance(_named(text(entry, "currency"), codes), number(entry, "available"), number(entry, "holds"))
        for entry in entries
        if entry.get("type") == ACCOUNT
    )
    return {balance.asset: balance for balance in read}


def _named(currency: str, codes: Mapping[str, str]) -> str:
    return codes.get(currency, asset(currency))


def placed_id(fact: HttpFact, client_id: str) -> str:
    """The order id of a place's answer, or nothing: it must be in an envelope, and not about somebody else's id."""
    data = fact.document.get("data") if isinstance(fact.document, dict) else None
    if not isinstance(data, dict) or not code_of(fact):
        return ""
    if code_of(fact) == SUCCESS and data.get("clientOid") not in (None, client_id):
        return ""
    return identity(data.get("orderId"))


def placed_report(fact: HttpFact, order: VenueOrder) -> OrderReport:
    """The state in a place's answer, which names neither side nor price. Raises Malformed when its parts do not come to
    the whole."""
    data = mapping(content_of(fact), "order")
    quantity, filled, ended = _parts(data, left="remainSize", cancelled="canceledSize")
    return OrderReport(
        venue=RULES.venue,
        symbol=order.symbol,
        venue_order_id=text(data, "orderId"),
        client_id=identity(data.get("clientOid")) or None,
        side=order.side,
        quantity=quantity,
        filled=filled,
        status=_status(ended=ended, filled=filled, quantity=quantity),
        price=order.price,
    )


def cancelled(content: object) -> tuple[bool, Decimal]:
    """Is the order ended, and what did it execute? From the answer of a synchronous cancel."""
    _, filled, ended = _parts(mapping(content, "cancel"), left="remainSize", cancelled="canceledSize")
    return ended, filled


def _parts(data: Mapping[str, object], *, left: str, cancelled: str) -> tuple[Decimal, Decimal, bool]:
    """Quantity, executed part, ended: of an answer of the synchronous endpoints."""
    quantity, filled = positive(data, "originSize"), number(data, "dealSize")
    remaining, ended = number(data, left), choice(ENDED, data, "status")
    if filled + remaining + number(data, cancelled) != quantity or (ended and remaining != ZERO):
        raise Malformed("the order's parts do not come to the whole")
    return quantity, filled, ended


def report(document: Mapping[str, object], symbol: str) -> OrderReport:
    """An order, from a query or the list of active ones.

    ``cancelExist`` alone says little: it stands on orders that were filled to the last unit, too. An order has ended
    when it is not active; then executed and cancelled together must be the whole.
    """
    quantity, filled = positive(document, "size"), number(document, "dealSize")
    active, spent = field(document, "active"), optional_number(document, "dealFunds")
    if not isinstance(active, bool):
        raise Malformed("active is neither true nor false")
    if not active and filled + optional_number(document, "cancelledSize") != quantity:
        raise Malformed("ended, but its parts do not come to the whole")
    limit, created = optional_number(document, "price"), document.get("createdAt")
    return OrderReport(
        venue=RULES.venue,
        symbol=symbol,
        venue_order_id=text(document, "id"),
        client_id=identity(document.get("clientOid")) or None,
        side=choice(SIDES, document, "side"),
        quantity=quantity,
        filled=filled,
        status=_status(ended=not active, filled=filled, quantity=quantity),
        price=limit or None,
        average=spent / filled if filled > ZERO and spent > ZERO else None,
        created_at=created / 1000 if isinstance(created, int) else None,
    )


def _status(*, ended: bool, filled: Decimal, quantity: Decimal) -> OrderStatus:
    if not ended:
        return OrderStatus.OPEN
    return OrderStatus.FILLED if filled == quantity else OrderStatus.CANCELED


def trade(document: Mapping[str, object], symbol: str) -> Fill:
    """One entry of the fills."""
    return Fill(
        venue=RULES.venue,
        symbol=symbol,
        venue_order_id=text(document, "orderId"),
        trade_id=text(document, "tradeId"),
        side=choice(SIDES, document, "side"),
        quantity=positive(document, "size"),
        price=positive(document, "price"),
        fee=optional_number(document, "fee"),
        fee_asset=asset(identity(document.get("feeCurrency"))),
        at=float(number(document, "createdAt")) / 1000,
    )
