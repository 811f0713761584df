"""OKX's JSON: an envelope with code and a list of data; every number is a text, times are milliseconds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal

from backend.emulator.books import BookFrame, Level
from backend.emulator.dialect import Keys, Mode, may_withdraw
from backend.emulator.market import ZERO, Market, TimeInForce, plain
from backend.emulator.orders import Order, Status, Trade
from backend.emulator.venues.okx.errors import FAILED, FAILED_TEXT
from backend.emulator.venues.okx.facts import FEES, PERMISSIONS, WITHDRAWS
from backend.emulator.wire import Answer, json_answer

Json = dict[str, object]
SPOT = "SPOT"
BY_USER, BY_FOK, BY_IOC, BY_POST_ONLY = "1", "13", "14", "31"
EVENTS = {Mode.MAINTENANCE: "ongoing", Mode.POST_ONLY: "pre_open"}


def result(data: list[Json]) -> Answer:
    """A success."""
    return json_answer(200, {"code": "0", "msg": "", "data": data})


def millis(at: float) -> str:
    """Epoch milliseconds."""
    return str(int(at * 1000))


def events(mode: Mode | None, now: float) -> list[Json]:
    """An interruption of trading, or what comes after it; otherwise nothing is announced."""
    if mode not in EVENTS:
        return []
    event: Json = {
        "title": "System upgrade",
        "state": EVENTS[mode],
        "begin": millis(now - 60),
        "end": millis(now + 3_600),
        "preOpenBegin": millis(now - 30) if mode is Mode.POST_ONLY else "",
        "href": "",
        "serviceType": "5",
        "system": "unified",
        "scheDesc": "",
        "maintType": "1",
        "env": "1",
    }
    return [event]


def outcome(client_id: str, order_id: str, now: float, code: str = "0", text: str = "") -> Json:
    """The row of one order in the answer to a place or a cancel: the ids and nothing of what became of the order."""
    return {"ordId": order_id, "clOrdId": client_id, "tag": "", "ts": millis(now), "sCode": code, "sMsg": text}


def outcomes(rows: Sequence[Json], now: float) -> Answer:
    """What became of the rows of a request: of all the same, or of some (code 2)."""
    failed = sum(row["sCode"] != "0" for row in rows)
    code, text = ("0", "") if not failed else (FAILED, FAILED_TEXT) if failed == len(rows) else ("2", "")
    stamp = str(int(now * 1_000_000))
    return json_answer(200, {"code": code, "msg": text, "data": rows, "inTime": stamp, "outTime": stamp})


def only_row(answer: Answer) -> Json:
    """The row of an answer about one order."""
    row: Json = json.loads(answer.body)["data"][0]
    return row


def state(order: Order) -> str:
    """The venue's word; an order that was cancelled may have executed a part."""
    if order.status is Status.OPEN:
        return "partially_filled" if order.filled else "live"
    return "filled" if order.status is Status.FILLED else "canceled"


def _cancel_source(order: Order) -> str:
    """By whom or what it was cancelled."""
    if order.status is not Status.EXPIRED:
        return BY_USER if order.status is Status.CANCELLED else ""
    if order.new.post_only:
        return BY_POST_ONLY
    return BY_FOK if order.new.time_in_force is TimeInForce.FOK else BY_IOC


def order(order: Order) -> Json:
    """An order as lists and look-ups show it. The fee is negative when it is charged."""
    new = order.new
    last = order.trades[-1] if order.trades else None
    asset = order.trades[0].fee_asset if order.trades else (new.market.base if new.side == "buy" else new.market.quote)
    return {
        "instType": SPOT,
        "instId": new.market.native,
        "ccy": "",
        "ordId": order.id,
        "clOrdId": new.client_id or "",
        "tag": "",
        "px": plain(new.price) if new.price is not None else "",
        "sz": plain(new.spend or order.quantity),
        "ordType": new.kind,
        "side": new.side.value,
        "posSide": "net",
        "tdMode": "cash",
        "tgtCcy": "quote_ccy" if new.spend else "",
        "accFillSz": plain(order.filled),
        "fillPx": plain(last.price) if last else "",
        "fillSz": plain(last.quantity) if last else "0",
        "fillTime": millis(last.at) if last else "",
        "tradeId": last.id if last else "",
        "avgPx": plain(order.average) if order.filled else "",
        "state": state(order),
        "lever": "",
        "feeCcy": asset,
        "fee": plain(-order.fee) if order.fee else "0",
        "rebateCcy": new.market.quote,
        "rebate": "0",
        "category": "normal",
        "reduceOnly": "false",
        "cancelSource": _cancel_source(order),
        "cTime": millis(order.created),
        "uTime": millis(order.updated),
    }


