"""An emulated venue without a network: a request and the time go in, a timed effect comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random

from backend.emulator.accounts import Account
from backend.emulator.books import BookSource
from backend.emulator.dialect import Keys, Refused, Submission, VenueKind
from backend.emulator.fault_kinds import arm
from backend.emulator.faults import Fault, FaultBoard, Plan, Stage, When
from backend.emulator.ledger import Ledger
from backend.emulator.matching import Engine
from backend.emulator.orders import EngineRefusal
from backend.emulator.wire import Answer, Effect, Endpoint, Pause, Request, Respond


class VenueCore:
    """Dialect, engine and faults of one venue. Whoever runs it waits for a Pause and calls its ``then``."""

    def __init__(
        self,
        kind: VenueKind,
        *,
        keys: Keys,
        books: BookSource,
        rng: Random,
        balances: Mapping[str, Decimal] | None = None,
    ) -> None:
        self.kind = kind
        self.ledger = Ledger(kind.name)
        start = {asset: Decimal(amount) for asset, amount in kind.balances.items()} if balances is None else balances
        self.account = Account(start)
        self._board = FaultBoard(rng)
        self._engine = Engine(
            venue=kind.name,
            markets=kind.markets,
            fees=kind.fees,
            account=self.account,
            ledger=self.ledger,
            books=books,
            order_id=lambda number: kind.order_id(number, rng),
            trade_id=lambda number: kind.trade_id(number, rng),
        )
        self._dialect = kind.dialect(self._engine, keys)

    def advance(self, now: float) -> None:
        """Let resting orders meet the books up to ``now``. Outside of normal operation nothing trades.

        The mode of ``now`` counts for the whole time since the last look.
        """
        self._engine.advance(now, matching=self._board.mode(now) is None)

    def check(self, fault: Fault) -> None:
        """Would the fault make sense here? Raises FaultError."""
        arm(fault, self.kind)

    def inject(self, fault: Fault, now: float) -> str:
        """Pin a fault up; returns its id. Raises FaultError."""
        armed = arm(fault, self.kind)
        self.advance(now)
        return self._board.pin(armed, now)

    def clear(self, now: float, fault_id: str | None = None) -> None:
        """Take one fault down, or all. An unknown id is a KeyError."""
        self.advance(now)
        self._board.remove(fault_id)

    def faults(self, now: float) -> dict[str, tuple[Fault, bool]]:
        """The faults that are not over, with whether they are active."""
        return self._board.faults(now)

    def refusing(self, now: float) -> bool:
        """Should the port be closed?"""
        return self._board.refusing(now)

    def handle(self, request: Request, now: float) -> Effect:
        """What becomes of a request that reaches the venue at ``now``."""
        endpoint = self._dialect.route(request)
        plan = self._board.plan(endpoint, now)
        return _after(plan, Stage.ARRIVAL, now, lambda at: self._arrive(request, endpoint, plan, at))

    def _arrive(self, request: Request, endpoint: Endpoint | None, plan: Plan, now: float) -> Effect:
        self.advance(now)
        if plan.outcome and plan.outcome[0] is When.BEFORE:
            return plan.outcome[1](now)
        try:
            served = self._serve(request, endpoint, now)
        except Refused as refused:
            return _finish(plan, refused.answer, now)
        if isinstance(served, Submission):
            return _after(plan, Stage.FORWARD, now, lambda at: self._forward(served, plan, at))
        return _finish(plan, served, now)

    def _serve(self, request: Request, endpoint: Endpoint | None, now: float) -> Answer | Submission:
        if endpoint is None:
            return self._dialect.unknown(request, now)
        return self._dialect.serve(request, now, self._board.mode(now))

    def _forward(self, submission: Submission, plan: Plan, now: float) -> Effect:
        """Hand an order to the engine, unless its deadline has passed meanwhile."""
        if submission.not_after is not None and now > submission.not_after:
            return _finish(plan, submission.too_late(now), now)
        queued = min(plan.delays.get(Stage.ENGINE, 0.0), self.kind.bounds.engine_s)  # several faults may add up to more
        plan.delays[Stage.ENGINE] = queued
        return _after(plan, Stage.ENGINE, now, lambda at: self._execute(submission, plan, at))

    def _execute(self, submission: Submission, plan: Plan, now: float) -> Effect:
        self.advance(now)
        try:
            order = self._engine.submit(submission.order, now, now + plan.hidden_s)
        except EngineRefusal as refusal:
            return _finish(plan, submission.refused(refusal.reason, now), now)
        return _finish(plan, submission.accepted(order, now), now)


def _after(plan: Plan, stage: Stage, now: float, then: Callable[[float], Effect]) -> Effect:
    delay = plan.delays.get(stage, 0.0)
    return Pause(now + delay, then) if delay > 0 else then(now)


def _finish(plan: Plan, answer: Answer, now: float) -> Effect:
    if plan.outcome:
        return plan.outcome[1](now)
    return Respond(now + plan.delays.get(Stage.ANSWER, 0.0), answer)
