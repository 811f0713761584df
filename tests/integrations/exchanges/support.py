"""What the adapter tests share: a steady clock, keys made at run time, warm adapters and an approved order each."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from backend.config.model import Timeouts, VenueSettings
from backend.domain.approval import Approved
from backend.domain.orders import Credentials, Side, TimeInForce, VenueOrder
from backend.domain.outcomes import Outcome
from backend.domain.rules import VenueRules
from backend.integrations.exchanges.factory import build_adapter, rules_of
from backend.integrations.exchanges.shared.adapter import CcxtAdapter
from backend.integrations.exchanges.shared.http_fact import HttpFact
from backend.integrations.exchanges.shared.outcomes import Key, keys_of
from backend.ports.exchange import AttemptRunner
from backend.ports.transport import HttpAnswer, HttpRequest
from tests.fakes.transport import Reply, ScriptedTransport, answer

NOW = 1_700_000_000.25
CLIENT_ID = "0123456789abcdef0123456789abcdef"


@dataclass
class SteadyClock:
    """Stands still unless a test moves it or sleeps."""

    at: float = NOW

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.at += seconds

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(seconds)


class CountedIds:
    """Ids that count."""

    def __init__(self) -> None:
        self.count = 0

    def new_id(self) -> str:
        self.count += 1
        return f"{self.count:032x}"

    def random(self) -> float:
        return 0.5


BINANCE_MARKET = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001000"},
        {"filterType": "NOTIONAL", "minNotional": "5.00", "applyMinToMarket": True},
    ],
}
KRAKEN_PAIR = {
    "altname": "XBTUSD",
    "wsname": "XBT/USD",
    "base": "XXBT",
    "quote": "ZUSD",
    "pair_decimals": 1,
    "lot_decimals": 8,
    "ordermin": "0.0001",
    "costmin": "0.5",
    "tick_size": "0.1",
    "status": "online",
    "fees": [[0, 0.4], [10000, 0.35]],
    "fees_maker": [[0, 0.25]],
}
KRAKEN_ASSETS = {
    "XXBT": {"altname": "XBT", "decimals": 10, "status": "enabled"},
    "ZUSD": {"altname": "USD", "decimals": 4, "status": "enabled"},
}
BYBIT_MARKET = {
    "symbol": "BTCUSDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "status": "Trading",
    "lotSizeFilter": {
        "basePrecision": "0.000001",
        "quotePrecision": "0.0000001",
        "minOrderQty": "0.000011",
        "maxOrderQty": "83",
        "minOrderAmt": "5",
        "maxOrderAmt": "8000000",
    },
    "priceFilter": {"tickSize": "0.10"},
}
OKX_MARKET = {
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "baseCcy": "BTC",
    "quoteCcy": "USDT",
    "state": "live",
    "lotSz": "0.00000001",
    "minSz": "0.00001",
    "tickSz": "0.1",
    "maxLmtSz": "9999",
}
KUCOIN_MARKET = {
    "symbol": "BTC-USDT",
    "baseCurrency": "BTC",
    "quoteCurrency": "USDT",
    "feeCurrency": "USDT",
    "baseMinSize": "0.00001",
    "baseMaxSize": "10000000000",
    "baseIncrement": "0.00000001",
    "quoteIncrement": "0.000001",
    "priceIncrement": "0.1",
    "minFunds": "0.1",
    "enableTrading": True,
    "feeCategory": 1,
    "makerFeeCoefficient": "1.00",
    "takerFeeCoefficient": "1.00",
}
FIRI_MARKET = {"id": "BTCNOK", "last": "827301.99", "high": "1", "change": "1", "low": "1", "volume": "1"}

MARKETS: Mapping[str, Mapping[str, Reply]] = {
    "binance": {"/api/v3/exchangeInfo": answer({"symbols": [BINANCE_MARKET]})},
    "kucoin": {"/api/v2/symbols": answer({"code": "200000", "data": [KUCOIN_MARKET]})},
    "kraken": {
        "/0/public/Assets": answer({"error": [], "result": KRAKEN_ASSETS}),
        "/0/public/AssetPairs": answer({"error": [], "result": {"XXBTZUSD": KRAKEN_PAIR}}),
    },
    "firi": {"/v2/markets": answer([FIRI_MARKET])},
    "bybit": {
        "/v5/market/instruments-info": answer(
            {"retCode": 0, "retMsg": "OK", "result": {"category": "spot", "list": [BYBIT_MARKET]}}
        )
    },
    "okx": {"/api/v5/public/instruments": answer({"code": "0", "msg": "", "data": [OKX_MARKET]})},
}
SYMBOLS = {"binance": "BTC/USDT", "kraken": "BTC/USD", "firi": "BTC/NOK"}
SYMBOLS |= dict.fromkeys(("bybit", "okx", "kucoin"), "BTC/USDT")


def keys(venue: str) -> Credentials:
    """Keys that nobody has used before; Kraken's secret is base64, and some venues want a passphrase too."""
    secret = base64.b64encode(secrets.token_bytes(32)).decode() if venue == "kraken" else secrets.token_hex(32)
    extra = {"passphrase": secrets.token_hex(8)} if "passphrase" in rules_of(venue).credential_fields else {}
    return Credentials(secrets.token_hex(8), "" if venue == "firi" else secret, extra)


