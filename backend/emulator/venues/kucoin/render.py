"""KuCoin's JSON: an envelope with a code and data; amounts are texts without trailing zeros, times milliseconds."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from backend.emulator.books import BookFrame, Level
from backend.emulator.dialect import Keys, Mode, may_withdraw
from backend.emulator.market import ZERO, Market, plain
from backend.emulator.orders import Order, Status, Trade
from backend.emulator.venues.kucoin.facts import (
    FEES,
    FIRST_CURSOR,
    PERMISSIONS,
    QUOTE_MAX,
    QUOTE_STEP,
    WITHDRAWS,
    order_number,
)
from backend.emulator.wire import Answer, json_answer

Json = dict[str, object]

SUCCESS = "200000"
SERVICE = {None: "open", Mode.MAINTENANCE: "close", Mode.CANCEL_ONLY: "cancelonly"}


def result(data: object) -> Answer:
    """A success. Where headers with what is left of the rate limit belong on every answer, they belong here."""
    return json_answer(200, {"code": SUCCESS, "data": data})


def millis(at: float) -> int:
    """Epoch milliseconds."""
    return int(at * 1000)


def service(mode: Mode | None) -> Json:
    """The state of the whole venue in its own word."""
    return {"status": SERVICE[mode], "msg": "" if mode is None else "emulated"}


def cursor(order: Order) -> int:
    """The number that a list is continued after."""
    return FIRST_CURSOR + order_number(order.id)


def accepted(order: Order) -> Json:
    """What the asynchronous place says: the ids and nothing of what became of the order."""
    return {"orderId": order.id, "clientOid": order.new.client_id}


def accepted_sync(order: Order, now: float) -> Json:
    """What the synchronous place says: the state of the order after it met the book."""
    return {**accepted(order), "orderTime": millis(order.created), **sizes(order), "matchTime": millis(now)}


def sizes(order: Order) -> Json:
    """Sizes and state as the synchronous calls show them."""
    is_open = order.status is Status.OPEN
    return {
        "originSize": plain(order.quantity),
        "dealSize": plain(order.filled),
        "remainSize": plain(order.remaining if is_open else ZERO),
        "canceledSize": plain(ZERO if is_open else order.remaining),
        "status": "open" if is_open else "done",
    }


def order(order: Order) -> Json:
    """An order as queries and lists show it. Remarks and tags are not kept."""
    new, is_open = order.new, order.status is Status.OPEN
    funds = new.spend or (new.price or ZERO) * order.quantity
    rest = max(funds - order.cost, ZERO)
    dropped = order.status in {Status.CANCELLED, Status.EXPIRED}
    return {
        "id": order.id,
        "clientOid": new.client_id,
        "symbol": new.market.native,
        "opType": "DEAL",
        "type": new.kind,
        "side": new.side.value,
        "price": plain(new.price or ZERO),
        "size": plain(ZERO if new.spend else order.quantity),
        "funds": plain(funds),
        "dealSize": plain(order.filled),
        "dealFunds": plain(order.cost),
        "remainSize": plain(order.remaining if is_open else ZERO),
        "remainFunds": plain(ZERO if dropped else rest),
        "cancelledSize": plain(order.remaining if dropped else ZERO),
        "cancelledFunds": plain(rest if dropped else ZERO),
        "fee": plain(order.fee),
        "feeCurrency": new.market.quote,
        "stp": None,
        "timeInForce": new.time_in_force.value,
        "postOnly": new.post_only,
        "hidden": False,
        "iceberg": False,
        "visibleSize": "0",
        "cancelAfter": 0,
        "channel": "API",
        "remark": None,
        "tags": None,
        "cancelExist": dropped,
        "tradeType": "TRADE",
        "inOrderBook": is_open,
        "active": is_open,
        "tax": "0",
        "createdAt": millis(order.created),
        "lastUpdatedAt": millis(order.updated),
    }


def fill_id(trade: Trade) -> int:
    """The number of a fill in its symbol, which its list is continued after."""
    return FIRST_CURSOR + trade.number


def fill(order: Order, trade: Trade) -> Json:
    """A trade as the list of fills shows it. The other side's order has no meaning here."""
    return {
        "id": fill_id(trade),
        "symbol": order.new.market.native,
        "tradeId": int(trade.id),
        "orderId": order.id,
        "counterOrderId": "",
        "side": order.new.side.value,
        "liquidity": "maker" if trade.maker else "taker",
        "forceTaker": False,
        "price": plain(trade.price),
        "size": plain(trade.quantity),
        "funds": plain(trade.cost),
        "fee": plain(trade.fee),
        "feeRate": plain(FEES.maker if trade.maker else FEES.taker),
        "feeCurrency": trade.fee_asset,
        "stop": "",
        "tradeType": "TRADE",
        "taxRate": "0",
        "tax": "0",
        "type": order.new.kind,
        "createdAt": millis(trade.at),
    }


