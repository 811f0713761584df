"""When an order that rests in a venue's book is taken out of it. A pure decision, asked again at each look."""

from __future__ import annotations

from enum import StrEnum

REST_LOOK_S = 1.0
"""How often a resting order is looked at."""

SILENT_LOOKS_MAX = 3
"""So many looks in a row without an answer, and the venue is no place to rest."""


class Leave(StrEnum):
    """Why a resting order is cancelled by us. Whatever the reason, only what the venue then says of it counts."""

    CANCEL_REQUESTED = "its cancel was requested"
    EXPIRED = "it is not wanted any longer"
    VENUE_SILENT = "its venue does not answer"


def why_leave(*, now: float, valid_until: float, cancel_requested: bool, silent_looks: int) -> Leave | None:
    """The first reason to cancel; None: it stays. Times in epoch seconds."""
    if cancel_requested:
        return Leave.CANCEL_REQUESTED
    if now >= valid_until:
        return Leave.EXPIRED
    if silent_looks >= SILENT_LOOKS_MAX:
        return Leave.VENUE_SILENT
    return None


def next_look_s(now: float, valid_until: float) -> float:
    """Seconds until the next look; the last one is at the order's end."""
    return max(0.0, min(REST_LOOK_S, valid_until - now))
