"""Firi as a ccxt exchange class: ccxt 4.5.90 has none.

Basis: Firi Trading API 1.0.0. It follows ccxt's conventions so that it can be used like any other ccxt class; the
adapter uses its endpoints and its signing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from ccxt.async_support.base.exchange import Exchange
from ccxt.base.decimal_to_precision import TICK_SIZE
from ccxt.base.errors import (
    AuthenticationError,
    BadRequest,
    BadResponse,
    BadSymbol,
    ExchangeError,
    ExchangeNotAvailable,
    InsufficientFunds,
    InvalidNonce,
    InvalidOrder,
    NotSupported,
    OrderNotFound,
    PermissionDenied,
    RateLimitExceeded,
)

from backend.integrations.exchanges.firi.rules import HMAC_VALIDITY, PRICE_TICK, QUANTITY_STEP, QUOTE_LETTERS, RULES

SIGNED_FIELDS = ("market", "type", "price", "amount")
"""The order body's fields, in the order in which the docs list them: body and signature must agree."""

NAMED_ERRORS: Mapping[str, type[Exception]] = {
    "ApiKeyNotFound": AuthenticationError,
    "Invalid Signature": AuthenticationError,
    "InvalidSignature": AuthenticationError,
    "Expired Signature": InvalidNonce,
    "ExpiredSignature": InvalidNonce,
    "SecurityLevelTooLow": PermissionDenied,
    "InsufficientFunds": InsufficientFunds,
    "TooHighPriceAccuracy": InvalidOrder,
    "TooHighVolumeAccuracy": InvalidOrder,
    "InvalidAmount": InvalidOrder,
    "BadRequest": BadRequest,
    "MarketNotFound": BadSymbol,
    "OrderNotFound": OrderNotFound,
}


