"""Reads Bybit v5 spot answers. Raises Malformed for what is not shaped as documented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from backend.domain.health import VenueMode
from backend.domain.instruments import Instrument
from backend.domain.money import ZERO
from backend.domain.orders import Balance, Fill, OrderReport, OrderStatus, Side
from backend.integrations.exchanges.bybit.rules import (
    DUPLICATE_REJECTED,
    HTTP_TRADING,
    PRODUCTION,
    RULES,
    SPOT_PRODUCT,
    STATES,
)
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

REJECTED = "Rejected"
STATUSES: Mapping[str, OrderStatus] = {
    "New": OrderStatus.OPEN,
    "PartiallyFilled": OrderStatus.OPEN,
    "Untriggered": OrderStatus.OPEN,
    "Filled": OrderStatus.FILLED,
    "PartiallyFilledCanceled": OrderStatus.CANCELED,
    "Cancelled": OrderStatus.CANCELED,
    "Deactivated": OrderStatus.CANCELED,
    REJECTED: OrderStatus.REJECTED,
}
SIDES: Mapping[str, Side] = {"Buy": Side.BUY, "Sell": Side.SELL}


def errors_of(fact: HttpFact) -> tuple[VenueError, ...]:
    """A ``retCode`` other than 0, whatever the HTTP status. Raises Malformed for a code that is no integer."""
    if not isinstance(fact.document, dict) or "retCode" not in fact.document:
        return ()
    code, message = fact.document["retCode"], fact.document.get("retMsg")
    if not isinstance(code, int) or isinstance(code, bool):
        raise Malformed("retCode is no integer")
    message = message if isinstance(message, str) else ""
    return () if code == 0 else (VenueError(str(code), message, f"{code} {message}".strip()),)


def content_of(fact: HttpFact) -> object:
    """``result`` of the envelope. An object without a retCode is none: the code is what says that all went well."""
    document = mapping(fact.document)
    field(document, "retCode")
    return field(document, "result")


def acknowledged_id(fact: HttpFact, client_id: str) -> str:
    """The order id of an acknowledgement that echoes our own id, or nothing."""
    result = fact.document.get("result") if isinstance(fact.document, dict) else None
    if not isinstance(result, dict) or result.get("orderLinkId") != client_id:
        return ""
    return identity(result.get("orderId"))


def rows(content: object) -> list[Mapping[str, object]]:
    """The entries of a ``list``."""
    return [mapping(entry, "entry") for entry in items(field(mapping(content), "list"), "list")]


def next_page(content: object) -> str:
    """The cursor of the following page as it came, already encoded; empty on the last page."""
    return identity(mapping(content).get("nextPageCursor"))


def mode(content: object) -> VenueMode:
    """MAINTENANCE only for an ongoing event that concerns spot trading over HTTP: events of other products, services
    and environments stand in the same list. Whose accounts an event is limited to (``uidSuffix``) does not matter."""
    modes = {choice(STATES, event, "state") for event in rows(content) if _concerns_us(event)}
    return VenueMode.MAINTENANCE if VenueMode.MAINTENANCE in modes else VenueMode.ONLINE


def _concerns_us(event: Mapping[str, object]) -> bool:
    """An event that names no product, no service or no environment concerns all of them."""
    products, services = items(event.get("product"), "product"), items(event.get("serviceTypes"), "serviceTypes")
    spot = not products or SPOT_PRODUCT in products
    trading = not services or any(service in HTTP_TRADING for service in services)
    return spot and trading and event.get("env", PRODUCTION) == PRODUCTION


def instruments(content: object) -> dict[str, Instrument]:
    """Spot markets by unified symbol; a market without steps is left out."""
    made = (_instrument(entry) for entry in rows(content))
    return {instrument.symbol: instrument for instrument in made if instrument is not None}


def _instrument(entry: Mapping[str, object]) -> Instrument | None:
    lot, price = mapping(field(entry, "lotSizeFilter")), mapping(field(entry, "priceFilter"))
    tick, step = optional_number(price, "tickSize"), optional_number(lot, "basePrecision")
    if tick <= ZERO or step <= ZERO:
        return None
    base, quote = text(entry, "baseCoin"), text(entry, "quoteCoin")
    return Instrument(
        venue=RULES.venue,
        symbol=f"{base}/{quote}",
        native_id=text(entry, "symbol"),
        base=base,
        quote=quote,
        price_tick=tick.normalize(),
        quantity_step=step.normalize(),
        min_quantity=optional_number(lot, "minOrderQty").normalize(),
        max_quantity=optional_number(lot, "maxOrderQty").normalize(),
        min_notional=optional_number(lot, "minOrderAmt").normalize(),
        taker_fee=RULES.taker_fee.value,
        maker_fee=RULES.maker_fee.value,
        active=entry.get("status") == "Trading",
    )


def balances(content: object) -> dict[str, Balance]:
    """The unified account. What was borrowed is in the wallet balance and is not ours to spend."""
    accounts = rows(content)
    if len(accounts) != 1:
        raise Malformed(f"{len(accounts)} unified accounts")
    read = (_balance(mapping(entry, "coin")) for entry in items(accounts[0].get("coin"), "coin"))
    return {balance.asset: balance for balance in read}


def _balance(entry: Mapping[str, object]) -> Balance:
    held = _amount(entry, "locked")
    free = number(entry, "walletBalance") - held - _amount(entry, "spotBorrow")
    return Balance(text(entry, "coin"), max(ZERO, free), held)


def _amount(entry: Mapping[str, object], name: str) -> Decimal:
    """Like ``number``; absent or empty is zero."""
    return ZERO if entry.get(name) == "" else optional_number(entry, name)


def is_refused(row: Mapping[str, object]) -> bool:
    """Rejected with nothing executed."""
    return row.get("orderStatus") == REJECTED and number(row, "cumExecQty") == ZERO


def the_order(found: Sequence[Mapping[str, object]]) -> Mapping[str, object] | None:
    """The one order among all rows of one id; None without rows. Raises Malformed when it cannot be told.

    A duplicate is acknowledged first and rejected later, so beside an order there can be the rejection of a copy: it
    is passed over. Without that order a rejection settles something only when it is the one row and not that of a
    duplicate, which says that an order of this id exists. Two rows that might both be the order are not guessed at.
    """
    if not found:
        return None
    candidates = [row for row in found if not is_refused(row)]
    if not candidates and len(found) == 1:
        candidates = [row for row in found if row.get("rejectReason") != DUPLICATE_REJECTED]
    if len(candidates) != 1:
        raise Malformed(f"{len(candidates)} of {len(found)} rows of one id can be the order")
    return candidates[0]


def report(row: Mapping[str, object], symbol: str) -> OrderReport:
    """One order of order/realtime or order/history."""
    filled, spent = number(row, "cumExecQty"), _amount(row, "cumExecValue")
    status, price = choice(STATUSES, row, "orderStatus"), _amount(row, "price")
    if status is OrderStatus.REJECTED and filled > ZERO:
        # Seen in recordings: the rest of a partly filled order is rejected. It has ended, but it did execute.
        status = OrderStatus.CANCELED
    created = row.get("createdTime")
    return OrderReport(
        venue=RULES.venue,
        symbol=symbol,
        venue_order_id=text(row, "orderId"),
        client_id=identity(row.get("orderLinkId")) or None,
        side=choice(SIDES, row, "side"),
        quantity=number(row, "qty"),
        filled=filled,
        status=status,
        price=price or None,
        average=spent / filled if filled > ZERO and spent > ZERO else None,
        created_at=float(number(row, "createdTime")) / 1000 if created else None,
    )


def trade(row: Mapping[str, object], symbol: str) -> Fill:
    """One entry of execution/list."""
    return Fill(
        venue=RULES.venue,
        symbol=symbol,
        venue_order_id=text(row, "orderId"),
        trade_id=text(row, "execId"),
        side=choice(SIDES, row, "side"),
        quantity=number(row, "execQty"),
        price=number(row, "execPrice"),
        fee=_amount(row, "execFee"),
        fee_asset=identity(row.get("feeCurrency")),
        at=float(number(row, "execTime")) / 1000,
    )