def account(index: int, asset: str, free: Decimal, held: Decimal) -> Json:
    """The trading account of one asset."""
    return {
        "id": str(548_674_591_000 + index),
        "currency": asset,
        "type": "trade_hf",
        "balance": plain(free + held),
        "available": plain(free),
        "holds": plain(held),
    }


def api_key(keys: Keys) -> Json:
    """What a key may do: one that can take money away has Transfer besides."""
    return {
        "remark": "emulated",
        "apiKey": keys["api_key"],
        "apiVersion": 3,
        "permission": f"{PERMISSIONS},{WITHDRAWS}" if may_withdraw(keys) else PERMISSIONS,
        "ipWhitelist": "",
        "createdAt": 1_728_443_843_000,
        "uid": 1,
        "isMaster": True,
    }


def currency(asset: str) -> Json:
    """One row of the list of currencies; no chains, because nothing can be withdrawn here."""
    return {
        "currency": asset,
        "name": asset,
        "fullName": asset,
        "precision": 8,
        "confirms": None,
        "contractAddress": None,
        "isMarginEnabled": False,
        "isDebitEnabled": False,
        "chains": [],
    }


def symbol(market: Market, mode: Mode | None) -> Json:
    """A symbol with its rules. enableTrading in maintenance is unverified."""
    return {
        "symbol": market.native,
        "name": market.native,
        "baseCurrency": market.base,
        "quoteCurrency": market.quote,
        "feeCurrency": market.quote,
        "market": "USDS",
        "baseMinSize": plain(market.quantity_min),
        "quoteMinSize": plain(market.cost_min),
        "baseMaxSize": plain(market.quantity_max),
        "quoteMaxSize": plain(QUOTE_MAX),
        "baseIncrement": plain(market.quantity_step),
        "quoteIncrement": plain(QUOTE_STEP),
        "priceIncrement": plain(market.price_step),
        "priceLimitRate": "0.1",
        "minFunds": plain(market.cost_min),
        "isMarginEnabled": False,
        "enableTrading": mode is not Mode.MAINTENANCE,
        "feeCategory": 1,
        "makerFeeCoefficient": "1.00",
        "takerFeeCoefficient": "1.00",
        "st": False,
    }


def levels(side: Iterable[Level], count: int) -> list[list[str]]:
    """Price and quantity of the best ``count`` levels."""
    return [[plain(price), plain(size)] for price, size in list(side)[:count]]


def book(frame: BookFrame, count: int) -> Json:
    """A part of the order book."""
    bids, asks = levels(frame.bids, count), levels(frame.asks, count)
    return {"time": millis(frame.at), "sequence": str(millis(frame.at)), "bids": bids, "asks": asks}


def ticker(market: Market, frame: BookFrame) -> Json:
    """The best prices of a market and its fees. Figures about the last day are left out: there is no last day."""
    nothing = ["0", "0"]
    bid, ask = ([*levels(side, 1), nothing][0] for side in (frame.bids, frame.asks))
    return {
        "symbol": market.native,
        "symbolName": market.native,
        "buy": bid[0],
        "bestBidSize": bid[1],
        "sell": ask[0],
        "bestAskSize": ask[1],
        **fee_rates(),
        "takerCoefficient": "1",
        "makerCoefficient": "1",
    }


def fee_rates() -> Json:
    """The rates of the account, the same in every market."""
    return {"takerFeeRate": plain(FEES.taker), "makerFeeRate": plain(FEES.maker)}
