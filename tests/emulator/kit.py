"""What the emulator's tests share: a book that the test writes, signatures, and a venue without a network."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any
from urllib.parse import urlencode

from backend.emulator.books import BookFrame
from backend.emulator.core import VenueCore
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.registry import KINDS
from backend.emulator.wire import Answer, Effect, Endpoint, Pause, Request, Respond

T0 = 1_750_000_000.0
ASKS = (("100.0", "1"), ("101.0", "2"), ("102.0", "5"))
BIDS = (("99.0", "1"), ("98.0", "2"), ("97.0", "5"))
VENUES = ("binance", "kraken", "firi", "kucoin", "bybit", "okx")
SYMBOLS = {"kraken": "BTC/USD", "firi": "BTC/NOK", **dict.fromkeys(("binance", "kucoin", "bybit", "okx"), "BTC/USDT")}
NATIVE = {"binance": "BTCUSDT", "kraken": "XXBTZUSD", "firi": "BTCNOK", "kucoin": "BTC-USDT", "bybit": "BTCUSDT"}
NATIVE |= {"okx": "BTC-USDT"}
FORM = {"content-type": "application/x-www-form-urlencoded"}

Sides = tuple[tuple[str, str], ...]


class WrittenBooks:
    """Books that a test writes, the same for every venue and pair. Each stands until the next."""

    def __init__(self, bids: Sides = BIDS, asks: Sides = ASKS) -> None:
        self._frames: list[tuple[float, Sides, Sides]] = [(0.0, bids, asks)]

    def write(self, at: float, bids: Sides = BIDS, asks: Sides = ASKS) -> None:
        """A book that stands from ``at``, which is later than the last one's."""
        self._frames.append((at, bids, asks))

    def book(self, venue: str, symbol: str, now: float) -> BookFrame:
        """The newest book that is not later than ``now``."""
        index = max(i for i, frame in enumerate(self._frames) if frame[0] <= now)
        at, bids, asks = self._frames[index]
        until = self._frames[index + 1][0] if index + 1 < len(self._frames) else math.inf
        return BookFrame(at, until, _levels(bids), _levels(asks))


def _levels(side: Sides) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(size)) for price, size in side)


