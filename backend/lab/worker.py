"""The demo's router in a process of its own, so that it can be killed. It takes orders through a pipe.

Each message is a tuple (kind, number, what); each answer has the number of its question. The process ends when the pipe
is closed, also when its parent has died.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection

from backend import bootstrap
from backend.config import Settings
from backend.domain.orders import Intent
from backend.lab.stopwatch import Stopwatch
from backend.policies.routing_tables import FailoverChains
from backend.services.execution.router import Router


class Ask(StrEnum):
    """What the parent asks for: an order, the cancel of one, a review of what is parked, or the end."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    REVIEW = "review"
    CLOSE = "close"


class Tell(StrEnum):
    """What the process tells: it takes orders, a result, what went wrong, or the latencies at its end."""

    READY = "ready"
    RESULT = "result"
    PROBLEM = "problem"
    LATENCIES = "latencies"


@dataclass(frozen=True, slots=True)
class Setup:
    """What the router is built from. ``bounds``: each emulated venue's engine and visibility bound in seconds;
    ``clock``: scale, and the origin that both processes count from."""

    settings: Settings
    bounds: Mapping[str, tuple[float, float]]
    seed: int
    clock: tuple[float, float, float]
    strategies: Mapping[str, str]


def work(pipe: Connection, setup: Setup) -> None:
    """The life of the process."""
    # Ctrl-C reaches the whole group; this process ends with its pipe, in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_worked(pipe, setup))


async def _worked(pipe: Connection, setup: Setup) -> None:
    stopwatch = Stopwatch()
    scale, wall, elapsed = setup.clock
    runtime = bootstrap.Runtime(
        setup.settings,
        clock=bootstrap.scaled_clock(scale, origin=(wall, elapsed)),
        ids=bootstrap.seeded_ids(setup.seed),
        telemetry=stopwatch,
        chains=FailoverChains(),
        strategies=dict(setup.strategies),
        rules={
            venue: bootstrap.emulated_rules(venue, engine_s=engine_s, visibility_s=visibility_s)
            for venue, (engine_s, visibility_s) in setup.bounds.items()
        },
    )
    try:
        router = await runtime.router()
        async with bootstrap.serving(runtime):
            pipe.send((Tell.READY, 0, None))
            await _served(pipe, router)
    except Exception as error:
        pipe.send((Tell.PROBLEM, 0, f"the router did not start: {error}"))
        raise
    finally:
        await runtime.close()
    with contextlib.suppress(BrokenPipeError):  # the parent has gone: nobody is left to tell
        pipe.send((Tell.LATENCIES, 0, {venue: list(samples) for venue, samples in stopwatch.answers.items()}))


async def _served(pipe: Connection, router: Router) -> None:
    """Until the parent asks for the end or is gone."""
    asked: asyncio.Queue[tuple[Ask, int, object]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def heard() -> None:
        try:
            asked.put_nowait(pipe.recv())
        except (EOFError, OSError):
            loop.remove_reader(pipe.fileno())
            asked.put_nowait((Ask.CLOSE, 0, None))

    loop.add_reader(pipe.fileno(), heard)
    at_work: set[asyncio.Task[None]] = set()
    while True:
        kind, number, what = await asked.get()
        if kind is Ask.CLOSE:
            loop.remove_reader(pipe.fileno())
            return
        task = asyncio.create_task(_answered(pipe, router, kind, number, what))
        at_work.add(task)
        task.add_done_callback(at_work.discard)


async def _answered(pipe: Connection, router: Router, kind: Ask, number: int, what: object) -> None:
    try:
        result = await _result(router, kind, what)
    except Exception as error:  # noqa: BLE001 - told to the parent, which decides
        pipe.send((Tell.PROBLEM, number, repr(error)))
    else:
        pipe.send((Tell.RESULT, number, result))


async def _result(router: Router, kind: Ask, what: object) -> object:
    if kind is Ask.REVIEW:
        return await router.review()
    if kind is Ask.CANCEL:
        return await router.cancel(str(what))
    if isinstance(what, Intent):
        return await router.submit(what)
    raise TypeError(f"{kind} takes no {type(what).__name__}")
