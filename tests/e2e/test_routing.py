"""Routing over real clients: failing over, the specified functions, and the public place_order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from backend import bootstrap
from backend.config import ExecutionConfig, Settings
from backend.domain.errors import InvalidOrder, MissingCredentials
from backend.domain.lifecycle import IntentState
from backend.domain.orders import OrderRef, Signal
from backend.domain.reasons import EndReason, RejectReason
from backend.emulator.faults import Fault, FaultKind
from backend.policies.exchange_failover_policy import (
    choose_exchange_with_failover,
    get_exchange_health,
    set_failover_chain,
)
from backend.policies.routing_tables import CHAINS, DEFAULT_FAILOVER_CHAIN
from backend.services.execution.execution import build_execution_adapter, run_execution_loop
from tests.e2e.conftest import VENUES, World, buy


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("side", ["buy", "sell"])
async def test_an_order_fills_at_each_exchange(world: World, venue: str, side: str) -> None:
    """Fills are booked exactly as the exchange's own book has them."""
    result = await (await world.runtime.router()).submit(buy(exchange=venue, side=side))
    assert (result.state, result.venues) == (IntentState.DONE, (venue,))
    ledger = world.emulator.ledger(venue).trades
    assert sorted((f.quantity, f.price) for f in result.fills) == sorted((t.quantity, t.price) for t in ledger) or (
        venue == "firi" and sum(f.quantity * f.price for f in result.fills) == sum(t.quantity * t.price for t in ledger)
    )


async def test_a_refused_connection_moves_the_order(world: World) -> None:
    """The exchange dies after its health was asked: the place itself proves that no byte left, and the order moves."""
    router = await world.runtime.router()
    await router.submit(buy("warm", exchange="binance"))
    world.emulator.inject("binance", Fault(FaultKind.REFUSE))
    results = [await router.submit(buy(f"order-{n}", exchange="binance")) for n in range(3)]
    assert all(result.state is IntentState.DONE for result in results)
    assert {venue for result in results for venue in result.venues} == {"bybit"}
    reasons = [a.outcome_reason for result in results for a in result.attempts if a.venue == "binance"]
    assert set(reasons) <= {RejectReason.NOT_SENT}


@pytest.mark.parametrize("primary", VENUES)
async def test_the_specified_chain_is_followed_to_its_end(world: World, primary: str) -> None:
    """One exchange after the other dies; each order goes to the next that lives, in the specified order."""
    router = await world.runtime.router()
    for venue in DEFAULT_FAILOVER_CHAIN[primary]:
        assert (await router.submit(buy(f"at-{venue}", exchange=primary))).venues == (venue,)
        world.emulator.inject(venue, Fault(FaultKind.REFUSE))
        await world.runtime.clock.sleep(1.1)  # what is known of its health is too old by then
    assert (await router.submit(buy("nowhere", exchange=primary))).reason is EndReason.ALL_DOWN
    assert world.orders() == len(VENUES)


async def test_a_cold_start_with_every_exchange_down(world: World) -> None:
    """Nothing was ever loaded and nobody answers: health says so, the choice is the default, an order is refused."""
    for venue in VENUES:
        world.emulator.inject(venue, Fault(FaultKind.REFUSE))
    with bootstrap.using(world.runtime):
        answers = [await get_exchange_health(venue) for venue in VENUES]
        assert {(answer["status"], answer["latency_ms"]) for answer in answers} == {("down", None)}
        assert await choose_exchange_with_failover("okx") == "binance"
    refused = await (await world.runtime.router()).submit(buy("one", exchange="okx"))
    assert (refused.state, refused.reason, refused.attempts) == (IntentState.REJECTED, EndReason.ALL_DOWN, ())
    assert {drop.venue for drop in refused.dropped} == set(VENUES)


async def test_all_down_then_recovery(world: World) -> None:
    """With every exchange gone the order is refused with a time to retry; afterwards the next one is filled."""
    router = await world.runtime.router()
    for venue in VENUES:
        world.emulator.inject(venue, Fault(FaultKind.REFUSE))
    refused = await router.submit(buy("one"))
    assert (refused.state, refused.reason) == (IntentState.REJECTED, EndReason.ALL_DOWN)
    assert refused.retry_at is not None
    for venue in VENUES:
        world.emulator.clear(venue)
    await world.runtime.clock.sleep(1.5)
    assert (await router.submit(buy("two"))).state is IntentState.DONE


