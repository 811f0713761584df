"""The command ``quantum-trader serve``: a router until it is stopped, or until its journal fails."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from backend.cli.output import complain, say
from backend.cli.statuses import FAILED, JOURNAL_FAILED, OK
from backend.domain.errors import JournalFailed

if TYPE_CHECKING:
    from backend.services.execution.router import Router

STOPPING = (signal.SIGTERM, signal.SIGINT)
STOP_S = 5.0
"""A stop takes at most so long, whatever the program is doing. Most of it are the router's GRACE_S."""
FAILURE_LOOK_S = 0.25
FAILURE_SHOWN_S = 1.0
"""So long a failed router still answers, so that whoever watches its status sees why it goes."""
T = TypeVar("T")


class _Stop:
    """The wish to stop, from a signal or from ``ask``. From then on the process ends within STOP_S, also when a thread
    of a library hangs or something blocks the event loop: what is left open is what a killed process leaves."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.status = FAILED
        self._loop = asyncio.get_running_loop()
        self._pipe, self._bell = os.pipe()
        for number in STOPPING:
            signal.signal(number, self.ask)
        threading.Thread(target=self._watch, name="end of a stop that hangs", daemon=True).start()

    def ask(self, *_: object) -> None:
        """Takes no lock, because a signal may come while one is held. A second call changes nothing."""
        os.write(self._bell, b"!")
        with suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self.asked.set)

    def end(self, status: int) -> None:
        """Everything is stopped: one more signal must not turn that into a death by a signal."""
        self.status = status
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)

    def _watch(self) -> None:
        os.read(self._pipe, 1)
        time.sleep(STOP_S)
        try:
            if self.status == FAILED:
                complain(f"quantum-trader: ended, not stopped within {STOP_S:g} s; the next start settles the rest")
        finally:
            os._exit(self.status)


async def serve(port: int, *, as_json: bool) -> None:
    """Routes until SIGTERM or SIGINT, which may come at any time, also while it starts. Then: no new orders, a few
    seconds for those under way, the rest is left to the next start as the journal has it. Raises ConfigurationError for
    a port that is taken, JournalLocked; JournalFailed when the disk fails: then too everything is stopped."""
    from backend.api.endpoint import file_of
    from backend.bootstrap import journal_path, open_runtime, serving

    stop = _Stop()
    problem = None
    async with open_runtime() as runtime:
        router = await _unless(stop.asked, runtime.router())
        if router is not None:
            async with serving(runtime, port) as endpoint:
                journal = journal_path(runtime.settings)
                _tell(
                    {
                        "event": "serving",
                        "url": endpoint.url,
                        "token_file": str(file_of(journal)),
                        "journal": str(journal),
                    },
                    f"serving at {endpoint.url}; its token is in {file_of(journal)}; stop it with Ctrl-C or SIGTERM",
                    as_json=as_json,
                )
                problem = await _failure(router, stop)
                _tell({"event": "stopping", "failed": problem}, "stopping: no new orders", as_json=as_json)
    # Also what failed while it stopped: orders under way were still stored then.
    problem = problem or (None if router is None else router.failure())
    stop.end(OK if problem is None else JOURNAL_FAILED)
    _tell({"event": "stopped", "failed": problem}, "stopped", as_json=as_json)
    if problem is not None:
        raise JournalFailed(problem)


async def _failure(router: Router, stop: _Stop) -> str | None:
    """Waits for the stop; or why the journal has failed, which asks for one."""
    while not stop.asked.is_set():
        problem = router.failure()
        if problem is not None:
            await _unless(stop.asked, asyncio.sleep(FAILURE_SHOWN_S))
            stop.ask()
            return problem
        await _unless(stop.asked, asyncio.sleep(FAILURE_LOOK_S))
    return router.failure()


async def _unless(stopped: asyncio.Event, work: Coroutine[object, object, T]) -> T | None:
    """The work's result. None when ``stopped`` came first: then it is cancelled, and has ended."""
    doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait((doing, stopping), return_when=asyncio.FIRST_COMPLETED)
        return doing.result() if doing.done() else None
    finally:
        for task in (doing, stopping):
            task.cancel()
        await asyncio.gather(doing, stopping, return_exceptions=True)


def _tell(event: dict[str, object], line: str, *, as_json: bool) -> None:
    shown = {name: value for name, value in event.items() if value is not None}
    say(json.dumps(shown) if as_json else line)
