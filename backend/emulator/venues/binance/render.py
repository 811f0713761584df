"""Binance's JSON: amounts are texts with eight decimals, times are milliseconds."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from backend.emulator.books import Level
from backend.emulator.dialect import Mode
from backend.emulator.market import ZERO, Market, Side, places, plain
from backend.emulator.orders import Order, Status, Trade
from backend.emulator.venues.binance.facts import COST_MAX, FEES, MARKETS, PRICE_MAX

Json = dict[str, object]

NO_LIST = -1
KEY_MADE_MS = 1_700_000_000_000  # any moment of the past
ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET"]
# What symbols show outside of normal operation. BREAK for maintenance is unverified.
SYMBOL_STATUS = {None: "TRADING", Mode.MAINTENANCE: "BREAK", Mode.CANCEL_ONLY: "CANCEL_ONLY"}


def amount(value: Decimal) -> str:
    """Eight decimals."""
    return places(value, 8)


def millis(at: float) -> int:
    """Epoch milliseconds."""
    return int(at * 1000)


def levels(side: Iterable[Level], limit: int) -> list[list[str]]:
    """Price and quantity of the best ``limit`` levels."""
    return [[amount(price), amount(size)] for price, size in list(side)[:limit]]


def status(order: Order) -> str:
    """The word for the state of an order; IOC and market orders that end with a rest are EXPIRED."""
    if order.status is Status.OPEN:
        return "PARTIALLY_FILLED" if order.filled else "NEW"
    return {Status.FILLED: "FILLED", Status.CANCELLED: "CANCELED", Status.EXPIRED: "EXPIRED"}[order.status]


def _common(order: Order) -> Json:
    new = order.new
    return {
        "symbol": new.market.native,
        "orderId": int(order.id),
        "orderListId": NO_LIST,
        "clientOrderId": new.client_id,
        "price": amount(new.price or ZERO),
        "origQty": amount(order.quantity),
        "executedQty": amount(order.filled),
        "origQuoteOrderQty": amount(new.spend or ZERO),
        "cummulativeQuoteQty": amount(order.cost),
        "status": status(order),
        "timeInForce": new.time_in_force.value,
        "type": new.kind,
        "side": new.side.value.upper(),
    }


def placed(order: Order, now: float, response_type: str) -> Json:
    """The answer to a new order: ACK, RESULT or FULL."""
    acknowledged: Json = {
        "symbol": order.new.market.native,
        "orderId": int(order.id),
        "orderListId": NO_LIST,
        "clientOrderId": order.new.client_id,
        "transactTime": millis(now),
    }
    if response_type == "ACK":
        return acknowledged
    result = {**_common(order), "transactTime": millis(now), "workingTime": millis(order.created)}
    result["selfTradePreventionMode"] = "EXPIRE_MAKER"
    return result if response_type == "RESULT" else {**result, "fills": [_fill(trade) for trade in order.trades]}


def looked_up(order: Order) -> Json:
    """An order as queries and lists show it."""
    return {
        **_common(order),
        "stopPrice": amount(ZERO),
        "icebergQty": amount(ZERO),
        "time": millis(order.created),
        "updateTime": millis(order.updated),
        "isWorking": True,
        "workingTime": millis(order.created),
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def cancelled(order: Order, now: float, own_id: str) -> Json:
    """The answer to a cancel: the cancel has a client id of its own."""
    return {
        **_common(order),
        "origClientOrderId": order.new.client_id,
        "clientOrderId": own_id,
        "transactTime": millis(now),
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def _fill(trade: Trade) -> Json:
    return {
        "price": amount(trade.price),
        "qty": amount(trade.quantity),
        "commission": amount(trade.fee),
        "commissionAsset": trade.fee_asset,
        "tradeId": trade.number,
    }


def my_trade(order: Order, trade: Trade) -> Json:
    """A trade as myTrades shows it."""
    return {
        "symbol": order.new.market.native,
        "id": trade.number,
        "orderId": int(order.id),
        "orderListId": NO_LIST,
        "price": amount(trade.price),
        "qty": amount(trade.quantity),
        "quoteQty": amount(trade.cost),
        "commission": amount(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": millis(trade.at),
        "isBuyer": order.new.side is Side.BUY,
        "isMaker": trade.maker,
        "isBestMatch": True,
    }


def exchange_info(now: float, mode: Mode | None, markets: Iterable[Market] = MARKETS) -> Json:
    """Markets with the filters that are enforced here."""
    limits = [
        ("REQUEST_WEIGHT", "MINUTE", 1, 6000),
        ("ORDERS", "SECOND", 10, 100),
        ("ORDERS", "DAY", 1, 200_000),
        ("RAW_REQUESTS", "MINUTE", 5, 300_000),
    ]
    return {
        "timezone": "UTC",
        "serverTime": millis(now),
        "rateLimits": [
            {"rateLimitType": kind, "interval": unit, "intervalNum": count, "limit": limit}
            for kind, unit, count, limit in limits
        ],
        "exchangeFilters": [],
        "symbols": [_symbol(market, SYMBOL_STATUS[mode]) for market in markets],
    }


def _symbol(market: Market, state: str) -> Json:
    return {
        "symbol": market.native,
        "status": state,
        "baseAsset": market.base,
        "baseAssetPrecision": 8,
        "quoteAsset": market.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ORDER_TYPES,
        "icebergAllowed": False,
        "ocoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(market),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }


def _filters(market: Market) -> list[Json]:
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": amount(market.price_step),
            "maxPrice": amount(PRICE_MAX),
            "tickSize": amount(market.price_step),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": amount(market.quantity_min),
            "maxQty": amount(market.quantity_max),
            "stepSize": amount(market.quantity_step),
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": amount(market.cost_min),
            "applyMinToMarket": True,
            "maxNotional": amount(COST_MAX),
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
    ]


def commission(market: Market) -> Json:
    """The fee rates of the account for one market."""
    rates = {"maker": plain(FEES.maker), "taker": plain(FEES.taker), "buyer": "0", "seller": "0"}
    none = dict.fromkeys(rates, "0")
    return {
        "symbol": market.native,
        "standardCommission": rates,
        "taxCommission": none,
        "discount": {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB", "discount": "0"},
    }


def restrictions(*, withdraw: bool) -> Json:
    """What the key may do. The venue asks for a list of addresses on keys that may withdraw."""
    return {
        "ipRestrict": withdraw,
        "createTime": KEY_MADE_MS,
        "enableReading": True,
        "enableWithdrawals": withdraw,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": False,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": True,
        "enablePortfolioMarginTrading": False,
    }


def coin(asset: str, free: Decimal, held: Decimal) -> Json:
    """One row of the wallet's list of coins; no networks, because nothing can be withdrawn here."""
    return {
        "coin": asset,
        "name": asset,
        "depositAllEnable": False,
        "withdrawAllEnable": False,
        "trading": True,
        "isLegalMoney": False,
        "free": plain(free),
        "locked": plain(held),
        "networkList": [],
    }
