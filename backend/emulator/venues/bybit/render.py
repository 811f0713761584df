"""Bybit's JSON: an envelope with retCode and result; every number is a text, times are milliseconds."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from backend.emulator.books import BookFrame, Level
from backend.emulator.dialect import Keys, Mode, may_withdraw
from backend.emulator.market import ZERO, Market, Side, plain
from backend.emulator.orders import Order, Status, Trade
from backend.emulator.venues.bybit.facts import COST_MAX, FEES, QUOTE_STEP
from backend.emulator.wire import Answer, json_answer

Json = dict[str, object]
SIDES = {Side.BUY: "Buy", Side.SELL: "Sell"}
SPOT = "spot"


def result(content: object, now: float) -> Answer:
    """A success."""
    return json_answer(200, {"retCode": 0, "retMsg": "OK", "result": content, "retExtInfo": {}, "time": millis(now)})


def rows(entries: list[Json], cursor: str = "") -> Json:
    """A list, with the cursor of its next page where there is one."""
    return {"list": entries, "nextPageCursor": cursor, "category": SPOT}


def millis(at: float) -> int:
    """Epoch milliseconds."""
    return int(at * 1000)


def server_time(now: float) -> Json:
    return {"timeSecond": str(int(now)), "timeNano": str(millis(now) * 1_000_000)}


def events(mode: Mode | None, now: float) -> list[Json]:
    """An interruption of spot trading in maintenance; otherwise nothing is announced."""
    if mode is not Mode.MAINTENANCE:
        return []
    event: Json = {
        "id": "4d95b2a0-587f-11f0-bcc9-56f28c94d6ea",
        "title": "System maintenance",
        "state": "ongoing",
        "begin": str(millis(now) - 60_000),
        "end": str(millis(now) + 3_600_000),
        "href": "",
        "serviceTypes": [1, 2, 3],
        "product": [1, 2],
        "uidSuffix": [],
        "maintainType": 1,
        "env": 1,
    }
    return [event]


def placed(order: Order) -> Json:
    """The acknowledgement of a place or a cancel: the ids and nothing of what became of the order."""
    return {"orderId": order.id, "orderLinkId": order.new.client_id or ""}


def status(order: Order) -> str:
    """The venue's word. A spot order that ends with a part executed has a word of its own."""
    if order.status is Status.OPEN:
        return "PartiallyFilled" if order.filled else "New"
    if order.status is Status.FILLED:
        return "Filled"
    if _would_have_taken(order):
        return "Rejected"  # as users tell of spot orders; of other categories they tell Cancelled
    return "PartiallyFilledCanceled" if order.filled else "Cancelled"


def _would_have_taken(order: Order) -> bool:
    """A post-only order ends by itself only for this reason."""
    return order.new.post_only and order.status is Status.EXPIRED


def _reject_reason(order: Order) -> str:
    if order.status is not Status.EXPIRED:
        return "EC_NoError"
    return "EC_PostOnlyWillTakeLiquidity" if _would_have_taken(order) else "EC_NoImmediateQtyToFill"


def order(order: Order) -> Json:
    """An order as lists and look-ups show it."""
    new, is_open = order.new, order.status is Status.OPEN
    return {
        "orderId": order.id,
        "orderLinkId": new.client_id or "",
        "blockTradeId": "",
        "symbol": new.market.native,
        "price": plain(new.price or ZERO),
        "qty": plain(new.spend or order.quantity),
        "side": SIDES[new.side],
        "isLeverage": "0",
        "positionIdx": 0,
        "orderStatus": status(order),
        "cancelType": "CancelByUser" if order.status is Status.CANCELLED else "UNKNOWN",
        "rejectReason": _reject_reason(order),
        "avgPrice": plain(order.average) if order.filled else "",
        "leavesQty": plain(order.remaining if is_open else ZERO),
        "leavesValue": plain(order.remaining * (new.price or ZERO) if is_open else ZERO),
        "cumExecQty": plain(order.filled),
        "cumExecValue": plain(order.cost),
        "cumExecFee": plain(order.fee),
        "timeInForce": "PostOnly" if new.post_only else new.time_in_force.value,
        "orderType": new.kind,
        "stopOrderType": "",
        "orderIv": "",
        "marketUnit": "",
        "triggerPrice": "0.0",
        "reduceOnly": False,
        "createdTime": str(millis(order.created)),
        "updatedTime": str(millis(order.updated)),
    }


