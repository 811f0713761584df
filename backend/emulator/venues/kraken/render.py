"""Kraken's JSON: an envelope with a list of errors and a result; amounts are texts, times are seconds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime

from backend.emulator.books import Level
from backend.emulator.dialect import Mode
from backend.emulator.market import ZERO, Market, places, plain
from backend.emulator.orders import NewOrder, Order, Status, Trade
from backend.emulator.venues.kraken.facts import ASSETS, FEES, MARKETS, NAMES
from backend.emulator.wire import Answer, json_answer

Json = dict[str, object]

LOT_DECIMALS = 8
# The words for final states. An IOC order with a rest shows as cancelled (unverified).
STATUS = {Status.OPEN: "open", Status.FILLED: "closed", Status.CANCELLED: "canceled", Status.EXPIRED: "canceled"}
REASON = {Status.CANCELLED: "User requested", Status.EXPIRED: "Unfilled part cancelled"}  # second text unverified


def result(value: object) -> Answer:
    """A success."""
    return json_answer(200, {"error": [], "result": value})


def stamp(now: float) -> str:
    """UTC with whole seconds."""
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_of(now: float) -> Json:
    """Server time; the resolution is one second."""
    return {"unixtime": int(now), "rfc1123": format_datetime(datetime.fromtimestamp(int(now), UTC))}


def system_status(now: float, mode: Mode | None) -> Json:
    """The word for the state of the whole venue."""
    return {"status": mode.value if mode else "online", "timestamp": stamp(now)}


def assets() -> Json:
    """All assets by id."""
    return {
        asset.id: {
            "aclass": "currency",
            "altname": asset.altname,
            "decimals": asset.decimals,
            "display_decimals": asset.display_decimals,
            "status": "enabled",
        }
        for asset in ASSETS.values()
    }


def pairs(markets: Iterable[Market], mode: Mode | None) -> Json:
    """Pairs by id. In maintenance pairs are shown as cancel_only (unverified)."""
    status = "online" if mode is None else (Mode.POST_ONLY if mode is Mode.POST_ONLY else Mode.CANCEL_ONLY).value
    return {market.native: _pair(market, status) for market in markets}


def _pair(market: Market, status: str) -> Json:
    names = NAMES[market.native]
    return {
        "altname": names.altname,
        "wsname": names.wsname,
        "aclass_base": "currency",
        "base": names.base,
        "aclass_quote": "currency",
        "quote": names.quote,
        "lot": "unit",
        "cost_decimals": names.cost_decimals,
        "pair_decimals": names.pair_decimals,
        "lot_decimals": LOT_DECIMALS,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, float(FEES.taker * 100)]],
        "fees_maker": [[0, float(FEES.maker * 100)]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": plain(market.quantity_min),
        "costmin": plain(market.cost_min),
        "tick_size": plain(market.price_step),
        "status": status,
    }


def price_text(market: Market, price: Decimal) -> str:
    """A price with the pair's decimals."""
    return places(price, NAMES[market.native].pair_decimals)


def levels(market: Market, side: Iterable[Level], count: int, at: float) -> list[list[object]]:
    """Price, quantity and the second of the last change."""
    return [[price_text(market, price), places(size, 3), int(at)] for price, size in list(side)[:count]]


def describe(new: NewOrder) -> str:
    """The order in words, as AddOrder and the order lists show it."""
    name = NAMES[new.market.native].altname
    volume = places(new.quantity if new.spend is None else new.spend, LOT_DECIMALS)
    ending = "market" if new.price is None else f"limit {price_text(new.market, new.price)}"
    return f"{new.side.value} {volume} {name} @ {ending}"


def order(order: Order, *, with_trades: bool = False) -> Json:
    """An order as queries and lists show it. ``price`` is the average of the executed part."""
    new = order.new
    decimals = NAMES[new.market.native].cost_decimals
    shown: Json = {
        "refid": None,
        "userref": None,
        "cl_ord_id": new.client_id,
        "status": STATUS[order.status],
        "reason": REASON.get(order.status),
        "opentm": round(order.created, 6),
        "starttm": 0,
        "expiretm": 0,
        "descr": _description(new),
        "vol": places(order.quantity, LOT_DECIMALS),
        "vol_exec": places(order.filled, LOT_DECIMALS),
        "cost": places(order.cost, decimals),
        "fee": places(order.fee, decimals),
        "price": places(order.average, decimals),
        "stopprice": places(ZERO, decimals),
        "limitprice": places(ZERO, decimals),
        "misc": "",
        "oflags": "fciq,post" if new.post_only else "fciq",
        "timeinforce": new.time_in_force.value,
    }
    if order.status is not Status.OPEN:
        shown["closetm"] = round(order.updated, 6)
    if with_trades and order.trades:
        shown["trades"] = [trade.id for trade in order.trades]
    return shown


def _description(new: NewOrder) -> Json:
    return {
        "pair": NAMES[new.market.native].altname,
        "type": new.side.value,
        "ordertype": new.kind,
        "price": price_text(new.market, new.price) if new.price is not None else "0",
        "price2": "0",
        "leverage": "none",
        "order": describe(new),
        "close": "",
    }


def trade(order: Order, trade: Trade) -> Json:
    """A trade as TradesHistory shows it; the fee is in the quote asset."""
    market = order.new.market
    decimals = NAMES[market.native].cost_decimals
    return {
        "ordertxid": order.id,
        "pair": market.native,
        "time": round(trade.at, 6),
        "type": order.new.side.value,
        "ordertype": order.new.kind,
        "price": places(trade.price, decimals),
        "cost": places(trade.cost, decimals),
        "fee": places(trade.fee, decimals),
        "vol": places(trade.quantity, LOT_DECIMALS),
        "margin": places(ZERO, decimals),
        "misc": "",
        "trade_id": trade.number,
        "maker": trade.maker,
    }


def ticker(market: Market, bids: tuple[Level, ...], asks: tuple[Level, ...]) -> Json:
    """Best ask and bid, with whole and exact lot volume."""
    best = {"a": asks[:1], "b": bids[:1]}
    return {
        key: [price_text(market, price), str(int(size)), places(size, 3)]
        for key, side in best.items()
        for price, size in side
    }


def balance(total: Decimal, held: Decimal) -> Json:
    """What BalanceEx says of one asset."""
    return {"balance": places(total, 10), "hold_trade": places(held, 10)}


def market_table() -> dict[str, Market]:
    """Markets by every name that a request may use: id, altname and web-socket name."""
    table: dict[str, Market] = {}
    for market in MARKETS:
        names = NAMES[market.native]
        table.update({market.native: market, names.altname: market, names.wsname: market})
    return table
