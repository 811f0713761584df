"""When an order that nobody finds may be called dead (protocol 2.4, step 6).

"Not found" is not proof. It becomes one only together with the deadline that every copy carries: the venue may not take
the order later than ``not_after``, what it took before is executed within the engine bound Q, and visible within the
visibility bound L. Look-ups sent after all that, from two endpoints, in rounds in which the venue answered a question
that it must be able to answer, and after it has called a cancel of the order's id unknown: only they prove.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from backend.domain.lifecycle import AttemptState, Proof
from backend.domain.money import ZERO
from backend.domain.records import LOOK_UP, Attempt, IntentRecord
from backend.domain.rules import DeadlineClass, VenueRules

PATIENCE_S = 60.0
"""How long after the horizon an order is looked for at short intervals; then it is parked, and looked for on."""

ENDPOINTS_MIN = 2

CONTROL_INTENTS_MAX = 50
"""Among so many of the newest intents a known order is looked for, to be asked for beside the unknown one."""

GHOST_S = 900.0
"""How long the reservation of an order that was proven dead by time, or declared so, stays: the venue may break its
word, and so long it is looked for on."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """Epoch seconds of the venue's clock. ``cancel_from``: no copy can arrive any more. ``absent_from``: what arrived
    has executed and can be seen. ``absent_until``: from then on the venue may have forgotten it. ``park_at``: enough
    patience."""

    cancel_from: float
    absent_from: float
    absent_until: float
    park_at: float


def horizon(rules: VenueRules, not_after: float, skew_s: float) -> Horizon | None:
    """The horizon of an order whose latest copy carries ``not_after``; ``skew_s`` bounds the error of our knowledge of
    the venue's clock. None where the venue checks no deadline or has no client id to look for: there, absence never
    proves anything."""
    if rules.deadline_class.value is DeadlineClass.NONE or not rules.lookup_by_client_id.value:
        return None
    cancel_from = not_after + skew_s
    absent_from = cancel_from + rules.engine_bound_s.value + rules.visibility_bound_s.value
    made_from = not_after - rules.deadline_max_s.value - skew_s
    return Horizon(cancel_from, absent_from, made_from + rules.lookup_retention_s.value, absent_from + PATIENCE_S)


def is_past(limits: Horizon | None, now: float) -> bool:
    """Is it worth asking? Only when it is past the horizon by every clock that is known, our own to begin with."""
    return limits is not None and now > limits.absent_from


@dataclass(frozen=True, slots=True)
class NotFound:
    """One look-up that found nothing. ``sent_at`` on the venue's clock, its last answer at most ``late_s`` later;
    ``control``: in the same round the venue answered every question whose answer is known."""

    endpoint: str
    sent_at: float
    control: bool
    late_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CancelUnknown:
    """The venue called the order's id unknown when it was asked to cancel it: when that was sent and answered."""

    sent_at: float
    answered_at: float


class Missing(StrEnum):
    """What an absence still lacks to be a proof."""

    DEADLINE = "the venue checks no deadline"
    CANCEL = "no cancel was sent after the deadline and answered with unknown order"
    LOOKUPS = "not two endpoints were asked after the horizon and after the cancel"
    RETENTION = "the venue may have forgotten the order by now"
    CONTROL = "the venue did not answer a known question in the same round"
    SEEN = "the venue has told that the order was there, so its absence proves nothing any more"


def missing_proof(limits: Horizon | None, cancel: CancelUnknown | None, looked: Sequence[NotFound]) -> Missing | None:
    """What is missing to call an order dead that was not found; None: it is dead."""
    if limits is None:
        return Missing.DEADLINE
    if cancel is None or cancel.sent_at < limits.cancel_from:
        return Missing.CANCEL
    if any(one.sent_at + one.late_s > limits.absent_until for one in looked):
        return Missing.RETENTION
    late = [one for one in looked if one.sent_at > limits.absent_from and one.sent_at >= cancel.answered_at]
    if len({one.endpoint for one in late}) < ENDPOINTS_MIN:
        return Missing.LOOKUPS
    if len({one.endpoint for one in late if one.control}) < ENDPOINTS_MIN:
        return Missing.CONTROL
    return None


def _found(working: Attempt) -> bool:
    """Has a look-up found it? An answer to the order itself may be all that there ever is of it."""
    return working.filled > ZERO or working.settled_by.startswith(LOOK_UP)


def known_order(records: Iterable[IntentRecord], attempt: Attempt, rules: VenueRules, now: float) -> Attempt | None:
    """The newest other order of the attempt's account and market that a look-up by our id must find: the venue itself
    has told of it beyond its first answer (it ended, executed in part, or was found), it is older than the visibility
    bound, and the venue cannot have forgotten it yet. None: there is none, and the time endpoint is the only control.
    """
    visible = now - rules.engine_bound_s.value - rules.visibility_bound_s.value
    kept = now - rules.lookup_retention_s.value
    fitting = [
        one
        for record in records
        for one in record.attempts
        if one.id != attempt.id
        and (one.venue, one.order.symbol) == (attempt.venue, attempt.order.symbol)
        and (one.proof is Proof.TERMINAL_STATE or (one.state is AttemptState.WORKING and _found(one)))
        and one.venue_order_id is not None
        and kept < one.opened_at < visible
    ]
    return max(fitting, key=lambda one: one.opened_at, default=None)
