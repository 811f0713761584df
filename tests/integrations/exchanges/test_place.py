"""The flow of a place: what is refused before a byte, what waits for what, and what a broken reading becomes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from backend.config.model import Timeouts
from backend.domain.approval import Approved
from backend.domain.errors import VenueLimited
from backend.domain.orders import Credentials, OrderRef
from backend.domain.outcomes import Accepted, Outcome, ProvenNotExecuted, Unknown
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.integrations.exchanges.kraken.adapter import KrakenAdapter
from backend.ports.transport import HttpAnswer, HttpRequest
from tests.fakes.transport import ScriptedTransport, answer
from tests.integrations.exchanges.support import MARKETS, Bench, keys, make_bench, warm_bench

VENUES = ("binance", "kraken", "firi", "bybit", "okx", "kucoin")
ACCEPTED = {"error": [], "result": {"txid": ["OAAAAA-BBBBB-CCCCCC"]}}


def assert_refused_here(outcome: Outcome, bench: Bench) -> None:
    """Our own refusal: proof 0, not the venue's fault, and nothing on the wire."""
    assert isinstance(outcome, ProvenNotExecuted)
    assert (outcome.reason, outcome.health) == (RejectReason.NOT_SENT, HealthClass.OURS)
    assert not outcome.evidence.headers_written
    assert bench.sent == []


@pytest.mark.parametrize("venue", VENUES)
async def test_no_order_leaves_without_markets(venue: str) -> None:
    """A cold adapter would have to ask something first; an order never has a hidden request before it."""
    bench = make_bench(venue)
    assert_refused_here(await bench.place(), bench)
    assert bench.transport.requests == []


@pytest.mark.parametrize("venue", VENUES)
async def test_no_order_leaves_without_keys(venue: str) -> None:
    """Missing keys are seen before anything is sent."""
    bench = await warm_bench(venue, credentials=Credentials())
    assert_refused_here(await bench.place(), bench)


@pytest.mark.parametrize("venue", VENUES)
async def test_no_order_leaves_for_a_market_that_is_not_listed(venue: str) -> None:
    """A symbol without a market has no native name to send."""
    bench = await warm_bench(venue)
    assert_refused_here(await bench.place(symbol="NONE/SUCH"), bench)


@pytest.mark.parametrize(
    ("venue", "secret"),
    [
        ("kraken", "not base64!"),
        ("binance", "-----BEGIN PRIVATE KEY-----"),
        ("bybit", "-----BEGIN PRIVATE KEY-----"),
    ],
)
async def test_no_order_leaves_with_a_key_that_cannot_sign(venue: str, secret: str) -> None:
    """Whatever a crypto library thinks of a key, it is our fault and the key is not quoted."""
    bench = await warm_bench(venue, credentials=replace(keys(venue), secret=secret))
    outcome = await bench.place()
    assert_refused_here(outcome, bench)
    assert secret not in str(outcome)


@pytest.mark.parametrize("venue", VENUES)
async def test_no_order_leaves_after_its_deadline(venue: str) -> None:
    """The journaled deadline counts at the last moment before the bytes."""
    bench = await warm_bench(venue)
    bench.clock.at = bench.order.not_after + 0.001
    assert_refused_here(await bench.place(), bench)


async def test_no_order_leaves_nearer_to_its_deadline_than_the_venue_takes() -> None:
    """Kraken wants two seconds; it would answer with a text that is not in its documents."""
    bench = await warm_bench("kraken")
    bench.clock.at = bench.order.not_after - 1.9
    assert_refused_here(await bench.place(), bench)
    bench.clock.at = bench.order.not_after - 2.0
    assert isinstance(await bench.place(answer(ACCEPTED)), Accepted)


async def test_waiting_for_our_own_rate_ends_with_the_deadline() -> None:
    """The wait for a turn is part of the order's time, and what would wait too long is not sent."""
    bench = await warm_bench("firi")
    for _ in range(bench.adapter.rules.order_rate.value.requests - 1):  # one is kept for cancels
        assert isinstance(await bench.place(answer({"id": 7}, 201)), Accepted)
    sent = len(bench.sent)
    outcome = await bench.place(not_after=bench.clock.at + 0.05)
    assert isinstance(outcome, ProvenNotExecuted)
    assert (outcome.reason, outcome.health) == (RejectReason.NOT_SENT, HealthClass.OURS)
    assert len(bench.sent) == sent


async def test_reads_never_hold_up_an_order() -> None:
    """Orders and cancels have room of their own: that there is none for reads does not matter to them."""
    bench = make_bench("firi", timeouts=Timeouts(read_s=0.02))
    await bench.adapter.warm()
    for _ in range(bench.adapter.rules.read_rate.value.requests - 2):
        bench.transport.then(answer([]))
        await bench.adapter.balances()
    with pytest.raises(VenueLimited):
        await bench.adapter.balances()
    bench.transport.then(answer({"id": 7}, 201), answer({"matched": "0"}))
    async with asyncio.timeout(0.5):
        assert isinstance(await bench.place(), Accepted)
        assert (await bench.adapter.cancel_order(OrderRef("BTC/NOK", "7"))).done


