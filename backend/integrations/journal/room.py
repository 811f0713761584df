"""May this attempt be opened? Judged by the journal itself, whatever the program above it believes."""

from __future__ import annotations

from decimal import Decimal

from backend.domain.errors import JournalError, NoRoom
from backend.domain.lifecycle import IntentState
from backend.domain.money import ZERO
from backend.domain.records import Attempt, IntentRecord


def check_attempt(record: IntentRecord, attempt: Attempt) -> None:
    """Raises NoRoom when more has executed than leaves room for it, and another JournalError when the intent may not
    have it at all."""
    problem = _why_not(record, attempt)
    if problem is not None:
        raise JournalError(f"attempt {attempt.id} is refused: {problem}")
    _check_room(record, attempt)


def _why_not(record: IntentRecord, attempt: Attempt) -> str | None:
    if record.state not in (IntentState.NEW, IntentState.ACTIVE):
        return f"its intent is {record.state}"
    leg = next((leg for leg in record.legs if leg.number == attempt.leg), None)
    if leg is None:
        return f"the intent has no leg {attempt.leg}"
    of_leg = [one for one in record.attempts if one.leg == attempt.leg]
    for one in of_leg:
        if not one.state.ended:
            return f"attempt {one.id} is still open"
    if attempt.number != len(record.attempts) + 1:
        return f"number {attempt.number} does not follow {len(record.attempts)}"
    return None


def _check_room(record: IntentRecord, attempt: Attempt) -> None:
    """Raises NoRoom."""
    leg = next(leg for leg in record.legs if leg.number == attempt.leg)
    done, more = sum((one.filled for one in record.attempts if one.leg == leg.number), ZERO), attempt.order.quantity
    if done + more > leg.quantity:
        raise NoRoom(f"{done} filled and {more} more would exceed the {leg.quantity} of leg {leg.number}")
    if record.filled + record.blocked + more > (most := _most(record, leg.number)):
        raise NoRoom(f"{record.filled} filled, {record.blocked} open and {more} more would exceed {most}")


def _most(record: IntentRecord, leg: int) -> Decimal:
    """What an attempt of this leg may bring the whole intent to: only relief may reach into the overfill budget."""
    legs = sum((one.quantity for one in record.legs), ZERO)
    within = sum((one.quantity for one in record.legs if one.number <= leg), ZERO)
    return legs if within > record.intent.quantity else record.intent.quantity