@pytest.mark.parametrize(
    ("fault", "status", "word"),
    [
        (Fault(FaultKind.REFUSE), "down", "refused"),
        (Fault(FaultKind.LATENCY, params={"seconds": 1.3}), "degraded", "slow"),
        (Fault(FaultKind.HANG), "down", "no"),
        (Fault(FaultKind.BODY, params={"status": 200, "body": "<html>"}), "down", "answer"),
        (Fault(FaultKind.MODE, params={"mode": "maintenance"}), "down", "maintenance"),
        (Fault(FaultKind.MODE, params={"mode": "post_only"}), "degraded", "post_only"),
    ],
    ids=["refused", "slow", "silent", "page", "maintenance", "post only"],
)
async def test_specified_health(world: World, fault: Fault, status: str, word: str) -> None:
    """The specified dictionary tells each condition in its three words and a reason."""
    with bootstrap.using(world.runtime):
        healthy = await get_exchange_health("kraken")
        assert (healthy["status"], healthy["last_error"]) == ("ok", None)
        assert healthy["latency_ms"] is not None
        world.emulator.inject("kraken", fault)
        await world.runtime.clock.sleep(0.1)
        sick = await get_exchange_health("kraken")
        assert sick["status"] == status
        assert word in (sick["last_error"] or "")


async def test_specified_choice_over_real_clients(world: World) -> None:
    """The chain is asked in order until an exchange is healthy."""
    world.emulator.inject("binance", Fault(FaultKind.REFUSE))
    with bootstrap.using(world.runtime):
        assert await choose_exchange_with_failover("binance") == "bybit"


async def test_set_failover_chain_moves_the_next_order(world: World) -> None:
    """The specified function and the router share one table."""
    world.runtime.chains = CHAINS
    router = await world.runtime.router()
    router._chains = CHAINS
    world.emulator.inject("binance", Fault(FaultKind.REFUSE))
    assert (await router.submit(buy("one", exchange="binance"))).venues == ("bybit",)
    set_failover_chain("binance", ["binance", "firi", "kraken"])
    assert (await router.submit(buy("two", exchange="binance"))).venues == ("firi",)


async def test_execution_loop(world: World) -> None:
    """Signals are executed through the specified functions, a bad one is counted, and failover is applied."""

    async def signals() -> AsyncIterator[Signal]:
        yield Signal("s", "BTC/USD", "buy", "0.01", exchange="binance", id="a")
        yield Signal("s", "BTC/USD", "hold", "0.01", id="b")
        world.emulator.inject("binance", Fault(FaultKind.REFUSE))
        yield Signal("s", "BTC/USD", "buy", Decimal("0.02"), exchange="binance", id="c")

    with bootstrap.using(world.runtime):
        summary = await run_execution_loop(signals(), ExecutionConfig(concurrency=1))
    assert (summary.received, summary.done, summary.invalid) == (3, 2, 1)
    assert world.executed() == Decimal("0.03")


@pytest.mark.parametrize("venue", VENUES)
async def test_public_place_order(world: World, venue: str) -> None:
    """One journaled attempt on that exchange; the same id gives the same result and no second order."""
    symbol = {"kraken": "BTC/USD", "firi": "BTC/NOK"}.get(venue, "BTC/USDT")
    with bootstrap.using(world.runtime):
        adapter = build_execution_adapter(ExecutionConfig(exchange=venue))
        first = await adapter.place_order(buy(symbol=symbol))
        again = await adapter.place_order(buy(symbol=symbol))
    assert (first.state, first.venues, first.fills) == (IntentState.DONE, (venue,), again.fills)
    assert world.orders() == 1


@pytest.mark.parametrize("venue", VENUES)
async def test_reads_agree_with_the_exchange(world: World, venue: str) -> None:
    """Order, trades, open orders and balances read back what was executed."""
    router = await world.runtime.router()
    result = await router.submit(buy(exchange=venue))
    adapter = world.runtime.adapter(venue)
    attempt = result.attempts[0]
    ref = OrderRef(attempt.order.symbol, attempt.venue_order_id)
    report = await adapter.get_order(ref)
    assert report is not None
    assert report.filled == Decimal("0.01")
    trades = await adapter.my_trades(attempt.order.symbol, venue_order_id=attempt.venue_order_id)
    assert sum(trade.quantity for trade in trades) == Decimal("0.01")
    assert await adapter.open_orders(attempt.order.symbol) == ()
    balances = await adapter.balances()
    assert balances["BTC"].free == world.emulator.balances(venue)["BTC"].free
    assert (await adapter.cancel_order(ref)).done is False


async def test_wrong_input_and_missing_keys(world: World) -> None:
    """An unknown symbol and missing keys are typed errors before anything is sent."""
    adapter = world.runtime.adapter("binance")
    with pytest.raises(InvalidOrder, match="symbol"):
        await adapter.order_book("DOGE/MOON")
    bare = bootstrap.Runtime(Settings(venues={}), clock=world.runtime.clock, telemetry=world.telemetry).adapter(
        "binance"
    )
    with pytest.raises(MissingCredentials, match="api_key"):
        await bare.balances()
