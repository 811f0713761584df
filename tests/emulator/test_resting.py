"""Orders that rest, at all venues and over HTTP: the market comes to them, they fill, what is left is cancelled."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from backend.emulator.accounts import Balance
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.host import Emulator
from backend.emulator.registry import KINDS
from backend.emulator.wire import Endpoint, Request
from tests.emulator.calls import CALLS, CANCEL_ALL, CLIENT_ID, cancel
from tests.emulator.kit import SYMBOLS, VENUES, Desk
from tests.emulator.web import started

LIMIT, QUANTITY = Decimal(98), Decimal("0.5")
PRICE_FIELD = {"okx": "px"}
FIRI_PRICE = {"firi": "98.00"}


@dataclass(frozen=True)
class Words:
    """Where a venue's answers tell of an order and of its trades.

    ``look``: the call that looks up one order; ``row`` takes it out of the answer. ``state``: the word for its state
    and what was executed. ``words``: the states of an order that rests with a part filled, was cancelled then, and
    is filled. ``fills`` gives price, quantity, whether as maker, and the fee, where the list of trades tells it.
    """

    look: Callable[[str], tuple[str, str, dict[str, str]]]
    row: Callable[[Any, str], Any]
    state: Callable[[Any], tuple[object, str]]
    words: tuple[object, object, object]
    fills: Callable[[Any], list[tuple[object, ...]]]
    placed: Callable[[Any], object]
    told: Callable[[Any], str | None]  # what the answer to a cancel says was executed, where it does


WORDS = {
    "binance": Words(
        lambda one: ("GET", "/api/v3/order", {"symbol": "BTCUSDT", "orderId": one}),
        lambda body, _one: body,
        lambda row: (row["status"], row["executedQty"]),
        ("PARTIALLY_FILLED", "CANCELED", "FILLED"),
        lambda body: [(r["price"], r["qty"], r["isMaker"], r["commission"]) for r in body],
        lambda body: body["orderId"],
        lambda body: body["executedQty"],
    ),
    "bybit": Words(
        lambda one: ("GET", "/v5/order/realtime", {"orderId": one}),
        lambda body, _one: body["result"]["list"][0],
        lambda row: (row["orderStatus"], row["cumExecQty"]),
        ("PartiallyFilled", "PartiallyFilledCanceled", "Filled"),
        lambda body: [(r["execPrice"], r["execQty"], r["isMaker"], r["execFee"]) for r in body["result"]["list"]],
        lambda body: body["result"]["orderId"],
        lambda _body: None,
    ),
    "okx": Words(
        lambda one: ("GET", "/api/v5/trade/order", {"instId": "BTC-USDT", "ordId": one}),
        lambda body, _one: body["data"][0],
        lambda row: (row["state"], row["accFillSz"]),
        ("partially_filled", "canceled", "filled"),
        lambda body: [(r["fillPx"], r["fillSz"], r["execType"] == "M", r["fee"].lstrip("-")) for r in body["data"]],
        lambda body: body["data"][0]["ordId"],
        lambda _body: None,
    ),
    "kucoin": Words(
        lambda one: ("GET", f"/api/v1/hf/orders/{one}", {"symbol": "BTC-USDT"}),
        lambda body, _one: body["data"],
        lambda row: ((row["active"], row["cancelExist"]), row["dealSize"]),
        ((True, False), (False, True), (False, False)),
        lambda body: [(r["price"], r["size"], r["liquidity"] == "maker", r["fee"]) for r in body["data"]["items"]],
        lambda body: body["data"]["orderId"],
        lambda body: body["data"]["dealSize"],
    ),
    "kraken": Words(
        lambda one: ("POST", "/0/private/QueryOrders", {"txid": one}),
        lambda body, one: body["result"][one],
        lambda row: (row["status"], row["vol_exec"]),
        ("open", "canceled", "closed"),
        lambda body: [(r["price"], r["vol"], r["maker"], r["fee"]) for r in body["result"]["trades"].values()],
        lambda body: body["result"]["txid"][0],
        lambda _body: None,
    ),
    "firi": Words(
        lambda one: ("GET", f"/v2/order/{one}", {}),
        lambda body, _one: body[0],
        lambda row: ((row["remaining"], row["cancelled"]), row["matched"]),
        (("0.30000000", "0.00000000"), ("0.00000000", "0.30000000"), ("0.00000000", "0.00000000")),
        lambda body: [(r["price"], r["amount"], r["isMaker"], None) for r in body],
        lambda body: body["id"],
        lambda body: body["matched"],
    ),
}


class Client:
    """Somebody who trades at one venue of an emulator, over HTTP."""

    def __init__(self, emulator: Emulator, venue: str, session: aiohttp.ClientSession) -> None:
        self.emulator, self.venue, self.words = emulator, venue, WORDS[venue]
        self._session = session
        self._signer = Desk(venue)
        self._signer.keys = dict(emulator.credentials[venue])

    async def ask(self, method: str, path: str, fields: dict[str, str]) -> Any:
        """The decoded answer to a signed request, None where it is empty."""
        self._signer.now = time.time()
        body = await self._send(self._signer.call(method, path, fields))
        return json.loads(body) if body else None

    async def place(self, **named: str) -> str:
        """An order to buy QUANTITY at LIMIT; its id."""
        price = {PRICE_FIELD.get(self.venue, "price"): FIRI_PRICE.get(self.venue, "98"), **named}
        self._signer.now = time.time()
        return str(self.words.placed(json.loads(await self._send(self._signer.order(**price)))))

    async def state(self, order_id: str) -> tuple[object, Decimal]:
        """The venue's word for an order, and what was executed."""
        row = self.words.row(await self.ask(*self.words.look(order_id)), order_id)
        word, executed = self.words.state(row)
        return word, Decimal(executed)

    async def fills(self) -> list[tuple[Decimal, Decimal, bool, Decimal | None]]:
        """Price, quantity, maker and fee of each trade, oldest first."""
        method, path, fields = CALLS[self.venue][Endpoint.TRADES]
        rows = self.words.fills(await self.ask(method, path, fields))
        return [
            (Decimal(str(price)), Decimal(str(size)), bool(maker), None if fee is None else Decimal(str(fee)))
            for price, size, maker, fee in reversed(rows)
        ]

    def move(self, **params: object) -> str:
        """Let the market stand somewhere else until it is cleared."""
        params = {"symbol": SYMBOLS[self.venue], **params}
        return self.emulator.inject(self.venue, Fault(FaultKind.PRICE, params=params))

    def balance(self, asset: str) -> Balance:
        return self.emulator.balances(self.venue)[asset]

    async def _send(self, request: Request) -> bytes:
        url = self.emulator.addresses[self.venue] + request.path + (f"?{request.query}" if request.query else "")
        async with self._session.request(
            request.method, url, data=request.body or None, headers=dict(request.headers)
        ) as response:
            return await response.read()


