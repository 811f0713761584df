"""When an order that rests in a venue's book is taken out of it. A pure decision, asked again at each look."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from backend.domain.money import ZERO
from backend.domain.reasons import DropReason
from backend.domain.records import Drop, IntentRecord

REST_LOOK_S = 1.0
"""How often a resting order is looked at."""

LOOKS_HALVED_MAX = 3
"""A venue's limits may have no room for a look: then they come half as often, so many times."""

SILENT_LOOKS_MAX = 3
"""So many looks in a row without an answer, and the venue is no place to rest."""


class Leave(StrEnum):
    """Why a resting order is cancelled by us. Whatever the reason, only what the venue then says of it counts."""

    CANCEL_REQUESTED = "its cancel was requested"
    EXPIRED = "it is not wanted any longer"
    VENUE_SILENT = "its venue does not answer"
    TOO_MUCH = "its order has executed elsewhere after all"


def why_leave(
    *, now: float, valid_until: float, cancel_requested: bool, silent_looks: int, too_much: bool
) -> Leave | None:
    """The first reason to cancel; None: it stays. Times in epoch seconds. ``too_much``: it would bring more than what
    is left of its order."""
    if too_much:
        return Leave.TOO_MUCH
    if cancel_requested:
        return Leave.CANCEL_REQUESTED
    if now >= valid_until:
        return Leave.EXPIRED
    if silent_looks >= SILENT_LOOKS_MAX:
        return Leave.VENUE_SILENT
    return None


PASSING = frozenset(
    {
        DropReason.UNHEALTHY,
        DropReason.BOOK_UNAVAILABLE,
        DropReason.BALANCE_UNAVAILABLE,
        DropReason.UNRESOLVED_ORDER,
        DropReason.CLOCK_UNCERTAIN,
    }
)
"""Why a venue cannot be used now, and perhaps can be soon."""

RETRY_S = 5.0
"""How often the remainder of a resting order looks for a venue again."""


def waits_for_a_venue(record: IntentRecord, drops: Sequence[Drop]) -> bool:
    """A resting order that has lost its place waits, as long as it is wanted, for a venue that may become usable. One
    that never had a place is refused at once, and one that takes what there is ends short: its caller wants to know."""
    started = record.intent.rests and bool(record.attempts)
    return started and record.remaining > ZERO and any(drop.reason in PASSING for drop in drops)


def next_look_s(now: float, valid_until: float, interval_s: float = REST_LOOK_S) -> float:
    """Seconds until the next look; the last one is at the order's end."""
    return max(0.0, min(interval_s, valid_until - now))


def look_interval_s(unasked: int) -> float:
    """Seconds from one look to the next, when so many in a row had no room in the venue's limits."""
    return REST_LOOK_S * float(2 ** min(unasked, LOOKS_HALVED_MAX))
