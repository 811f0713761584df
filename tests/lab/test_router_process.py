"""The router in a process of its own: it answers, it can be killed, and it never outlives its parent's interest."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from rich.console import Console

from backend import bootstrap
from backend.domain.lifecycle import IntentState
from backend.domain.orders import Intent
from backend.emulator.host import Emulator
from backend.lab.demo import VENUES, DemoOptions, _bounds, _settings, run_demo
from backend.lab.router_process import RouterDied, RouterFailed, RouterProcess
from backend.lab.view import LineView
from backend.lab.worker import Setup, Tell


@pytest.fixture
async def setup(tmp_path: Path) -> AsyncIterator[Setup]:
    clock = bootstrap.scaled_clock(5)
    emulator = Emulator(seed=3, now=clock.now, sleep=clock.sleep, venues=VENUES)
    await emulator.start()
    yield Setup(
        settings=_settings(emulator, tmp_path),
        bounds={venue: _bounds(emulator, venue) for venue in VENUES},
        seed=3,
        clock=(5, *clock.origin),
        strategies={},
    )
    await emulator.stop()


def dies_at_the_first_order(pipe: Connection, setup: Setup) -> None:
    """The life of a process that takes an order and ends by itself."""
    pipe.send((Tell.READY, 0, None))
    pipe.recv()
    sys.stderr.write("the disk has gone\n")
    sys.stderr.flush()
    os._exit(7)


def order(name: str = "one") -> Intent:
    return Intent.create(id=name, symbol="BTC/USD", side="buy", quantity="0.01")


async def test_it_routes_and_ends_in_order(setup: Setup) -> None:
    """An order's result comes back whole; at the end it tells its latencies, and a second end is none."""
    router = await RouterProcess.start(setup)
    result = await router.submit(order())
    assert (result.state, result.filled) == (IntentState.DONE, Decimal("0.01"))
    assert await router.review() == ()
    assert (await router.cancel("one")).state is IntentState.DONE
    with pytest.raises(RouterFailed, match="nobody"):
        await router.cancel("nobody")
    assert sum(map(len, (await router.close()).values())) == 1
    assert sum(map(len, (await router.close()).values())) == 1
    with pytest.raises(RouterDied):
        await router.submit(order("two"))


async def test_a_killed_one_is_told_and_its_journal_is_free(setup: Setup) -> None:
    """Whoever waits for an answer learns that there is none; the next process takes the journal over at once."""
    first = await RouterProcess.start(setup)
    waiting = asyncio.create_task(first.submit(order()))
    await asyncio.sleep(0)
    first.kill()
    with pytest.raises(RouterDied):
        await waiting
    second = await RouterProcess.start(setup)
    assert second.pid != first.pid
    assert (await second.submit(order())).filled == Decimal("0.01")
    await second.close()


async def test_one_that_cannot_start_says_why(setup: Setup) -> None:
    """The journal is somebody else's: a typed error with the reason, and no process is left."""
    first = await RouterProcess.start(setup)
    with pytest.raises(RouterFailed, match="one router at a time"):
        await RouterProcess.start(setup)
    await first.close()


async def test_it_ends_when_its_pipe_is_closed(setup: Setup) -> None:
    """Its parent is gone: it closes its journal and ends by itself."""
    router = await RouterProcess.start(setup)
    router._pipe.send_bytes(b"no message")
    router._gone()
    await asyncio.to_thread(router._process.join, 20)
    assert router._process.exitcode is not None


async def test_one_that_dies_by_itself_leaves_its_last_words(setup: Setup) -> None:
    """Which process, how it ended, what it wrote last, and what to do; also for a question that comes later."""
    router = await RouterProcess.start(setup, dies_at_the_first_order)
    for name in ("one", "two"):
        with pytest.raises(RouterDied) as died:
            await router.submit(order(name))
        told = str(died.value)
        for word in (f"process {router.pid}", "exit code 7", "the disk has gone", "same ids"):
            assert word in told
    assert await router.close() == {}


async def test_the_demo_ends_with_that_one_error() -> None:
    """However many orders were under way: one typed error, which the command turns into its status."""
    view = LineView(Console(file=io.StringIO()))
    with pytest.raises(RouterDied, match=r"exit code 7(?s:.*)the disk has gone"):
        await run_demo(DemoOptions(orders=50), view, dies_at_the_first_order)
