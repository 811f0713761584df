"""What follows an outcome. The rule that everything else exists for: another venue only on proof."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import inf

from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.money import ZERO
from backend.domain.orders import OrderReport, OrderStatus, VenueOrder
from backend.domain.outcomes import Accepted, Outcome, ProvenNotExecuted
from backend.domain.reasons import DropReason, EndReason, RejectReason
from backend.domain.records import FIRST_LEG, Drop, IntentRecord


def attempt_state(outcome: Outcome) -> AttemptState:
    """Accepted is at work, a proof ends it, anything else is unknown."""
    if isinstance(outcome, Accepted):
        return AttemptState.WORKING
    if isinstance(outcome, ProvenNotExecuted):
        return AttemptState.REJECTED
    return AttemptState.UNKNOWN


def proof_of(outcome: ProvenNotExecuted) -> Proof:
    """Proof 0 (no byte left) or proof a (a definite reject)."""
    return Proof.NOT_SENT if outcome.reason is RejectReason.NOT_SENT else Proof.DEFINITE_REJECT


def may_move(record: IntentRecord, leg: int | None = None) -> bool:
    """May the remainder be tried anywhere? Only when every attempt has ended with a proof; for a relief leg, which its
    caller's budget pays for, every attempt of that leg."""
    own = (attempt for attempt in record.attempts if leg in (None, FIRST_LEG, attempt.leg))
    return all(attempt.state.ended and attempt.proof is not None for attempt in own)


def relief(record: IntentRecord) -> Decimal:
    """How much may be tried elsewhere although the fate of an attempt is unknown: what is missing, as far as the
    caller's overfill budget reaches that has not been given to another relief leg."""
    given = sum((leg.quantity for leg in record.legs), ZERO) - record.intent.quantity
    left = record.intent.overfill_budget - given
    return max(ZERO, min(left, record.intent.quantity - record.filled))


def contradiction(order: VenueOrder, report: OrderReport, *, booked: Decimal = ZERO) -> str | None:
    """Why a report cannot be about this order, or cannot be true; None when it can. Nothing is concluded from a report
    that contradicts itself or what is ``booked`` already: a stale replica's "closed, nothing executed" is no proof of
    death."""
    told = (report.symbol, report.side, report.quantity)
    if told != (order.symbol, order.side, order.quantity):
        return f"it is about {told}"
    if report.client_id is not None and order.client_id and report.client_id != order.client_id:
        return f"it has the client id {report.client_id}"
    if not ZERO <= report.filled <= report.quantity:
        return f"{report.filled} of {report.quantity} executed"
    if report.filled < booked:
        return f"{report.filled} executed, but {booked} is booked"
    if report.status is OrderStatus.FILLED and report.filled != report.quantity:
        return f"filled, but only {report.filled} of {report.quantity} executed"
    if report.status is OrderStatus.REJECTED and report.filled != ZERO:
        return f"rejected, but {report.filled} executed"
    return None


def word_was_given(record: IntentRecord) -> bool:
    """Has an operator said how an attempt of it ended? Then nothing more is placed for it: it was given up to somebody
    who looks at the venues, and who was told that nothing is sent."""
    return any(attempt.proof is Proof.OPERATOR for attempt in record.attempts)


def ending(
    record: IntentRecord, drops: Sequence[Drop], *, expired: bool, cancelled: bool = False
) -> tuple[IntentState, EndReason]:
    """How an intent ends that has nowhere left to go. Call it only when no attempt is open."""
    state, reason = _ending(record, drops, expired=expired, cancelled=cancelled)
    by_word = word_was_given(record) and state is not IntentState.DONE and not expired and not cancelled
    return state, EndReason.RESOLVED if by_word else reason


def _ending(
    record: IntentRecord, drops: Sequence[Drop], *, expired: bool, cancelled: bool
) -> tuple[IntentState, EndReason]:
    if record.filled >= record.intent.quantity:
        return IntentState.DONE, EndReason.FILLED
    worked = [attempt for attempt in record.attempts if attempt.filled > ZERO or attempt.proof is Proof.TERMINAL_STATE]
    if worked:
        return IntentState.DONE_SHORT, _short_reason(record.remaining, drops, expired=expired, cancelled=cancelled)
    if cancelled:
        return IntentState.REJECTED, EndReason.CANCELLED
    if expired:
        return IntentState.REJECTED, EndReason.EXPIRED
    if record.attempts:
        return IntentState.REJECTED, EndReason.REJECTED_BY_VENUE
    unhealthy = {DropReason.UNHEALTHY, DropReason.NO_ADAPTER}
    if all(drop.reason in unhealthy for drop in drops):
        return IntentState.REJECTED, EndReason.ALL_DOWN
    if all(drop.reason in unhealthy | {DropReason.OVER_CAP} for drop in drops):
        return IntentState.REJECTED, EndReason.OVER_CAP
    return IntentState.REJECTED, EndReason.NO_USABLE_VENUE


_OUT_OF_QUESTION = frozenset(
    {
        DropReason.UNHEALTHY,
        DropReason.NO_ADAPTER,
        DropReason.NOT_ALLOWED,
        DropReason.NOT_LISTED,
        DropReason.ALREADY_TRIED,
        DropReason.CLOCK_UNCERTAIN,
    }
)
"""Venues that say nothing about the size of what is left."""


def _short_reason(remaining: Decimal, drops: Sequence[Drop], *, expired: bool, cancelled: bool) -> EndReason:
    if cancelled:
        return EndReason.CANCELLED
    if expired:
        return EndReason.EXPIRED
    reasons = {drop.reason for drop in drops} - _OUT_OF_QUESTION
    return EndReason.DUST if remaining > ZERO and reasons == {DropReason.UNDER_MINIMUM} else EndReason.LIQUIDITY


LOOKUP_DELAYS_S: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
LOOKUP_INTERVAL_S = 10.0
RELIEF_AFTER_S = 5.0
"""So long an order is looked for before relief is given to it, where its caller has allowed for that."""
PROOF_DELAYS_S: tuple[float, ...] = (0.5, 2.0, 5.0, 10.0, 20.0)
SETTLE_DELAYS_S: tuple[float, ...] = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


def lookup_times(window_s: float, provable_s: float = inf) -> tuple[float, ...]:
    """Seconds from now at which an unknown order is looked up: 0.5 to 20 s, then every 10 s, to the window's end
    (health.md 4.3); and, from ``provable_s`` on, when its absence can be proven, at short intervals once more."""
    soon = [provable_s + delay for delay in PROOF_DELAYS_S if provable_s + delay < window_s]
    return tuple(sorted({*_lookup_times(window_s), *(due for due in soon if due > 0)}))


def _lookup_times(window_s: float) -> tuple[float, ...]:
    times = [delay for delay in LOOKUP_DELAYS_S if delay < window_s]
    later = LOOKUP_DELAYS_S[-1] + LOOKUP_INTERVAL_S
    while later < window_s:
        times.append(later)
        later += LOOKUP_INTERVAL_S
    return (*times, window_s)


def settle_delays(window_s: float) -> tuple[float, ...]:
    """Pauses between the questions for an accepted order's final state, adding up to about the window."""
    delays, spent = list(SETTLE_DELAYS_S), sum(SETTLE_DELAYS_S)
    while spent < window_s:
        delays.append(SETTLE_DELAYS_S[-1])
        spent += SETTLE_DELAYS_S[-1]
    return tuple(delays)
