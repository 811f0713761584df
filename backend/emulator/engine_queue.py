"""The way into a venue's engine: first in, first out. What comes later never takes effect earlier."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from backend.emulator.wire import Effect, Pause

Work = Callable[[float], Effect]


@dataclass(slots=True)
class _Entry:
    turn: float
    work: Work
    effect: Effect | None = None


class EngineQueue:
    """Work that waits for its turn.

    A turn comes when the work's own delay is over and everything before it is through. With no delay above a bound, no
    work waits longer than that bound either. Whoever looks at the engine calls ``run_due`` first: what is due has then
    happened, however late the timer of the request that brought it. It holds requests in flight and nothing else, so
    whoever bounds those bounds it.
    """

    def __init__(self) -> None:
        self._waiting: deque[_Entry] = deque()

    def enter(self, delay_s: float, now: float, work: Work) -> Effect:
        """Do the work if its turn has come, else wait. ``work`` is called once, with the time at which it is done."""
        turn = max(now + delay_s, self._waiting[-1].turn) if self._waiting else now + delay_s
        if turn <= now:
            self.run_due(now)
            return work(now)
        entry = _Entry(turn, work)
        self._waiting.append(entry)
        return Pause(turn, lambda at: self._leave(entry, at))

    def run_due(self, now: float) -> None:
        """Do all work whose turn has come, in its order."""
        while self._waiting and self._waiting[0].turn <= now:
            self._run_first(now)

    def _leave(self, entry: _Entry, now: float) -> Effect:
        """What became of a request that has waited. Another one may have caused it to be done before."""
        while entry.effect is None and self._waiting:
            self._run_first(now)
        if entry.effect is None:
            raise AssertionError("work in the engine ended with an error that another request was told")
        return entry.effect

    def _run_first(self, now: float) -> None:
        entry = self._waiting.popleft()
        entry.effect = entry.work(now)
