"""The states of an intent and of an attempt, with the one table of legal steps each (protocol 2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from backend.domain.errors import IllegalTransition


class IntentState(StrEnum):
    """DONE: the whole quantity. DONE_SHORT: ended with less. PARKED: waits for evidence, its quantity blocked."""

    NEW = "new"
    ACTIVE = "active"
    DONE = "done"
    DONE_SHORT = "done_short"
    REJECTED = "rejected"
    PARKED = "parked"

    @property
    def final(self) -> bool:
        return self in (IntentState.DONE, IntentState.DONE_SHORT, IntentState.REJECTED)


class AttemptState(StrEnum):
    """OPEN is journaled and perhaps sent; UNKNOWN has an ambiguous answer; WORKING is known to be at the venue."""

    OPEN = "open"
    UNKNOWN = "unknown"
    WORKING = "working"
    REJECTED = "rejected"
    CLOSED = "closed"

    @property
    def ended(self) -> bool:
        return self in (AttemptState.REJECTED, AttemptState.CLOSED)


class Proof(StrEnum):
    """Why an attempt may be closed.

    DEADLINE: its deadline and every bound have passed, and nobody finds it. OPERATOR: somebody looked at the venue and
    says so, which is outside of what this program claims.
    """

    NOT_SENT = "not_sent"
    DEFINITE_REJECT = "definite_reject"
    TERMINAL_STATE = "terminal_state"
    DEADLINE = "deadline"
    OPERATOR = "operator"


INTENT_STEPS: Mapping[IntentState, frozenset[IntentState]] = {
    IntentState.NEW: frozenset({IntentState.ACTIVE, IntentState.REJECTED}),
    IntentState.ACTIVE: frozenset({IntentState.DONE, IntentState.DONE_SHORT, IntentState.REJECTED, IntentState.PARKED}),
    IntentState.PARKED: frozenset({IntentState.ACTIVE}),
    IntentState.DONE: frozenset(),
    IntentState.DONE_SHORT: frozenset(),
    IntentState.REJECTED: frozenset(),
}

ATTEMPT_STEPS: Mapping[AttemptState, frozenset[AttemptState]] = {
    AttemptState.OPEN: frozenset(
        {AttemptState.REJECTED, AttemptState.WORKING, AttemptState.UNKNOWN, AttemptState.CLOSED}
    ),
    # Itself: one more look-up. WORKING is the late acceptance: a look-up found what the answer did not tell.
    AttemptState.UNKNOWN: frozenset({AttemptState.UNKNOWN, AttemptState.WORKING, AttemptState.CLOSED}),
    # Itself: a part of it executed, also after its cancel was sent.
    AttemptState.WORKING: frozenset({AttemptState.WORKING, AttemptState.CLOSED}),
    # Themselves: an execution that shows after the end. It is booked, whatever was believed before.
    AttemptState.REJECTED: frozenset({AttemptState.REJECTED}),
    AttemptState.CLOSED: frozenset({AttemptState.CLOSED}),
}


def check_intent_step(intent_id: str, source: IntentState, target: IntentState) -> None:
    """Raises IllegalTransition unless the table lists the step."""
    if target not in INTENT_STEPS[source]:
        raise IllegalTransition("intent", intent_id, source, target)


def check_attempt_step(attempt_id: str, source: AttemptState, target: AttemptState) -> None:
    """Raises IllegalTransition unless the table lists the step."""
    if target not in ATTEMPT_STEPS[source]:
        raise IllegalTransition("attempt", attempt_id, source, target)