def bill_id(trade: Trade, place: int) -> int:
    """What the list of fills is continued after: it rises with the time. ``place``: of the instrument in its list."""
    return (int(trade.at * 1000) * 100 + place) * 10_000 + trade.number % 10_000


def fill(order: Order, trade: Trade, bill: int) -> Json:
    """A trade as the list of fills shows it."""
    return {
        "instType": SPOT,
        "instId": order.new.market.native,
        "tradeId": trade.id,
        "ordId": order.id,
        "clOrdId": order.new.client_id or "",
        "billId": str(bill),
        "tag": "",
        "fillPx": plain(trade.price),
        "fillSz": plain(trade.quantity),
        "side": order.new.side.value,
        "posSide": "net",
        "execType": "M" if trade.maker else "T",
        "feeCcy": trade.fee_asset,
        "fee": plain(-trade.fee) if trade.fee else "0",
        "feeRate": plain(-(FEES.maker if trade.maker else FEES.taker)),
        "ts": millis(trade.at),
        "fillTime": millis(trade.at),
    }


def balance(asset: str, free: Decimal, held: Decimal, now: float) -> Json:
    """One asset of the account."""
    total = plain(free + held)
    return {
        "ccy": asset,
        "eq": total,
        "cashBal": total,
        "availBal": plain(free),
        "availEq": plain(free),
        "frozenBal": plain(held),
        "ordFrozen": plain(held),
        "liab": "",
        "uTime": millis(now),
    }


def config(keys: Keys) -> Json:
    """The account and what the key may do: one that can take money away has ``withdraw`` among its permissions."""
    return {
        "uid": "44705892343619584",
        "mainUid": "44705892343619584",
        "acctLv": "1",
        "posMode": "net_mode",
        "autoLoan": False,
        "level": "Lv1",
        "label": "emulated",
        "ip": "",
        "perm": f"{PERMISSIONS},{WITHDRAWS}" if may_withdraw(keys) else PERMISSIONS,
        "type": "0",
    }


def fee_rates(now: float) -> Json:
    """The fee rates of the account, negative because they are charged."""
    rates = {"maker": plain(-FEES.maker), "taker": plain(-FEES.taker)}
    return {"category": "1", "instType": SPOT, "level": "Lv1", "ts": millis(now), **rates}


def currency(asset: str) -> Json:
    """One row of the list of currencies; nothing can be deposited or withdrawn here."""
    return {"ccy": asset, "name": asset, "chain": asset, "canDep": False, "canWd": False, "canInternal": False}


def instrument(market: Market, mode: Mode | None) -> Json:
    """An instrument with its rules. The state in maintenance is unverified."""
    return {
        "instType": SPOT,
        "instId": market.native,
        "baseCcy": market.base,
        "quoteCcy": market.quote,
        "settleCcy": "",
        "state": "suspend" if mode is Mode.MAINTENANCE else "live",
        "lotSz": plain(market.quantity_step),
        "minSz": plain(market.quantity_min),
        "tickSz": plain(market.price_step),
        "lever": "",
        "maxMktSz": "1000000",
        "maxLmtSz": plain(market.quantity_max),
    }


def levels(side: Iterable[Level], count: int) -> list[list[str]]:
    """Price, quantity, a field without meaning, and the number of orders of the best ``count`` levels."""
    return [[plain(price), plain(size), "0", "1"] for price, size in list(side)[:count]]


def book(frame: BookFrame, count: int) -> Json:
    """A part of the order book."""
    sides = {"asks": levels(frame.asks, count), "bids": levels(frame.bids, count)}
    return {**sides, "ts": millis(frame.at), "seqId": int(frame.at * 1000)}


def ticker(market: Market, frame: BookFrame) -> Json:
    """Best prices; the figures of the day are left out of the emulation."""
    bid, ask = (side[0] if side else (ZERO, ZERO) for side in (frame.bids, frame.asks))
    return {
        "instType": SPOT,
        "instId": market.native,
        "last": plain((bid[0] + ask[0]) / 2),
        "bidPx": plain(bid[0]),
        "bidSz": plain(bid[1]),
        "askPx": plain(ask[0]),
        "askSz": plain(ask[1]),
        "ts": millis(frame.at),
    }