class Desk:
    """One venue without a network, and somebody who holds its keys. ``now`` moves only when the test moves it."""

    def __init__(self, venue: str, balances: Mapping[str, str] | None = None, seed: int = 1) -> None:
        kind = KINDS[venue]
        rng = Random(seed)  # noqa: S311 - repeatable, guards nothing
        self.venue = venue
        self.keys = dict(kind.new_keys(rng.randbytes))
        self.books = WrittenBooks()
        free = None if balances is None else {asset: Decimal(amount) for asset, amount in balances.items()}
        self.core = VenueCore(kind, keys=self.keys, books=self.books, rng=rng, balances=free)
        self.now = T0
        self._nonce = 0

    def fault(self, kind: FaultKind, *endpoints: Endpoint, **params: object) -> str:
        """Switch a fault on."""
        return self.core.inject(Fault(kind, frozenset(endpoints), params=params), self.now)

    def call(self, method: str, path: str, fields: Mapping[str, str] | None = None, **how: Any) -> Request:
        """A signed request in the venue's own way."""
        signers: dict[str, Callable[..., Request]] = {
            "binance": self._binance,
            "kraken": self._kraken,
            "firi": self._firi,
            "kucoin": self._kucoin,
            "bybit": self._bybit,
            "okx": self._okx,
        }
        return signers[self.venue](method, path, dict(fields or {}), **how)

    def effect(self, request: Request) -> Effect:
        """What becomes of a request when all its pauses are waited out; ``now`` moves along."""
        effect = self.core.handle(request, self.now)
        while isinstance(effect, Pause):
            self.now = effect.at
            effect = effect.then(self.now)
        return effect

    def ask(self, method: str, path: str, fields: Mapping[str, str] | None = None, **how: Any) -> Answer:
        """The answer to a signed request."""
        effect = self.effect(self.call(method, path, fields, **how))
        assert isinstance(effect, Respond)
        return effect.answer

    def json(self, method: str, path: str, fields: Mapping[str, str] | None = None, **how: Any) -> Any:
        """The decoded body of the answer to a signed request."""
        return json.loads(self.ask(method, path, fields, **how).body)

    def get(self, path: str, query: str = "") -> Any:
        """The decoded body of the answer to an open request."""
        effect = self.effect(Request("GET", path, query))
        assert isinstance(effect, Respond)
        return json.loads(effect.answer.body)

    def order(self, **changes: str) -> Request:
        """A buy of 0.5 at 100, resting unless changed, in the venue's own words."""
        if self.venue == "binance":
            fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
            return self.call("POST", "/api/v3/order", {**fields, "quantity": "0.5", "price": "100", **changes})
        if self.venue == "kraken":
            fields = {"pair": "XXBTZUSD", "type": "buy", "ordertype": "limit", "volume": "0.5", "price": "100"}
            return self.call("POST", "/0/private/AddOrder", {**fields, **changes})
        if self.venue == "kucoin":
            fields = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.5", "price": "100"}
            return self.call("POST", "/api/v1/hf/orders/sync", {**fields, **changes})
        if self.venue == "okx":
            fields = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit"}
            return self.call("POST", "/api/v5/trade/order", {**fields, "sz": "0.5", "px": "100", **changes})
        if self.venue == "bybit":
            fields = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit"}
            return self.call("POST", "/v5/order/create", {**fields, "qty": "0.5", "price": "100", **changes})
        fields = {"market": "BTCNOK", "type": "bid", "price": "100.00", "amount": "0.5"}
        return self.call("POST", "/v2/orders", {**fields, **changes})

    def _binance(self, method: str, path: str, fields: dict[str, str], *, at: float = 0, window: int = 5000) -> Request:
        fields = {"timestamp": str(int((at or self.now) * 1000)), **fields, "recvWindow": str(window)}
        text = urlencode(fields)
        signature = hmac.new(self.keys["secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
        text += f"&signature={signature}"
        headers = {"x-mbx-apikey": self.keys["api_key"]}
        if method == "POST":
            return Request(method, path, "", {**headers, **FORM}, text.encode())
        return Request(method, path, text, headers)

    def _kraken(self, method: str, path: str, fields: dict[str, str], *, nonce: int | None = None) -> Request:
        self._nonce = self._nonce + 1 if nonce is None else nonce
        body = urlencode({"nonce": str(self._nonce), **fields}).encode()
        inner = hashlib.sha256(str(self._nonce).encode() + body).digest()
        secret = base64.b64decode(self.keys["secret"])
        sign = base64.b64encode(hmac.new(secret, path.encode() + inner, hashlib.sha512).digest()).decode()
        return Request(method, path, "", {"api-key": self.keys["api_key"], "api-sign": sign, **FORM}, body)

    def _firi(self, method: str, path: str, fields: dict[str, str], *, signed_at: float | None = None) -> Request:
        body = json.dumps(fields).encode() if method == "POST" else b""
        if signed_at is None:
            return Request(method, path, "", {"firi-access-key": self.keys["api_key"]}, body)
        times = {"timestamp": str(int(signed_at)), "validity": "2000"}
        text = json.dumps({**times, **(fields if method == "POST" else {})}, separators=(",", ":"))
        signature = hmac.new(self.keys["secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
        headers = {"firi-user-clientid": self.keys["client_id"], "firi-user-signature": signature}
        return Request(method, path, urlencode(times), headers, body)

    def _bybit(self, method: str, path: str, fields: dict[str, str], *, at: float = 0, window: int = 5000) -> Request:
        stamp = str(int((at or self.now) * 1000))
        if method == "GET" or "category" not in fields:
            fields = {"category": "spot", **fields}
        body = json.dumps(fields) if method == "POST" else ""
        query = "" if method == "POST" else urlencode(fields)
        text = f"{stamp}{self.keys['api_key']}{window}{query or body}"
        headers = {
            "x-bapi-api-key": self.keys["api_key"],
            "x-bapi-timestamp": stamp,
            "x-bapi-recv-window": str(window),
            "x-bapi-sign": hmac.new(self.keys["secret"].encode(), text.encode(), hashlib.sha256).hexdigest(),
            "content-type": "application/json",
        }
        return Request(method, path, query, headers, body.encode())

    def _okx(
        self,
        method: str,
        path: str,
        fields: dict[str, str],
        *,
        at: float = 0,
        expires: float = 0,
        rows: list[dict[str, str]] | None = None,
    ) -> Request:
        stamp = f"{datetime.fromtimestamp(at or self.now, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        body = json.dumps(fields if rows is None else rows) if method == "POST" else ""
        query = "" if method == "POST" else urlencode(fields)
        text = stamp + method + path + (f"?{query}" if query else "") + body
        signed = hmac.new(self.keys["secret"].encode(), text.encode(), hashlib.sha256).digest()
        headers = {
            "ok-access-key": self.keys["api_key"],
            "ok-access-sign": base64.b64encode(signed).decode(),
            "ok-access-timestamp": stamp,
            "ok-access-passphrase": self.keys["passphrase"],
            "content-type": "application/json",
        }
        if expires:
            headers["exptime"] = str(int(expires * 1000))
        return Request(method, path, query, headers, body.encode())

    def _kucoin(self, method: str, path: str, fields: dict[str, str], *, at: float = 0) -> Request:
        stamp = str(int((at or self.now) * 1000))
        body = json.dumps(fields) if method == "POST" else ""
        query = "" if method == "POST" else urlencode(fields)
        headers = {
            "kc-api-key": self.keys["api_key"],
            "kc-api-sign": self.kucoin_hmac(stamp + method + path + (f"?{query}" if query else "") + body),
            "kc-api-timestamp": stamp,
            "kc-api-passphrase": self.kucoin_hmac(self.keys["passphrase"]),
            "kc-api-key-version": "2",
            "content-type": "application/json",
        }
        return Request(method, path, query, headers, body.encode())

    def kucoin_hmac(self, text: str) -> str:
        """A text signed with the secret."""
        signed = hmac.new(self.keys["secret"].encode(), text.encode(), hashlib.sha256)
        return base64.b64encode(signed.digest()).decode()


def answer(effect: Effect) -> Answer:
    """The answer of an effect that has one."""
    assert isinstance(effect, Respond)
    return effect.answer


def decoded(effect: Effect) -> Any:
    """The JSON of an effect that has an answer."""
    return json.loads(answer(effect).body)
