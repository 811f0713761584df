"""The three outcomes of a place. Two would be one too few: a timeout is neither yes nor no.

Only ``ProvenNotExecuted`` may be tried elsewhere. ``Unknown`` is resolved by evidence and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.domain.orders import OrderReport
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason

MESSAGE_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Evidence:
    """The HTTP fact behind an outcome. ``headers_written`` false means that provably no byte of the request left."""

    headers_written: bool
    status: int | None = None
    code: str = ""
    message: str = ""

    def __post_init__(self) -> None:
        # Foreign words end up in the journal and the log; halves of characters do not fit into either.
        for name in ("code", "message"):
            safe = getattr(self, name).encode("utf-8", "backslashreplace").decode()
            object.__setattr__(self, name, safe)

    def __str__(self) -> str:
        parts = ["sent" if self.headers_written else "not sent"]
        if self.status is not None:
            parts.append(f"HTTP {self.status}")
        parts.extend(part for part in (self.code, self.message[:MESSAGE_LENGTH_MAX]) if part)
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The venue gave a non-empty order id. ``report`` where its answer also tells the state."""

    venue_order_id: str
    evidence: Evidence
    report: OrderReport | None = None
    health: HealthClass = HealthClass.GOOD

    def __post_init__(self) -> None:
        if not self.venue_order_id:
            raise ValueError("acceptance needs a venue order id")


@dataclass(frozen=True, slots=True)
class ProvenNotExecuted:
    """The request cannot have executed and cannot execute later."""

    reason: RejectReason
    evidence: Evidence
    health: HealthClass


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have executed, or may yet."""

    reason: UnknownReason
    evidence: Evidence
    health: HealthClass = HealthClass.UNKNOWN


Outcome = Accepted | ProvenNotExecuted | Unknown


class CancelState(StrEnum):
    """What a venue says of an order that it was asked to cancel."""

    CANCELLED = "cancelled"
    """The cancel was taken: the order was there."""
    ENDED = "ended already"
    """It was there too: filled or cancelled before, or not to be cancelled at the moment."""
    NO_SUCH_ORDER = "no such order"
    """In the words that the venue has for an order which it does not know. Some have no others for one that has ended:
    alone it is no proof."""
    NOT_OPEN = "not open"
    """Ended, or never there: the venue does not say which, though it has a word of its own for the latter."""

    @property
    def was_there(self) -> bool:
        return self in (CancelState.CANCELLED, CancelState.ENDED)


@dataclass(frozen=True, slots=True)
class CancelOutcome:
    """Answer to a cancel. ``filled`` where the answer tells the executed part.

    A cancel without a valid answer raises VenueCallFailed.
    """

    state: CancelState
    evidence: Evidence
    filled: str | None = None

    @property
    def done(self) -> bool:
        """This cancel was taken."""
        return self.state is CancelState.CANCELLED
