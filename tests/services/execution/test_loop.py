"""The execution loop: each signal on its own, through the specified functions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest

from backend.config import ExecutionConfig, Limits
from backend.domain.errors import JournalError
from backend.domain.orders import Signal
from backend.domain.reasons import EndReason
from backend.domain.records import ExecutionResult
from backend.integrations.system.ids import SeededIds
from backend.policies.risk_limits import LimitDecision
from backend.services.execution.loop import ExecutionLoop, LoopParts, LoopSummary, ResultListener
from tests.fakes.exchange import refused
from tests.services.execution.conftest import Desk


async def stream(*signals: Signal) -> AsyncIterator[Signal]:
    for signal in signals:
        yield signal


def signal(signal_id: str | None = "one", **changes: object) -> Signal:
    values: dict[str, object] = {"strategy_id": "s", "symbol": "BTC/USDT", "side": "buy", "quantity": "1"}
    return Signal(**{**values, "id": signal_id, **changes})  # type: ignore[arg-type]


class Loop:
    """The loop over a desk's venues, with the failover answer given by the test."""

    def __init__(self, desk: Desk, selected: str | None = None) -> None:
        self.desk = desk
        self.selected = selected
        self.checked: list[str] = []
        self.results: list[ExecutionResult] = []
        self.listener: ResultListener = self.kept

    async def fail_over(self, primary: str, default: str) -> str:
        return self.selected or primary

    def check(self, exchange: str, symbol: str, notional: Decimal, trace: str) -> LimitDecision:
        self.checked.append(exchange)
        return self.desk.exposure.check(exchange, symbol, notional, trace)

    async def run(self, *signals: Signal, failover: bool = True, stop: asyncio.Event | None = None) -> LoopSummary:
        parts = LoopParts(
            resolve=lambda exchange, strategy: exchange or "binance",
            fail_over=self.fail_over if failover else None,
            check_limits=self.check,
            executor=self.desk.router,
            adapter_of=self.desk.adapter_of,
            chains=self.desk.chains,
            ids=SeededIds(1),
            telemetry=self.desk.telemetry,
        )
        return await ExecutionLoop(parts, ExecutionConfig(), self.listener).run(stream(*signals), stop)

    def kept(self, _: Signal, result: ExecutionResult) -> None:
        self.results.append(result)


async def test_signals_are_routed_and_counted(desk: Desk) -> None:
    """Each signal becomes one order on the exchange that failover selected."""
    loop = Loop(desk, selected="kraken")
    summary = await loop.run(signal("one"), signal("two"), signal(None))
    assert (summary.received, summary.done, summary.ended) == (3, 3, 3)
    assert {result.venues for result in loop.results} == {("kraken",)}
    assert len({result.intent_id for result in loop.results}) == 3


@pytest.mark.parametrize("name", ["paper", " Paper "])
async def test_a_signal_for_paper_is_refused(desk: Desk, name: str) -> None:
    """An unknown name is the default exchange, which is real: a rehearsal must never become one by that rule."""
    loop = Loop(desk)
    summary = await loop.run(replace(signal(), exchange=name))
    assert (summary.invalid, summary.done, loop.results) == (1, 0, [])
    assert all(venue.placed == [] for venue in desk.venues.values())


async def test_limits_are_asked_for_the_final_exchange(desk: Desk) -> None:
    """The caps of the exchange that was selected count, not those of the primary."""
    await desk.configure(limits=Limits(per_venue={"kraken": Decimal(10)}))
    loop = Loop(desk, selected="kraken")
    summary = await loop.run(signal())
    assert loop.checked == ["kraken"]
    assert summary.refused == 1
    assert all(venue.placed == [] for venue in desk.venues.values())


async def test_without_failover_only_the_primary_is_tried(desk: Desk) -> None:
    """With failover off a refusal is the end."""
    desk.venues["binance"].script.append(refused())
    loop = Loop(desk)
    summary = await loop.run(signal(), failover=False)
    assert summary.rejected == 1
    assert desk.venues["kraken"].placed == []


