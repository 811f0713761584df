"""One attempt: journal, send once, classify, and follow it to its end or to the car park."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import inf

from backend.config.model import Timeouts
from backend.domain.approval import Approved, Refused
from backend.domain.errors import (
    AccountHalted,
    IntentCancelled,
    JournalError,
    JournalFailed,
    NoRoom,
    OrderTaken,
    OverCap,
)
from backend.domain.lifecycle import AttemptState, Proof
from backend.domain.money import ZERO
from backend.domain.orders import Fill, OrderRef, OrderReport, TimeInForce
from backend.domain.outcomes import Accepted, Evidence, Outcome, ProvenNotExecuted
from backend.domain.reasons import DropReason, HealthClass, ParkReason, RejectReason
from backend.domain.records import LOOK_UP, UNTIL_SETTLED, Attempt, Drop, Ghost, IntentRecord
from backend.policies.candidate import Candidate
from backend.policies.horizon import GHOST_S, Horizon, is_past
from backend.policies.late import Sight, own_fills
from backend.policies.planned import Origin, planned
from backend.policies.reroute import (
    RELIEF_AFTER_S,
    attempt_state,
    contradiction,
    lookup_times,
    proof_of,
    settle_delays,
)
from backend.policies.venue_clock import clock_problem
from backend.ports.clock import Clock
from backend.ports.exchange import ExchangeAdapter
from backend.ports.journal import Journal
from backend.ports.telemetry import Telemetry
from backend.services.execution.absence import Absent, Inquiry, absence, horizon_of
from backend.services.execution.asking import Asking, NoAnswer, total
from backend.services.health.board import HealthBoard
from backend.services.risk.exposure import ExposureBook

SETTLE_ROUND_LOOKS = 4
"""So many looks at an accepted order, within about a second, are one round: a start waits no longer for it."""

_REFUSALS = {
    IntentCancelled: DropReason.CANCELLED,
    AccountHalted: DropReason.ACCOUNT_HALTED,
    NoRoom: DropReason.NO_ROOM,
    OverCap: DropReason.OVER_CAP,
}


@dataclass(frozen=True, slots=True)
class Opened:
    """An attempt that is in the journal and may be sent."""

    attempt: Attempt
    approved: Approved
    send_before: float
    """By the clock that counts through suspend and cannot be set back: after it nothing may leave."""


@dataclass(frozen=True, slots=True)
class Parked:
    """The record of an intent whose attempt could not be settled in the time allowed."""

    record: IntentRecord
    reason: ParkReason


@dataclass(frozen=True, slots=True)
class Attempts:
    """Carries out attempts. Holds no state of its own: that is the journal's and the exposure book's."""

    journal: Journal
    exposure: ExposureBook
    health: HealthBoard
    timeouts: Timeouts
    clock: Clock
    telemetry: Telemetry

    @property
    def asking(self) -> Asking:
        return Asking(self.telemetry)

    async def open(
        self, record: IntentRecord, candidate: Candidate, adapter: ExchangeAdapter, leg: int
    ) -> Opened | Drop:
        """Approves and journals one attempt; nothing is sent yet. Drop: a limit refused it, nothing was journaled."""
        origin = Origin(self.journal.cluster_tag, self.journal.incarnation)
        attempt = planned(record, candidate, adapter.rules, leg, origin, now=self.clock.now())
        send_before = self.clock.monotonic() + attempt.order.not_after - attempt.opened_at
        decision = self.exposure.approve(attempt.order, candidate.notional)
        if isinstance(decision, Refused):
            return Drop(candidate.venue, decision.reason, str(decision))
        try:
            await self._journaled(attempt, decision, candidate.worst_price)
        except (IntentCancelled, AccountHalted, OverCap, NoRoom) as refused:
            return Drop(candidate.venue, _REFUSALS[type(refused)], str(refused))
        return Opened(attempt, decision, send_before)

    async def send(self, opened: Opened, adapter: ExchangeAdapter) -> IntentRecord:
        """Sends a journaled attempt, once, and stores the outcome. The record holds the attempt in its new state."""
        attempt = opened.attempt
        if self.journal.failed is not None:
            raise JournalFailed(self.journal.failed)  # its outcome could not be stored
        if self.clock.now() >= attempt.order.not_after or self.clock.monotonic() >= opened.send_before:
            return await self._store(attempt, _too_late(attempt))
        uncertain = clock_problem(adapter.rules, self.health.clocks.error_s(attempt.venue))
        if uncertain is not None:
            return await self._store(attempt, _kept_back(uncertain))
        self.asking.log(attempt, "Order sent")
        handed_over = self.clock.monotonic()
        outcome = await adapter._place(opened.approved)
        seconds = self.clock.monotonic() - handed_over
        self.telemetry.attempt_answered(attempt.venue, attempt_state(outcome).value, seconds)
        return await self._store(attempt, outcome)

    async def _journaled(self, attempt: Attempt, approved: Approved, worst_price: Decimal) -> IntentRecord:
        try:
            return await self.journal.open_attempt(attempt, worst_price=worst_price, cap=approved.cap)
        except BaseException:
            # Not committed as far as we know, so nothing was sent: the reservation has nothing to stand for. After an
            # interrupted wait the row may exist all the same; the next start finds it and treats it as unknown.
            self.exposure.release(attempt.id)
            raise

    async def _store(self, attempt: Attempt, outcome: Outcome) -> IntentRecord:
        """Stores the outcome. Only after this may anybody act on it."""
        self.health.order_evidence(attempt.venue, outcome.health)
        state = attempt_state(outcome)
        if isinstance(outcome, Accepted):
            return await self._accepted(attempt, outcome)
        self.asking.log(
            attempt, "Order not accepted", outcome=state.value, reason=outcome.reason, evidence=outcome.evidence
        )
        record = await self.journal.step_attempt(
            attempt.id,
            state,
            now=self.clock.now(),
            outcome_reason=outcome.reason,
            evidence=str(outcome.evidence),
            proof=proof_of(outcome) if isinstance(outcome, ProvenNotExecuted) else None,
        )
        if state.ended:
            self.exposure.release(attempt.id)
        return record

    async def _accepted(self, attempt: Attempt, outcome: Accepted) -> IntentRecord:
        """One commit when the answer itself tells the terminal state with every fill; otherwise it is followed."""
        report, evidence = outcome.report, str(outcome.evidence)
        if report is not None and (problem := contradiction(attempt.order, report)) is not None:
            self.asking.log(attempt, "The answer contradicts itself, so the order is followed", problem=problem)
        elif report is not None and report.status.terminal and total(report.fills) == report.filled:
            return await self._close(attempt, report, report.fills, evidence=evidence, settled_by="answer")
        return await self.journal.step_attempt(
            attempt.id,
            AttemptState.WORKING,
            now=self.clock.now(),
            venue_order_id=outcome.venue_order_id,
            evidence=evidence,
            settled_by="answer",
        )

    async def resolve(
        self, record: IntentRecord, attempt: Attempt, adapter: ExchangeAdapter, *, hasty: bool = False
    ) -> IntentRecord | Parked:
        """Looks an unknown order up by client id until it is found or the window ends. Any hit is adopted.

        Not found is never proof. Where a venue has no client ids the order is searched for by what was asked for.
        ``hasty``: its caller would rather have relief soon than certainty first.
        """
        limits = horizon_of(attempt, adapter)
        provable_in = inf if limits is None else limits.absent_from - self.clock.now()
        patience_s = RELIEF_AFTER_S if hasty else self._patience_s(record, limits)
        started, answered, count = self.clock.monotonic(), False, attempt.lookups
        for count, due in enumerate(lookup_times(patience_s, provable_in), start=attempt.lookups + 1):
            await self.clock.sleep(max(0.0, due - (self.clock.monotonic() - started)))
            found = await self.look_up(attempt, adapter, count)
            if found is True and due > provable_in:
                found = await self.prove_absent(attempt, adapter, count) or found
            if isinstance(found, IntentRecord):
                return found
            answered = answered or found
        record = await self.current(attempt.intent_id)
        if record.attempt(attempt.id).state is AttemptState.UNKNOWN:
            # Looks in vain are not stored one by one, only how many there were when the looking pauses.
            now = self.clock.now()
            record = await self.journal.step_attempt(attempt.id, AttemptState.UNKNOWN, now=now, lookups=count)
        if not answered:
            return Parked(record, ParkReason.VENUE_SILENT)
        known = adapter.rules.has_client_id
        return Parked(record, ParkReason.NOT_FOUND_YET if known else ParkReason.NO_CLIENT_ID)

    def _patience_s(self, record: IntentRecord, limits: Horizon | None) -> float:
        """The window of the settings; longer where the order is still wanted when its absence can be proven."""
        window_s = self.timeouts.lookup_window_s
        if limits is None or record.valid_until <= limits.absent_from:
            return window_s
        return max(window_s, min(record.valid_until, limits.park_at) - self.clock.now())

    async def prove_absent(self, attempt: Attempt, adapter: ExchangeAdapter, count: int) -> IntentRecord | None:
        """One round of the proof by deadline, once our own clock is past it. The record when the order was found after
        all, is proven dead, or has been settled by somebody else."""
        if not attempt.seen and not is_past(horizon_of(attempt, adapter), self.clock.now()):
            return None
        record = await self.current(attempt.intent_id)
        attempt = record.attempt(attempt.id)
        if attempt.state is not AttemptState.UNKNOWN:
            return record
        clocks = self.health.clocks
        found = await absence(Inquiry(attempt, adapter, self.journal, self.clock, clocks, self.asking))
        if isinstance(found, OrderReport):
            return await self._adopted_if_free(attempt, found, count)
        if not isinstance(found, Absent):
            self.asking.log(attempt, "Absence not proven", lacks=found.value)
            return None
        record = await self.journal.step_attempt(
            attempt.id,
            AttemptState.CLOSED,
            now=self.clock.now(),
            ghost_until=self.clock.now() + GHOST_S,
            evidence=found.evidence,
            proof=Proof.DEADLINE,
            settled_by=f"{LOOK_UP} {count}",
            lookups=count,
        )
        self.asking.log(
            attempt, "Order proven dead: its deadline has passed and nobody finds it", evidence=found.evidence
        )
        return record

    async def look_up(self, attempt: Attempt, adapter: ExchangeAdapter, count: int) -> IntentRecord | bool:
        """One look-up. The record when the order was found and adopted; else whether the venue answered at all."""
        order = attempt.order
        if order.client_id:
            ref = OrderRef(order.symbol, attempt.venue_order_id, order.client_id, order.created_at)
            report = await self.asking.ask(attempt, adapter.get_order(ref))
        else:
            like = OrderRef(order.symbol, created_at=order.created_at, like=order)
            report = await self.asking.ask(attempt, adapter.search_order(like))
        if isinstance(report, NoAnswer):
            return False
        if report is None:
            return True
        return await self._adopted_if_free(attempt, report, count) or True

    async def _adopted_if_free(self, attempt: Attempt, report: OrderReport, count: int) -> IntentRecord | None:
        try:
            return await self._adopted(attempt, report, count)
        except OrderTaken as taken:
            self.asking.log(attempt, "The order found is another attempt's", problem=str(taken))
            return None

    async def _adopted(self, attempt: Attempt, report: OrderReport, count: int) -> IntentRecord:
        self.asking.log(attempt, "Unknown order found and adopted", lookup=count, venue_order_id=report.venue_order_id)
        return await self.journal.step_attempt(
            attempt.id,
            AttemptState.WORKING,
            now=self.clock.now(),
            venue_order_id=report.venue_order_id,
            settled_by=f"{LOOK_UP} {count}",
            lookups=count,
        )

    async def settle(
        self, attempt: Attempt, adapter: ExchangeAdapter, takes_long: Callable[[bool], None]
    ) -> IntentRecord | Parked:
        """Follows an order that is known to be at the venue to its terminal state with every trade.

        Where the venue has no IOC the order is cancelled first; the cancel's own answer is never the last word.
        ``takes_long`` is called with False when the first round of looks has not settled it.
        """
        ref = OrderRef(attempt.order.symbol, attempt.venue_order_id, attempt.order.client_id or None)
        rests = attempt.order.time_in_force is TimeInForce.GTC
        for look, delay in enumerate(settle_delays(self.timeouts.lookup_window_s)):
            if look == SETTLE_ROUND_LOOKS:
                takes_long(False)
            await self.clock.sleep(delay)
            report = await self.asking.ask(attempt, adapter.get_order(ref))
            if isinstance(report, NoAnswer) or report is None:
                continue
            if not report.status.terminal:
                if rests:
                    await self.asking.ask(attempt, adapter.cancel_order(ref))
                continue
            fills = await self.asking.fills(attempt, adapter, report)
            if fills is not None:
                return await self._close(attempt, report, fills)
        return Parked(await self.current(attempt.intent_id), ParkReason.VENUE_SILENT)

    async def _close(
        self,
        attempt: Attempt,
        report: OrderReport,
        fills: tuple[Fill, ...],
        *,
        evidence: str | None = None,
        settled_by: str | None = None,
    ) -> IntentRecord:
        record = await self.journal.step_attempt(
            attempt.id,
            AttemptState.CLOSED,
            now=self.clock.now(),
            venue_order_id=report.venue_order_id,
            evidence=evidence,
            settled_by=settled_by,
            proof=Proof.TERMINAL_STATE,
            fills=fills,
        )
        self.exposure.settle(attempt, filled_notional(attempt, fills))
        self.asking.log(attempt, "Order settled", status=report.status, filled=report.filled)
        return record

    async def progress(
        self, record: IntentRecord, attempt: Attempt, adapter: ExchangeAdapter, report: OrderReport
    ) -> IntentRecord:
        """What a look at a resting order has told: its end, or a part that executed meanwhile; or nothing new, or
        nothing whose trades add up yet."""
        if not report.status.terminal and report.filled == attempt.filled:
            return record
        fills = await self.asking.fills(attempt, adapter, report)
        if fills is None:
            return record
        if report.status.terminal:
            return await self._close(attempt, report, fills)
        self.asking.log(attempt, "Resting order executed in part", filled=report.filled)
        return await self.journal.step_attempt(
            attempt.id,
            AttemptState.WORKING,
            now=self.clock.now(),
            venue_order_id=report.venue_order_id,
            fills=fills,
        )

    def taken_at_word(self, record: IntentRecord, attempt: Attempt) -> None:
        """What an operator said is booked; the reservation stays, as after a proof by time, for as long as the journal
        has it."""
        self.exposure.book(attempt, filled_notional(attempt, own_fills(record, attempt)))

    async def late(self, ghost: Ghost, report: OrderReport, sight: Sight) -> IntentRecord:
        """Books what was seen of an attempt that had ended. What somebody's word had booked for it gives way; its
        reservation goes when the venue has told its end with every trade."""
        attempt = ghost.attempt
        record = await self.journal.step_attempt(
            attempt.id,
            attempt.state,
            now=self.clock.now(),
            venue_order_id=report.venue_order_id,
            fills=sight.fills,
            whole=sight.settled,
            ghost_until=None if sight.settled else UNTIL_SETTLED,
        )
        before, after = (own_fills(one, attempt) for one in (ghost.record, record))
        self.exposure.book(attempt, filled_notional(attempt, after) - filled_notional(attempt, before))
        if sight.settled:
            self.exposure.release(attempt.id)
        return record

    async def current(self, intent_id: str) -> IntentRecord:
        """The record as the journal has it now. Raises JournalError."""
        record = await self.journal.get(intent_id)
        if record is None:
            raise JournalError(f"the journal lost intent {intent_id}, which it held")
        return record


def filled_notional(attempt: Attempt, fills: Iterable[Fill]) -> Decimal:
    """What these fills of the attempt are in the intent's quote."""
    return sum((fill.price * fill.quantity for fill in fills), ZERO) / attempt.order.rate


def _too_late(attempt: Attempt) -> ProvenNotExecuted:
    """The journal took so long that the deadline has passed: nothing is sent (proof 0)."""
    return _kept_back(f"deadline {attempt.order.not_after:.3f} passed before the send")


def _kept_back(why: str) -> ProvenNotExecuted:
    """Decided here and now, with the journal's row written and no byte out."""
    evidence = Evidence(headers_written=False, message=why)
    return ProvenNotExecuted(RejectReason.NOT_SENT, evidence, HealthClass.OURS)
