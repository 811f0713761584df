"""Reads OKX v5 spot answers. Raises Malformed for what is not shaped as documented."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from backend.domain.health import VenueMode
from backend.domain.instruments import Instrument
from backend.domain.money import ZERO
from backend.domain.orders import Balance, Fill, OrderReport, OrderStatus, Side
from backend.integrations.exchanges.okx.rules import LIVE, PRODUCTION, RULES, STATES, TRADING_SERVICES
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
    "live": OrderStatus.OPEN,
    "partially_filled": OrderStatus.OPEN,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "mmp_canceled": OrderStatus.CANCELED,
}
SIDES: Mapping[str, Side] = {"buy": Side.BUY, "sell": Side.SELL}
SUCCESS = "0"
SEE_ROWS = frozenset({SUCCESS, "1", "2"})
"""Codes of the envelope that only sum up its rows: all succeeded, all failed, some of each."""


def errors_of(fact: HttpFact) -> tuple[VenueError, ...]:
    """The result of the one row, else of the envelope; both when the envelope has a code of its own or says the
    opposite of its row. Raises Malformed for a code that is none."""
    if not isinstance(fact.document, dict) or "code" not in fact.document:
        return ()
    code = _code(fact.document["code"])
    row = _result_row(fact.document.get("data"))
    own = _error(code, fact.document.get("msg"))
    if row is None:
        return () if code == SUCCESS else (own,)
    result = _code(row["sCode"])
    if result == SUCCESS:
        return () if code == SUCCESS else (own,)
    error = _error(result, row.get("sMsg"))
    return (error,) if code in SEE_ROWS else (error, own)


def _code(value: object) -> str:
    """Texts of digits; the gateway's own errors have a number."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Malformed("code is neither text nor number")
    return str(value)


def _error(code: str, message: object) -> VenueError:
    message = message if isinstance(message, str) else ""
    return VenueError(code, message, f"{code} {message}".strip())


def _result_row(data: object) -> Mapping[str, object] | None:
    """The row of an answer to one order's place or cancel."""
    row = data[0] if isinstance(data, list) and len(data) == 1 else None
    return row if isinstance(row, dict) and "sCode" in row else None


def content_of(fact: HttpFact) -> object:
    """``data`` of the envelope. Without a code there is nothing that says that all went well."""
    document = mapping(fact.document)
    field(document, "code")
    return field(document, "data")


def placed_id(fact: HttpFact, client_id: str) -> str:
    """The order id of the one row, when that row has a result and echoes our own id; or nothing."""
    row = _result_row(fact.document.get("data")) if isinstance(fact.document, dict) else None
    return identity(row.get("ordId")) if row is not None and row.get("clOrdId") == client_id else ""


def rows(content: object) -> list[Mapping[str, object]]:
    return [mapping(entry, "row") for entry in items(content, "data")]


def only(content: object) -> Mapping[str, object]:
    """The one row. An empty list is no answer: the venue has a code for "not found"."""
    found = rows(content)
    if len(found) != 1:
        raise Malformed(f"{len(found)} rows instead of one")
    return found[0]


def mode(content: object) -> VenueMode:
    """The worst mode of all events that concern trading on the production system; ONLINE without any."""
    modes = {choice(STATES, event, "state") for event in rows(content) if _concerns_us(event)}
    worst = (one for one in (VenueMode.MAINTENANCE, VenueMode.POST_ONLY) if one in modes)
    return next(worst, VenueMode.ONLINE)


def _concerns_us(event: Mapping[str, object]) -> bool:
    """An event that names no environment concerns all of them."""
    return event.get("env", PRODUCTION) == PRODUCTION and text(event, "serviceType") in TRADING_SERVICES


def instruments(content: object) -> dict[str, Instrument]:
    """Spot markets by unified symbol; a market without steps (not open yet) is left out."""
    made = (_instrument(entry) for entry in rows(content))
    return {instrument.symbol: instrument for instrument in made if instrument is not None}


def _instrument(entry: Mapping[str, object]) -> Instrument | None:
    tick, step = _amount(entry, "tickSz"), _amount(entry, "lotSz")
    if tick <= ZERO or step <= ZERO:
        return None
    base, quote = text(entry, "baseCcy"), text(entry, "quoteCcy")
    return Instrument(
        venue=RULES.venue,
        symbol=f"{base}/{quote}",
        native_id=text(entry, "instId"),
        base=base,
        quote=quote,
        price_tick=tick.normalize(),
        quantity_step=step.normalize(),
        min_quantity=_amount(entry, "minSz").normalize(),
        max_quantity=_amount(entry, "maxLmtSz").normalize(),
        min_notional=ZERO,
        taker_fee=RULES.taker_fee.value,
        maker_fee=RULES.maker_fee.value,
        active=entry.get("state") == LIVE,
    )


def _amount(entry: Mapping[str, object], name: str) -> Decimal:
    """Like ``number``; absent or empty is zero."""
    return ZERO if entry.get(name) == "" else optional_number(entry, name)


def balances(content: object) -> dict[str, Balance]:
    """The trading account."""
    details = items(field(only(content), "details"), "details")
    read = (_balance(mapping(entry, "detail")) for entry in details)
    return {balance.asset: balance for balance in read}


def _balance(entry: Mapping[str, object]) -> Balance:
    return Balance(text(entry, "ccy"), number(entry, "availBal"), _amount(entry, "frozenBal"))


def report(row: Mapping[str, object], symbol: str) -> OrderReport:
    """One order. Raises Malformed for a size in quote money, which is no quantity."""
    if row.get("tgtCcy") == "quote_ccy":
        raise Malformed("the size is in quote money")
    filled, price, average = number(row, "accFillSz"), _amount(row, "px"), _amount(row, "avgPx")
    return OrderReport(
        venue=RULES.venue,
        symbol=symbol,
        venue_order_id=text(row, "ordId"),
        client_id=identity(row.get("clOrdId")) or None,
        side=choice(SIDES, row, "side"),
        quantity=number(row, "sz"),
        filled=filled,
        status=choice(STATUSES, row, "state"),
        price=price or None,
        average=average if filled > ZERO and average > ZERO else None,
        created_at=float(number(row, "cTime")) / 1000 if row.get("cTime") else None,
    )


def trade(row: Mapping[str, object], symbol: str) -> Fill:
    """One entry of fills or fills-history. The venue states a charged fee as a negative number."""
    return Fill(
        venue=RULES.venue,
        symbol=symbol,
        venue_order_id=text(row, "ordId"),
        trade_id=text(row, "tradeId"),
        side=choice(SIDES, row, "side"),
        quantity=number(row, "fillSz"),
        price=number(row, "fillPx"),
        fee=ZERO - _amount(row, "fee"),
        fee_asset=identity(row.get("feeCcy")),
        at=float(number(row, "ts")) / 1000,
    )
