"""The loop without a clock: time jumps, a seed decides the order, and nothing waits for what never comes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

import pytest

from backend.lab.simulation.loop import HEARD_S, TIME_MAX_S, Deadlock, Endless, VirtualLoop


def ran(work: Coroutine[Any, Any, object], seed: int = 1) -> tuple[object, float]:
    """The result, and how much virtual time it took."""
    loop = VirtualLoop(Random(seed))
    try:
        return loop.run_until_complete(loop.create_task(work)), loop.time()
    finally:
        loop.shutdown_at_once()


def test_time_jumps_to_the_next_timer() -> None:
    """An hour passes at once, and exactly."""

    async def nap() -> str:
        await asyncio.sleep(3_600)
        return "awake"

    assert ran(nap()) == ("awake", 3_600.0)


def test_timeouts_and_locks_are_asyncios_own() -> None:
    """What the router uses works as it does elsewhere."""

    async def work() -> tuple[bool, float]:
        loop, lock = asyncio.get_running_loop(), asyncio.Lock()
        async with lock:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2.5):
                    await lock.acquire()
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1))
            group.create_task(asyncio.sleep(4))
        return await asyncio.to_thread(lambda: True), loop.time()

    assert ran(work())[0] == (True, 6.5)


async def _order(of: list[int]) -> list[int]:
    async def one(number: int) -> None:
        await asyncio.sleep(1)
        of.append(number)

    await asyncio.gather(*(one(number) for number in range(20)))
    return of


def test_the_seed_decides_what_runs_first() -> None:
    """The same seed, the same order; another seed, another order."""
    first, again, other = ran(_order([]), 1), ran(_order([]), 1), ran(_order([]), 2)
    assert first == again
    assert first != other


def test_nothing_left_to_happen_is_an_error() -> None:
    """A wait that nothing ends would hang a real program; here it is found at once."""

    async def stuck() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Deadlock):
        ran(stuck())


def test_going_on_for_ever_is_an_error() -> None:
    """A loop without an end is found by its length."""

    async def endless() -> None:
        for _ in range(100):
            await asyncio.sleep(TIME_MAX_S / 10)

    with pytest.raises(Endless):
        ran(endless())


def test_errors_that_nobody_hears_are_kept() -> None:
    """A callback that fails is not lost."""
    loop = VirtualLoop(Random(1))

    def fails() -> None:
        raise ValueError("unheard")

    loop.call_soon(fails)
    loop.run_until_complete(loop.create_task(asyncio.sleep(1)))
    loop.shutdown_at_once()
    assert len(loop.unheard) == 1
    assert "unheard" in loop.unheard[0]


def test_tasks_that_fail_and_are_not_waited_for_are_heard() -> None:
    """The loop holds every task, so asyncio itself would say nothing of them before the end of the world. One whose
    error somebody looked at, or that was cancelled, is no news."""
    loop = VirtualLoop(Random(1))

    async def fails() -> None:
        raise ValueError("in the background")

    async def work() -> None:
        forgotten = loop.create_task(fails(), name="reviewer")
        cancelled = loop.create_task(asyncio.sleep(100))
        await asyncio.gather(loop.create_task(fails()), return_exceptions=True)
        cancelled.cancel()
        await asyncio.sleep(HEARD_S / 2)
        loop.listen()
        assert loop.unheard == []
        await asyncio.sleep(HEARD_S)
        loop.listen()
        loop.listen()
        del forgotten

    loop.run_until_complete(loop.create_task(work()))
    loop.shutdown_at_once()
    assert loop.unheard == ["reviewer failed, and nobody looked: ValueError('in the background')"]


def test_what_it_relies_on_in_asyncio() -> None:
    """Internals of the base loop: a new Python that has them otherwise is noticed here."""
    loop = VirtualLoop(Random(1))
    handle, timer = loop.call_soon(print), loop.call_later(1, print)
    assert list(loop._ready) == [handle]  # type: ignore[attr-defined]
    assert loop._scheduled == [timer]  # type: ignore[attr-defined]
    assert (handle._cancelled, timer._when, timer._scheduled) == (False, 1.0, True)  # type: ignore[attr-defined]
    assert callable(handle._run)
    assert handle._context is not None  # type: ignore[attr-defined]
    coro = asyncio.sleep(0)
    assert loop.create_task(coro)._log_traceback is False
    coro.close()
    loop.shutdown_at_once()