@dataclass
class Bench:
    """One adapter with everything around it."""

    venue: str
    transport: ScriptedTransport
    clock: SteadyClock
    credentials: Credentials
    adapter: Any
    order: VenueOrder = field(init=False)

    def __post_init__(self) -> None:
        firi = self.venue == "firi"
        self.order = VenueOrder(
            venue=self.venue,
            attempt_id="order-1/1",
            client_id="" if firi else CLIENT_ID,
            symbol=SYMBOLS[self.venue],
            side=Side.BUY,
            quantity=Decimal("0.00012000"),
            price=Decimal("5E+4"),
            time_in_force=TimeInForce.GTC if firi else TimeInForce.IOC,
            created_at=self.clock.at,
            not_after=self.clock.at + 5,
        )

    @property
    def sent(self) -> list[HttpRequest]:
        """The requests after the markets were loaded."""
        return [r for r in self.transport.requests if urlsplit(r.url).path not in MARKETS[self.venue]]

    async def place(self, *replies: Reply, **changes: Any) -> Outcome:
        """Sends the bench's order (with changes) into the scripted replies."""
        self.transport.then(*replies)
        order = replace(self.order, **changes)
        outcome: Outcome = await self.adapter._place(Approved(order, order.notional))
        return outcome


def make_bench(
    venue: str,
    *replies: Reply,
    credentials: Credentials | None = None,
    timeouts: Timeouts | None = None,
    runner: AttemptRunner | None = None,
    rules: VenueRules | None = None,
) -> Bench:
    """An adapter over a scripted network that lists one market."""
    transport, clock = ScriptedTransport(*replies, standing=MARKETS.get(venue)), SteadyClock()
    credentials = keys(venue) if credentials is None else credentials
    adapter = build_adapter(
        venue,
        settings=VenueSettings(credentials=credentials),
        timeouts=timeouts or Timeouts(),
        transport=transport,
        clock=clock,
        ids=CountedIds(),
        runner=runner,
        rules=rules,
    )
    return Bench(venue, transport, clock, credentials, adapter)


async def warm_bench(venue: str, *replies: Reply, credentials: Credentials | None = None) -> Bench:
    """An adapter that has loaded its market."""
    bench = make_bench(venue, *replies, credentials=credentials)
    await bench.adapter.warm()
    return bench


def rows_hit(adapter: CcxtAdapter, reply: HttpAnswer) -> set[Key]:
    """The keys of the table rows that an answer is judged by."""
    fact = HttpFact.of_answer(reply)
    errors = adapter._errors_of(fact) or (None,)
    found = (next((key for key in keys_of(reply.status, e) if key in adapter.OUTCOMES), None) for e in errors)
    return {key for key in found if key is not None}
