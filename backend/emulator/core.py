"""An emulated venue without a network: a request and the time go in, a timed effect comes out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random

from backend.emulator.accounts import Account
from backend.emulator.books import BookSource
from backend.emulator.dialect import Batch, Cancellation, Keys, Refused, Served, Submission, VenueKind
from backend.emulator.engine_queue import EngineQueue
from backend.emulator.fault_kinds import arm
from backend.emulator.faults import Fault, FaultBoard, FaultKind, Plan, Scene, Stage, When
from backend.emulator.ledger import Ledger
from backend.emulator.limits import Limiter
from backend.emulator.matching import Engine
from backend.emulator.moves import MovedBooks
from backend.emulator.orders import EngineRefusal, Status
from backend.emulator.wire import Answer, Effect, Endpoint, Pause, Request, Respond


class VenueCore:
    """Dialect, engine and faults of one venue. Whoever runs it waits for a Pause and calls its ``then``.

    ``now`` is always the true time. The dialect is told the time of the venue's clock, which a fault can put wrong.
    ``limits``: the venue counts requests and refuses what is too much, as far as its folder describes that.
    """

    def __init__(
        self,
        kind: VenueKind,
        *,
        keys: Keys,
        books: BookSource,
        rng: Random,
        balances: Mapping[str, Decimal] | None = None,
        limits: bool = False,
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
            books=MovedBooks(books, self._board.moves),
            order_id=lambda number: kind.order_id(number, rng),
            trade_id=lambda number: kind.trade_id(number, rng),
        )
        self._dialect = kind.dialect(self._engine, keys)
        self._limiter = Limiter(kind.throttle) if limits and kind.throttle is not None else None
        self._queue = EngineQueue()
        self._banned_until = -math.inf

    def advance(self, now: float) -> None:
        """Let the engine take what is due, and resting orders meet the books up to ``now``.

        Outside of normal operation nothing trades. The mode and the clock of ``now`` count for the whole time since the
        last look.
        """
        self._queue.run_due(now)
        self._match(now)

    def _look_again(self, now: float) -> None:
        """The faults have changed, and with them perhaps where the markets stand from now on."""
        self._engine.ahead = self._board.ahead(now)
        self._engine.look_again(now, matching=self._board.mode(now) is None)

    def _match(self, now: float) -> None:
        self._engine.ahead = self._board.ahead(now)
        matching = self._board.mode(now) is None
        for began, begin in self._board.begun(now):
            self._engine.advance(began, matching=matching)
            at = began + self._engine.ahead
            books = {symbol: self._engine.book(symbol, at) for symbol in self._engine.markets}
            begin(Scene(self.account.balances(), books))
        self._engine.advance(now, matching=matching)

    def check(self, fault: Fault) -> None:
        """Would the fault make sense here? Raises FaultError."""
        arm(fault, self.kind)

    def inject(self, fault: Fault, now: float) -> str:
        """Pin a fault up; returns its id. Raises FaultError."""
        armed = arm(fault, self.kind)
        self.advance(now)
        fault_id = self._board.pin(armed, now)
        self._look_again(now)
        return fault_id

    def clear(self, now: float, fault_id: str | None = None) -> None:
        """Take one fault down, or all and any ban with them. An unknown id is a KeyError."""
        self.advance(now)
        self._board.remove(fault_id)
        self._look_again(now)
        if fault_id is None:
            self._banned_until = -math.inf

    def faults(self, now: float) -> dict[str, tuple[Fault, bool]]:
        """The faults that are not over, with whether they are active."""
        return self._board.faults(now)

    @property
    def struck(self) -> Mapping[FaultKind, int]:
        """How often a fault of each kind met a request. A closed port meets none."""
        return self._board.struck

    def banned_s(self, now: float) -> float:
        """For how much longer the venue bans its caller, in seconds; zero when it does not."""
        return max(0.0, self._banned_until - now)

    def set_free(self, asset: str, amount: Decimal, now: float) -> None:
        """Replace the free part of an asset, as a deposit or a withdrawal would."""
        self.advance(now)
        self.account.set_free(asset, amount)

    def refusing(self, now: float) -> bool:
        """Should the port be closed?"""
        return self._board.refusing(now)

    def endpoint(self, request: Request) -> Endpoint | None:
        """What a request is for; None if the venue has no such path."""
        return self._dialect.route(request)

    def handle(self, request: Request, now: float) -> Effect:
        """What becomes of a request that reaches the venue at ``now``."""
        endpoint = self._dialect.route(request)
        if self._banned(endpoint, now):
            return self._ban(now)
        plan = self._board.plan(endpoint, now)
        if plan.ban_s:
            self._banned_until = now + plan.ban_s
            if self._banned(endpoint, now):
                return self._ban(now)
        return _after(plan, Stage.ARRIVAL, now, lambda at: self._arrive(request, endpoint, plan, at))

    def _arrive(self, request: Request, endpoint: Endpoint | None, plan: Plan, now: float) -> Effect:
        self.advance(now)
        if self._limiter is not None:
            self._count(self._limiter, endpoint, plan, now)
        if plan.outcome and plan.outcome[0] is When.BEFORE:
            return plan.outcome[1](now)
        try:
            served = self._serve(request, endpoint, plan, now)
        except Refused as refused:
            return _finish(plan, refused.answer, now)
        if isinstance(served, Answer):
            return _finish(plan, served, now)
        return _after(plan, Stage.FORWARD, now, lambda at: self._forward(served, plan, at))

    def _banned(self, endpoint: Endpoint | None, now: float) -> bool:
        throttle = self.kind.throttle
        return now < self._banned_until and throttle is not None and endpoint not in throttle.spared

    def _ban(self, now: float) -> Effect:
        """The answer to a banned caller, from the venue's edge: nothing behind it sees the request."""
        if self.kind.throttle is None or self.kind.throttle.banned is None:
            raise AssertionError(f"{self.kind.name} bans without a word for it")
        error = self.kind.errors[self.kind.throttle.banned]
        return Respond(now, error.answer(now + self._board.ahead(now), self._banned_until - now))

    def _count(self, limiter: Limiter, endpoint: Endpoint | None, plan: Plan, now: float) -> None:
        """Hold a request against the venue's limits: it is told what is used, limited or banned."""
        told = now + self._engine.ahead
        verdict = limiter.take(endpoint, told)
        plan.headers = verdict.headers
        if verdict.over is None:
            return
        if verdict.ban and self.kind.throttle is not None:
            self._banned_until = now + self.kind.throttle.ban_s
        if self._banned(endpoint, now):
            plan.end_with(When.BEFORE, self._ban)
            return
        answer = self.kind.errors[verdict.over.answer].answer(told, verdict.wait_s)
        told_headers = {
            **dict(answer.headers),
            **dict(verdict.headers),
        }  # the table may show the same ones as an example
        answer = dataclasses.replace(answer, headers=tuple(told_headers.items()))
        plan.end_with(When.BEFORE, lambda at: Respond(at, answer))

    def _serve(self, request: Request, endpoint: Endpoint | None, plan: Plan, now: float) -> Served:
        told, mode = now + self._engine.ahead, self._board.mode(now)
        if endpoint is None:
            return self._dialect.unknown(request, told)
        if plan.lie is not None:
            mode = plan.lie.mode
        self.account.view, self._engine.told_books = plan.balances, plan.books
        try:
            return self._dialect.serve(request, told, mode)
        finally:
            self.account.view, self._engine.told_books = None, None

    def _forward(self, served: Submission | Cancellation | Batch, plan: Plan, now: float) -> Effect:
        """Hand orders and cancels to the engine's queue, unless their deadline has passed meanwhile."""
        told = now + self._board.ahead(now)
        first = served.parts[0] if isinstance(served, Batch) else served
        if first.not_after is not None and first.too_late is not None and told > first.not_after:
            return _finish(plan, first.too_late(told), now)
        delay = min(plan.delays.get(Stage.ENGINE, 0.0), self.kind.bounds.engine_s)  # several faults may add up to more
        return self._queue.enter(delay, now, lambda at: self._execute(served, plan, at))

    def _execute(self, served: Submission | Cancellation | Batch, plan: Plan, now: float) -> Effect:
        self._match(now)
        if isinstance(served, Batch):
            answers = [self._carry_out(part, plan, now) for part in served.parts]
            answer = served.joined(answers, now + self._engine.ahead)
        else:
            answer = self._carry_out(served, plan, now)
        effect = _finish(plan, answer, now)
        return dataclasses.replace(effect, by_engine=True) if isinstance(effect, Respond) else effect

    def _carry_out(self, part: Submission | Cancellation, plan: Plan, now: float) -> Answer:
        return self._submit(part, plan, now) if isinstance(part, Submission) else self._cancel(part, now)

    def _submit(self, submission: Submission, plan: Plan, now: float) -> Answer:
        told = now + self._engine.ahead
        asked = dataclasses.replace(submission.order, not_after=submission.not_after)
        try:
            order = self._engine.submit(asked, now, now + plan.hidden_s, plan.trade_lag_s)
        except EngineRefusal as refusal:
            return submission.refused(refusal.reason, told)
        return submission.accepted(order, told)

    def _cancel(self, cancellation: Cancellation, now: float) -> Answer:
        """Cancel what is open by now: what filled while the cancel was on its way stays filled."""
        told = now + self._engine.ahead
        named = [order for order in cancellation.find(told) if order.status is Status.OPEN]
        for order in named:
            self._engine.cancel(order, told)
        return cancellation.answer(named, told)


def _after(plan: Plan, stage: Stage, now: float, then: Callable[[float], Effect]) -> Effect:
    delay = plan.delays.get(stage, 0.0)
    return Pause(now + delay, then) if delay > 0 else then(now)


def _finish(plan: Plan, answer: Answer, now: float) -> Effect:
    if plan.outcome:
        return plan.outcome[1](now)
    if plan.headers:
        answer = dataclasses.replace(answer, headers=answer.headers + plan.headers)
    return Respond(now + plan.delays.get(Stage.ANSWER, 0.0), answer)