async def test_a_rejected_order_moves_on_along_the_chain(desk: Desk) -> None:
    """After a definite no of the selected exchange the rest of the primary's chain is tried."""
    desk.venues["binance"].script.append(refused())
    loop = Loop(desk)
    assert (await loop.run(signal())).done == 1
    assert loop.results[0].venues == ("kraken",)


async def test_all_down_tries_the_default_and_the_error_is_the_executions(desk: Desk) -> None:
    """With every exchange down the default is tried without a health check and refuses by itself."""
    for venue in desk.venues.values():
        venue.down = True
    loop = Loop(desk, selected="binance")
    summary = await loop.run(signal())
    assert summary.rejected == 1
    (result,) = loop.results
    assert result.reason in (EndReason.ALL_DOWN, EndReason.NO_USABLE_VENUE)
    assert {drop.venue: drop.detail for drop in result.dropped}["binance"].startswith("markets not loaded")


@pytest.mark.parametrize("bad", [{"quantity": "0"}, {"side": "hold"}, {"symbol": "x"}, {"quantity": 0.5}])
async def test_a_bad_signal_is_counted_and_the_loop_goes_on(desk: Desk, bad: dict[str, object]) -> None:
    """One wrong signal costs nobody else an order."""
    summary = await Loop(desk).run(signal("bad", **bad), signal("good"))
    assert (summary.invalid, summary.done) == (1, 1)


async def test_a_repeated_signal_is_told_its_fate_whatever_the_limits(desk: Desk) -> None:
    """A signal that is delivered again after it was executed is not refused by the exposure that it made itself."""
    await desk.configure(limits=Limits(per_venue={"binance": Decimal(150)}))
    loop = Loop(desk)
    assert (await loop.run(signal())).done == 1
    again = await loop.run(signal())
    assert (again.done, again.refused) == (1, 0)
    assert len(desk.venues["binance"].placed) == 1


async def test_a_listener_that_raises_stops_nobody(desk: Desk) -> None:
    """The caller's own function may fail; the other signals are executed and counted all the same."""

    def broken(_: Signal, result: ExecutionResult) -> None:
        raise RuntimeError(result.intent_id)

    loop = Loop(desk)
    loop.listener = broken
    assert (await loop.run(signal("one"), signal("two"))).done == 2


async def test_an_unknown_fate_is_counted_as_such(desk: Desk) -> None:
    """A failure after the send is neither refused nor invalid."""

    async def broken(approved: object) -> None:
        raise RuntimeError("a bug")

    desk.venues["binance"]._place = broken  # type: ignore[method-assign, assignment]
    assert (await Loop(desk).run(signal())).fate_unknown == 1


async def test_stop_ends_the_loop_while_it_waits(desk: Desk) -> None:
    """A set stop event ends a loop whose stream has gone quiet."""
    stop = asyncio.Event()

    async def quiet() -> AsyncIterator[Signal]:
        yield signal()
        await asyncio.Event().wait()

    loop = Loop(desk)
    parts = LoopParts(
        resolve=lambda exchange, strategy: "binance",
        fail_over=None,
        check_limits=loop.check,
        executor=desk.router,
        adapter_of=desk.adapter_of,
        chains=desk.chains,
        ids=SeededIds(1),
        telemetry=desk.telemetry,
    )
    running = asyncio.create_task(ExecutionLoop(parts, ExecutionConfig(), None).run(quiet(), stop))
    await asyncio.sleep(0.1)
    assert not running.done()
    stop.set()
    summary = await asyncio.wait_for(running, 5)
    assert (summary.received, summary.done) == (1, 1)


async def test_a_failed_journal_stops_the_loop(desk: Desk) -> None:
    """Without a journal nothing may be sent, so the loop ends with that error."""
    await desk.journal.close()
    with pytest.raises(JournalError):
        await Loop(desk).run(signal())
    assert all(venue.placed == [] for venue in desk.venues.values())