class GatedTransport(ScriptedTransport):
    """Holds every request at a gate and notes how many are there at once."""

    def __init__(self, venue: str) -> None:
        super().__init__(standing=MARKETS[venue])
        self.gate = asyncio.Event()
        self.inside = 0
        self.most = 0

    async def send(self, request: HttpRequest) -> HttpAnswer:
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.gate.wait()
            return await super().send(request)
        finally:
            self.inside -= 1


@pytest.mark.parametrize(("venue", "most"), [("kraken", 1), ("binance", 3)])
async def test_private_calls_of_a_nonce_go_one_at_a_time(venue: str, most: int) -> None:
    """Requests signed in one order must not arrive in another; where there is no nonce nothing waits."""
    bench = await warm_bench(venue)
    transport = GatedTransport(venue)
    bench.adapter._ccxt._transport = transport
    empty = answer({"error": [], "result": {}} if venue == "kraken" else {"balances": []})
    transport.then(empty, empty, empty)
    tasks = [asyncio.create_task(bench.adapter.balances()) for _ in range(3)]
    await asyncio.sleep(0.01)
    transport.gate.set()
    await asyncio.gather(*tasks)
    assert transport.most == most


async def test_a_deadline_that_passes_during_the_wait_is_seen() -> None:
    """The last look at the clock comes after every wait, just before the bytes."""
    bench = await warm_bench("kraken")
    transport = GatedTransport("kraken")
    bench.adapter._ccxt._transport = transport
    empty = answer({"error": [], "result": {}})
    transport.then(empty)
    read = asyncio.create_task(bench.adapter.balances())
    await asyncio.sleep(0.01)
    place = asyncio.create_task(bench.adapter._place(Approved(bench.order, bench.order.notional)))
    await asyncio.sleep(0.01)
    bench.clock.at = bench.order.not_after - 1
    transport.gate.set()
    await read
    outcome = await place
    assert isinstance(outcome, ProvenNotExecuted)
    assert outcome.reason is RejectReason.NOT_SENT
    assert len(transport.requests) == 1


async def test_a_lost_answer_holds_the_next_call_of_a_key_only_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent venue would otherwise hold up the very look-ups that could tell what became of the order."""
    monkeypatch.setattr(KrakenAdapter, "NONCE_HOLD_S", 0.5)
    bench = await warm_bench("kraken")
    transport = GatedTransport("kraken")
    bench.adapter._ccxt._transport = transport
    tasks = [asyncio.create_task(bench.adapter.balances()) for _ in range(2)]
    await asyncio.sleep(0.01)
    assert transport.inside == 1
    async with asyncio.timeout(10):
        while transport.inside == 1:  # noqa: ASYNC110 - the gate has no event for it
            await asyncio.sleep(0.01)
    assert transport.inside == 2
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_cancelled_place_is_cancelled_and_frees_the_key() -> None:
    """Cancellation is not an outcome; the next call of the same key can go on."""
    bench = await warm_bench("kraken")
    transport = GatedTransport("kraken")
    bench.adapter._ccxt._transport = transport
    task = asyncio.create_task(bench.adapter._place(Approved(bench.order, bench.order.notional)))
    await asyncio.sleep(0.01)
    assert transport.inside == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    transport.gate.set()
    transport.then(answer(ACCEPTED))
    assert isinstance(await bench.adapter._place(Approved(bench.order, bench.order.notional)), Accepted)


async def test_a_fault_in_our_own_reading_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes have left: a mistake of ours in reading the answer must not look like a refusal."""
    bench = await warm_bench("binance")

    def trip(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(bench.adapter, "_read_place", trip)
    outcome = await bench.place(answer({"orderId": 1}))
    assert isinstance(outcome, Unknown)
    assert outcome.reason is UnknownReason.BROKEN_ANSWER
    assert outcome.evidence.headers_written
    assert "ZeroDivisionError" in outcome.evidence.message


async def test_a_transport_that_breaks_its_contract_is_unknown() -> None:
    """The port allows one kind of error; with any other it is not known whether a byte left."""

    class Broken(ScriptedTransport):
        async def send(self, request: HttpRequest) -> HttpAnswer:
            raise KeyError(request.url)

    bench = await warm_bench("binance")
    bench.adapter._ccxt._transport = Broken()
    outcome = await bench.place()
    assert isinstance(outcome, Unknown)
    assert outcome.evidence.headers_written


@pytest.mark.parametrize("venue", VENUES)
async def test_a_long_answer_leaves_no_secret_in_the_evidence(venue: str) -> None:
    """A page that echoes the request is described, not quoted."""
    bench = await warm_bench(venue)
    page = f"<html>{bench.credentials.api_key}</html>"
    outcome = await bench.place(answer(page, 502))
    assert isinstance(outcome, Unknown)
    assert str(outcome.evidence) == f"sent, HTTP 502, text/html, {len(page)} bytes"
