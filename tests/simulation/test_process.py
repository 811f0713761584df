"""A process that dies at an await: nothing of it runs after that, not even its cleaning up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from backend.lab.simulation.loop import VirtualLoop
from backend.lab.simulation.process import EPOCH_S, Process


class Fated:
    """Does what a test says at a point."""

    def __init__(self) -> None:
        self.then: dict[str, Callable[[Process], None]] = {}

    def at(self, process: Process, point: str) -> None:
        if point in self.then:
            self.then.pop(point)(process)


def world() -> tuple[VirtualLoop, Fated, Process]:
    loop, fate = VirtualLoop(Random(1)), Fated()
    return loop, fate, Process(1, loop, fate, skew_s=0.25, drift=1e-4)


def test_a_killed_process_does_nothing_more() -> None:
    """Neither the next line, nor its finally, nor its other tasks; what it started elsewhere goes on."""
    loop, fate, process = world()
    done: list[str] = []

    async def work() -> None:
        try:
            done.append("before")
            await process.point("here")
            done.append("after")
        finally:
            done.append("finally")

    async def other() -> None:
        await process.sleep(1)
        done.append("other")

    async def outside() -> None:
        loop.call_later(2, done.append, "message arrives")
        process.start(other, "other")
        process.start(work, "work")
        await asyncio.sleep(5)

    fate.then["here"] = Process.kill
    loop.run_until_complete(loop.create_task(outside()))
    assert done == ["before", "message arrives"]
    assert process.died.done()
    loop.shutdown_at_once()


def test_a_paused_process_goes_on_later() -> None:
    """Its timers are over when it wakes, and everything it missed happens then."""
    loop, _, process = world()
    woke: list[float] = []

    async def work() -> None:
        await process.sleep(1)
        woke.append(loop.time())

    async def outside() -> None:
        process.start(work, "work")
        await asyncio.sleep(0.5)
        process.pause(10)
        await asyncio.sleep(20)

    loop.run_until_complete(loop.create_task(outside()))
    assert woke == [10.5]
    loop.shutdown_at_once()


def test_what_failed_before_a_pause_is_told_after_it() -> None:
    """A process that stands still has not looked at its tasks' errors yet, and is not blamed for it; one that is dead
    never will be, and is not blamed either."""
    loop, _, process = world()

    async def fails() -> None:
        raise ValueError

    async def looks() -> None:
        await asyncio.gather(process.start(fails, "fails"), return_exceptions=True)

    async def outside() -> None:
        process.start(looks, "looks")
        await asyncio.sleep(0)
        process.pause(10)
        for _ in range(11):
            await asyncio.sleep(1)
            loop.listen()
        process.start(fails, "last words")
        await asyncio.sleep(0.1)
        loop.listen()
        process.kill()
        await asyncio.sleep(5)
        loop.listen()

    loop.run_until_complete(loop.create_task(outside()))
    loop.shutdown_at_once()
    assert loop.unheard == []


def test_killed_while_it_stands_still() -> None:
    """The pause ends, and nothing happens."""
    loop, _, process = world()
    woke: list[float] = []

    async def work() -> None:
        await process.sleep(1)
        woke.append(loop.time())

    async def outside() -> None:
        process.start(work, "work")
        await asyncio.sleep(0.5)
        process.pause(5)
        await asyncio.sleep(1)
        process.kill()
        await asyncio.sleep(20)

    loop.run_until_complete(loop.create_task(outside()))
    assert woke == []
    loop.shutdown_at_once()


def test_its_clock_is_its_own() -> None:
    """The wall clock is off and drifts; the other counts from the machine's start."""
    loop, _, process = world()
    loop.run_until_complete(loop.create_task(asyncio.sleep(1_000)))
    assert process.now() == EPOCH_S + 0.25 + 1_000 * (1 + 1e-4)
    assert process.monotonic() == 2_000.0
    loop.shutdown_at_once()
