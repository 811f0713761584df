"""Those who want orders: they repeat the same id until somebody answers, change their minds, and look things up."""

from __future__ import annotations

import asyncio
from random import Random

from backend.domain.errors import JournalError, OrderFateUnknown, QuantumTraderError
from backend.domain.lifecycle import IntentState
from backend.domain.records import ExecutionResult
from backend.lab.simulation.invariants import Invariants
from backend.lab.simulation.network import Watch
from backend.lab.simulation.routers import Routers
from backend.lab.simulation.workload import Wish
from backend.services.execution.resolving import Word

OPERATED_SHARE = 0.5
OPERATOR_S = 90.0
"""By then whatever was on its way to the exchange has arrived."""

REPEAT_S = 1.0


class Callers:
    """``rng``: which parked orders an operator cares for."""

    def __init__(
        self, routers: Routers, invariants: Invariants, watch: Watch, loop: asyncio.AbstractEventLoop, rng: Random
    ) -> None:
        self._routers = routers
        self._invariants = invariants
        self._watch = watch
        self._loop = loop
        self._rng = rng
        self._cancels: dict[str, asyncio.Task[None]] = {}

    def unanswered(self) -> list[str]:
        """The orders whose cancel is still waited for."""
        return sorted(name for name, task in self._cancels.items() if not task.done())

    async def want(self, wish: Wish) -> None:
        """From the wish to the last word about it."""
        await self._until(wish.at)
        if wish.cancel_at is not None:
            self._cancels[wish.intent.id] = self._loop.create_task(self._cancel(wish, wish.cancel_at))
        result = await self._asked(wish)
        while result is None:
            result = await self._asked(wish, after_s=REPEAT_S)
        if isinstance(result, ExecutionResult):
            self._watch.noted(f"{wish.intent.id} is told {result.state.value} {result.reason} {result.filled}")
            self._invariants.told(wish.intent, result)
            if result.state is IntentState.PARKED and self._rng.random() < OPERATED_SHARE:
                await self._look_up(result.intent_id)

    async def _asked(self, wish: Wish, after_s: float = 0.0) -> object:
        """Once. None: ask again."""
        intent = wish.intent
        await asyncio.sleep(after_s)
        task = await self._routers.answer(f"caller of {intent.id}", lambda router: router.submit(intent))
        if task is None:
            return None
        error = task.exception()
        if error is None:
            return task.result()
        self._watch.noted(f"{intent.id} is told {type(error).__name__}: {error}")
        if not self._typed(intent.id, error):
            return error
        if isinstance(error, JournalError | OrderFateUnknown) or not isinstance(error, QuantumTraderError):
            return None
        return error if self._invariants.refused(intent, error) else None

    async def _cancel(self, wish: Wish, at: float) -> None:
        await self._until(at)
        name = wish.intent.id
        self._watch.noted(f"{name} is to be cancelled")
        self._watch.seen("cancel requested")
        answered = await self._cancel_asked(name)
        while not answered:
            answered = await self._cancel_asked(name, after_s=REPEAT_S)

    async def _cancel_asked(self, name: str, after_s: float = 0.0) -> bool:
        """Once. False: ask again."""
        await asyncio.sleep(after_s)
        task = await self._routers.answer(f"cancel of {name}", lambda router: router.cancel(name))
        if task is None:
            return False
        error = task.exception()
        if error is None:
            self._invariants.cancel_told(name)
            return True
        self._watch.noted(f"cancel of {name}: {type(error).__name__}")
        return not (self._typed(name, error) and isinstance(error, JournalError | OrderFateUnknown))

    async def _look_up(self, intent_id: str) -> None:
        """An operator looks at the exchange's own pages, where nothing else can tell, and says what is there."""
        await asyncio.sleep(OPERATOR_S)
        await self._routers.alive()
        filled = self._invariants.seen_by_an_operator(intent_id)
        if filled is None:
            return
        word = Word(filled, "seen on the exchange's own page")
        task = await self._routers.answer(f"word on {intent_id}", lambda router: router.resolve(intent_id, word))
        error = None if task is None else task.exception()
        self._watch.noted(f"an operator says {filled} of {intent_id}: {type(error).__name__}")
        if error is not None:
            self._typed(intent_id, error)

    def _typed(self, name: str, error: BaseException) -> bool:
        """Every error that a caller sees has a type of ours."""
        ours = isinstance(error, QuantumTraderError)
        if not ours:
            self._invariants.violated(f"{name}: an error without a type: {error!r}")
        return ours

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - self._loop.time()))