@pytest.fixture
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with started() as emulator, aiohttp.ClientSession() as session:
        yield Client(emulator, request.param, session)


at_every_venue = pytest.mark.parametrize("client", VENUES, indirect=True)


@at_every_venue
async def test_a_part_fills_and_the_rest_is_cancelled(client: Client) -> None:
    """The market brings 0.2 to a resting 0.5; the cancel leaves a final state with 0.2 executed, told everywhere."""
    fees, words, venue = KINDS[client.venue].fees, client.words, client.venue
    base, quote = SYMBOLS[venue].split("/")
    before = {asset: client.balance(asset).free for asset in (base, quote)}
    one = await client.place()
    client.move(ask="98", size="0.2")
    assert await client.state(one) == (words.words[0], Decimal("0.2"))
    told = await client.ask(*cancel(venue, order_id=one))
    assert words.told(told) is None or Decimal(words.told(told) or "") == Decimal("0.2")
    assert await client.state(one) == (words.words[1], Decimal("0.2"))

    fee = Decimal("0.2") * fees.maker * (LIMIT if fees.in_quote else 1)
    ((price, size, maker, fee_told),) = await client.fills()
    assert (price, size, maker) == (LIMIT, Decimal("0.2"), True)
    assert fee_told in {fee, None}
    assert client.balance(base) == Balance(before[base] + Decimal("0.2") - (0 if fees.in_quote else fee), Decimal(0))
    paid = Decimal("0.2") * LIMIT + (fee if fees.in_quote else 0)
    assert client.balance(quote) == Balance(before[quote] - paid, Decimal(0))
    (order,) = client.emulator.ledger(venue).orders
    assert (order.status, order.filled) == ("cancelled", Decimal("0.2"))


@at_every_venue
async def test_the_market_comes_twice(client: Client) -> None:
    """Two moves fill an order in two parts; then it is filled, and a cancel has nothing to end."""
    one = await client.place()
    client.move(ask="98", size="0.2")
    client.emulator.clear(client.venue)
    assert await client.state(one) == (client.words.words[0], Decimal("0.2"))
    client.move(ask="97.9", size="0.1")
    client.move(ask="97.5")
    assert await client.state(one) == (client.words.words[2], QUANTITY)
    await client.ask(*cancel(client.venue, order_id=one))
    assert await client.state(one) == (client.words.words[2], QUANTITY)
    assert [(price, size, maker) for price, size, maker, _ in await client.fills()] == [
        (LIMIT, Decimal(size), True) for size in ("0.2", "0.1", "0.2")
    ]
    quote = SYMBOLS[client.venue].split("/")[1]
    assert client.balance(quote).held == 0


@pytest.mark.parametrize("client", sorted(CLIENT_ID), indirect=True)
async def test_the_market_stays_away(client: Client) -> None:
    """A market that comes near and turns back fills nothing."""
    one = await client.place()
    client.move(ask="98.1")
    client.emulator.clear(client.venue)
    assert (await client.state(one))[1] == 0
    assert await client.fills() == []
    assert client.balance(SYMBOLS[client.venue].split("/")[1]).held > 0


@at_every_venue
async def test_a_cancel_that_is_sent_after_a_place_ends_it(client: Client) -> None:
    """While the engine holds the order up the cancel waits, and no order is left that its owner has cancelled."""
    venue, emulator = client.venue, client.emulator
    held_up = Fault(FaultKind.LATENCY, frozenset({Endpoint.PLACE}), count=1, params={"seconds": 0.3, "stage": "engine"})
    emulator.inject(venue, held_up)
    named = {CLIENT_ID[venue]: "a1"} if venue in CLIENT_ID else {}
    placing = asyncio.create_task(client.place(**named))
    while emulator.faults(venue):  # noqa: ASYNC110 - until it has struck, which nobody is told: the order is on its way
        await asyncio.sleep(0)
    await client.ask(*(CANCEL_ALL[venue] if venue in CANCEL_ALL else cancel(venue, client_id="a1")))
    one = await placing
    (order,) = emulator.ledger(venue).orders
    assert (order.order_id, order.status) == (one, "cancelled")
    assert client.balance(SYMBOLS[venue].split("/")[1]).held == 0