def execution(order: Order, trade: Trade) -> Json:
    """A trade as the list of executions shows it."""
    new = order.new
    return {
        "symbol": new.market.native,
        "orderId": order.id,
        "orderLinkId": new.client_id or "",
        "side": SIDES[new.side],
        "orderPrice": plain(new.price or ZERO),
        "orderQty": plain(new.spend or order.quantity),
        "leavesQty": "",
        "orderType": new.kind,
        "stopOrderType": "",
        "execFee": plain(trade.fee),
        "feeCurrency": trade.fee_asset,
        "execId": trade.id,
        "execPrice": plain(trade.price),
        "execQty": plain(trade.quantity),
        "execType": "Trade",
        "execValue": plain(trade.cost),
        "execTime": str(millis(trade.at)),
        "isMaker": trade.maker,
        "feeRate": plain(FEES.maker if trade.maker else FEES.taker),
        "seq": trade.number,
    }


def coin(asset: str, free: Decimal, held: Decimal) -> Json:
    """One coin of the unified account; values in dollars are left at zero."""
    total = plain(free + held)
    return {
        "coin": asset,
        "equity": total,
        "usdValue": "0",
        "walletBalance": total,
        "free": "",
        "locked": plain(held),
        "spotBorrow": "0",
        "borrowAmount": "0",
        "availableToWithdraw": "",
        "unrealisedPnl": "0",
        "cumRealisedPnl": "0",
    }


def wallet(coins: list[Json]) -> Json:
    """The unified account."""
    return {"list": [{"accountType": "UNIFIED", "totalEquity": "0", "totalWalletBalance": "0", "coin": coins}]}


def fee_rate(market: Market) -> Json:
    """The fee rates of the account for one symbol."""
    return {"symbol": market.native, "takerFeeRate": plain(FEES.taker), "makerFeeRate": plain(FEES.maker)}


def api_key(keys: Keys) -> Json:
    """What a key may do. One that can take money away has Withdraw in its wallet's permissions."""
    wallet_rights = ["AccountTransfer"] + (["Withdraw"] if may_withdraw(keys) else [])
    return {
        "id": "13770661",
        "note": "emulated",
        "apiKey": keys["api_key"],
        "readOnly": 0,
        "secret": "",
        "permissions": {
            "ContractTrade": [],
            "Spot": ["SpotTrade"],
            "Wallet": wallet_rights,
            "Options": [],
            "Derivatives": [],
            "Exchange": [],
        },
        "ips": ["*"],
        "type": 1,
        "uta": 1,
        "unified": 0,
        "userID": 1,
        "isMaster": True,
    }


def account_info() -> Json:
    """A unified account."""
    return {"unifiedMarginStatus": 5, "marginMode": "REGULAR_MARGIN", "isMasterTrader": False, "updatedTime": "0"}


def coin_info(asset: str) -> Json:
    """One row of the list of coins; no chains, because nothing can be withdrawn here."""
    return {"name": asset, "coin": asset, "remainAmount": "0", "chains": []}


def symbol(market: Market, mode: Mode | None) -> Json:
    """A symbol with its rules. The status in maintenance is unverified."""
    return {
        "symbol": market.native,
        "baseCoin": market.base,
        "quoteCoin": market.quote,
        "innovation": "0",
        "status": "Trading" if mode is None else "PreLaunch",
        "marginTrading": "none",
        "lotSizeFilter": {
            "basePrecision": plain(market.quantity_step),
            "quotePrecision": plain(QUOTE_STEP),
            "minOrderQty": plain(market.quantity_min),
            "maxOrderQty": plain(market.quantity_max),
            "minOrderAmt": plain(market.cost_min),
            "maxOrderAmt": plain(COST_MAX),
        },
        "priceFilter": {"tickSize": plain(market.price_step)},
    }


def levels(side: Iterable[Level], count: int) -> list[list[str]]:
    """Price and quantity of the best ``count`` levels."""
    return [[plain(price), plain(size)] for price, size in list(side)[:count]]


def book(market: Market, frame: BookFrame, count: int) -> Json:
    """A part of the order book."""
    at = millis(frame.at)
    sides = {"b": levels(frame.bids, count), "a": levels(frame.asks, count)}
    return {"s": market.native, **sides, "ts": at, "u": at, "seq": at, "cts": at}


def ticker(market: Market, frame: BookFrame) -> Json:
    """Best prices; the figures of the day are left out of the emulation."""
    bid, ask = (side[0] if side else (ZERO, ZERO) for side in (frame.bids, frame.asks))
    return {
        "symbol": market.native,
        "bid1Price": plain(bid[0]),
        "bid1Size": plain(bid[1]),
        "ask1Price": plain(ask[0]),
        "ask1Size": plain(ask[1]),
        "lastPrice": plain((bid[0] + ask[0]) / 2),
    }