class firi(Exchange):  # type: ignore[misc] # noqa: N801 - ccxt's exchange classes are named by their id
    """Spot, limit orders only, quotes in NOK and DKK."""

    def describe(self) -> Any:
        return self.deep_extend(
            super().describe(),
            {
                "id": "firi",
                "name": "Firi",
                "countries": ["NO"],
                "rateLimit": 1000,
                "version": "v2",
                "has": {
                    "CORS": None,
                    "spot": True,
                    "margin": False,
                    "swap": False,
                    "future": False,
                    "option": False,
                    "cancelOrder": True,
                    "createMarketOrder": False,
                    "createOrder": True,
                    "fetchBalance": True,
                    "fetchMarkets": True,
                    "fetchOpenOrders": True,
                    "fetchOrder": True,
                    "fetchOrderBook": True,
                    "fetchTime": True,
                },
                "urls": {
                    "api": {"public": f"https://{RULES.host}", "private": f"https://{RULES.host}"},
                    "www": "https://firi.com",
                    "doc": "https://developers.firi.com",
                },
                "requiredCredentials": {"apiKey": True, "secret": False},
                "precisionMode": TICK_SIZE,
                "exceptions": {"exact": dict(NAMED_ERRORS)},
            },
        )

    # --- Signing ----------------------------------------------------------------------------------------------------

    def sign(self, path: str, api: Any = "public", method: str = "GET", params: Any = None) -> dict[str, Any]:
        """``params["timestamp"]`` (epoch seconds) fixes the time of a signature; otherwise it is the clock's.

        With a secret and a user id the request is signed (HMAC); else the key itself is the header. Query parameters
        other than timestamp and validity are not signed; neither are method and path.
        """
        section = api[0] if isinstance(api, list) else api
        fields = dict(params or {})
        timestamp = str(fields.pop("timestamp", self.seconds_of_clock()))
        url = f"{self.urls['api'][section]}/{path}"
        body = {name: fields[name] for name in SIGNED_FIELDS if name in fields} if method == "POST" else {}
        query = {} if method == "POST" else fields
        headers: dict[str, str] = {}
        if section == "private":
            self.check_required_credentials()
            signed = bool(self.secret and self.uid)
            headers = self._signature(timestamp, body) if signed else {"firi-access-key": self.apiKey}
            if signed:
                query = {**query, "timestamp": timestamp, "validity": HMAC_VALIDITY.value}
        if body:
            headers = {**headers, "Content-Type": "application/json"}
        return {
            "url": f"{url}?{self.urlencode(query)}" if query else url,
            "method": method,
            "body": compact(body) if body else None,
            "headers": headers,
        }

    def _signature(self, timestamp: str, body: Mapping[str, object]) -> dict[str, str]:
        message = compact({"timestamp": timestamp, "validity": HMAC_VALIDITY.value, **body})
        digest = hmac.new(self.secret.encode(), message.encode(), hashlib.sha256).hexdigest()
        return {"firi-user-clientid": self.uid, "firi-user-signature": digest}

    def seconds_of_clock(self) -> int:
        return int(self.milliseconds()) // 1000

    def handle_errors(
        self,
        code: int,
        reason: str,
        _url: str,
        _method: str,
        _headers: object,
        body: str,
        response: object,
        *_request: object,
    ) -> None:
        """By ``name``, also with status 200; any other error status is an error too (ccxt's base lets 52x pass)."""
        name = response.get("name") if isinstance(response, dict) else None
        if isinstance(name, str):
            raise NAMED_ERRORS.get(name, ExchangeError)(f"{self.id} {body}")
        if code == 429:
            raise RateLimitExceeded(f"{self.id} {code}")
        if code >= 400:
            raise ExchangeNotAvailable(f"{self.id} {code} {reason}")

    # --- ccxt's unified methods -------------------------------------------------------------------------------------

    async def fetch_time(self, params: Any = None) -> int:
        """Milliseconds, as ccxt has it; the venue answers in seconds."""
        answer = await self.request("time", ["public"], "GET", params or {})
        return int(self.safe_integer(answer, "time")) * 1000

    async def fetch_markets(self, params: Any = None) -> list[Any]:
        answer = await self.request("v2/markets", ["public"], "GET", params or {})
        return [self.parse_market(entry) for entry in answer]

    def parse_market(self, market: Any) -> Any:
        native = self.safe_string(market, "id")
        base, quote = native[:-QUOTE_LETTERS], native[-QUOTE_LETTERS:]
        return self.safe_market_structure(
            {
                "id": native,
                "symbol": f"{base}/{quote}",
                "base": base,
                "quote": quote,
                "baseId": base,
                "quoteId": quote,
                "type": "spot",
                "spot": True,
                "active": True,
                "taker": float(RULES.taker_fee.value),
                "maker": float(RULES.maker_fee.value),
                "precision": {"amount": float(QUANTITY_STEP.value), "price": float(PRICE_TICK.value)},
                "info": market,
            }
        )

    async def fetch_order_book(self, symbol: str, limit: int | None = None, params: Any = None) -> Any:
        market = await self._market(symbol)
        sizes = {} if limit is None else {"bids": limit, "asks": limit}
        path = f"v2/markets/{market['id']}/depth"
        answer = await self.request(path, ["public"], "GET", {**sizes, **(params or {})})
        return self.parse_order_book(answer, symbol)

    async def fetch_balance(self, params: Any = None) -> Any:
        answer = await self.request("v2/balances", ["private"], "GET", params or {})
        result: dict[str, Any] = {"info": answer}
        for entry in answer:
            account = self.account()
            account["total"] = self.safe_string(entry, "balance")
            account["used"] = self.safe_string(entry, "hold")
            account["free"] = self.safe_string(entry, "available")
            result[self.safe_string(entry, "currency")] = account
        return self.safe_balance(result)

    async def create_order(
        self,
        symbol: str,
        type: str,  # noqa: A002
        side: str,
        amount: Any,
        price: Any = None,
        params: Any = None,
    ) -> Any:
        """A limit order; anything else is NotSupported. Numbers go out without exponent."""
        if type != "limit" or price is None:
            raise NotSupported(f"{self.id} takes limit orders with a price only")
        market = await self._market(symbol)
        request = {
            "market": market["id"],
            "type": "bid" if side == "buy" else "ask",
            "price": self.number_to_string(price),
            "amount": self.number_to_string(amount),
        }
        answer = await self.request("v2/orders", ["private"], "POST", {**request, **(params or {})})
        if not isinstance(answer, dict) or not answer.get("id"):
            raise BadResponse(f"{self.id} gave no order id: whether the order exists is unknown")
        return self.safe_order({"id": self.safe_string(answer, "id"), "symbol": symbol, "info": answer}, market)

    async def cancel_order(self, id: str, symbol: str | None = None, params: Any = None) -> Any:  # noqa: A002
        market = await self._market(symbol)
        path = f"v2/orders/{id}/{market['id']}/detailed"
        answer = await self.request(path, ["private"], "DELETE", params or {})
        filled = self.safe_string(answer, "matched")
        return self.safe_order({"id": id, "symbol": symbol, "filled": filled, "info": answer}, market)

    async def fetch_order(self, id: str, symbol: str | None = None, params: Any = None) -> Any:  # noqa: A002
        await self.load_markets()
        answer = await self.request(f"v2/order/{id}", ["private"], "GET", params or {})
        orders = answer if isinstance(answer, list) else [answer]
        if not orders:
            raise OrderNotFound(f"{self.id} knows no order {id} of {symbol}")
        return self.parse_order(orders[0])

    async def fetch_open_orders(
        self, symbol: str | None = None, since: int | None = None, limit: int | None = None, params: Any = None
    ) -> Any:
        market = await self._market(symbol)
        answer = await self.request(f"v2/orders/{market['id']}", ["private"], "GET", params or {})
        return self.parse_orders(answer, market, since, limit)

    def parse_order(self, order: Any, market: Any = None) -> Any:
        listed = self.safe_market(self.safe_string(order, "market"), market)
        return self.safe_order(
            {
                "id": self.safe_string(order, "id"),
                "symbol": listed["symbol"],
                "type": "limit",
                "side": "buy" if self.safe_string(order, "type") == "bid" else "sell",
                "price": self.safe_string(order, "price"),
                "amount": self.safe_string(order, "amount"),
                "filled": self.safe_string(order, "matched"),
                "status": self._status(order),
                "timestamp": self.parse8601(self.safe_string(order, "created_at")),
                "info": order,
            },
            listed,
        )

    def _status(self, order: Any) -> str:
        if float(self.safe_string(order, "cancelled", "0")) > 0:
            return "canceled"
        return "open" if float(self.safe_string(order, "remaining", "0")) > 0 else "closed"

    async def _market(self, symbol: str | None) -> Any:
        await self.load_markets()
        return self.market(symbol)


def compact(document: Mapping[str, object]) -> str:
    """JSON without spaces, fields as given: the form that is signed."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
