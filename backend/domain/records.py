"""What the journal keeps and what a caller gets back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import inf

from backend.domain.health import HealthCause
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.money import ZERO
from backend.domain.orders import Fill, Intent, VenueOrder
from backend.domain.reasons import DropReason, EndReason, ParkReason, RejectReason, UnknownReason


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of an intent at one venue: the frozen request and what became of it. ``reserved_notional``: the most that
    it can add to the account's exposure, in the intent's quote."""

    id: str
    intent_id: str
    number: int
    order: VenueOrder
    reserved_notional: Decimal
    state: AttemptState
    venue_order_id: str | None = None
    outcome_reason: RejectReason | UnknownReason | None = None
    evidence: str = ""
    proof: Proof | None = None
    filled: Decimal = ZERO
    settled_by: str = ""
    lookups: int = 0
    opened_at: float = 0.0
    closed_at: float | None = None
    leg: int = 1

    @property
    def unfilled(self) -> Decimal:
        """What of its quantity is not booked as executed; never negative."""
        return max(self.order.quantity - self.filled, ZERO)

    @property
    def venue(self) -> str:
        return self.order.venue

    @property
    def seen(self) -> bool:
        """Its venue has told that it was there, though no look-up finds it: no absence proves anything any more."""
        return self.outcome_reason is UnknownReason.SEEN


FIRST_LEG = 1
LOOK_UP = "look-up"
"""How ``Attempt.settled_by`` begins where a look-up found the order; its number follows."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of an intent that is worked on its own, with at most one open attempt. The legs add up to the intent;
    those that were added while the fate of an attempt was unknown are relief, paid for by its overfill budget."""

    number: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class IntentRecord:
    """An intent with its state, its attempts in order and its fills. ``worst_price`` is in the intent's own quote.

    ``pinned``: the one venue that its caller chose, whatever the chain says. ``cancel_requested_at``: from then on no
    new attempt is made, and what rests is cancelled.
    """

    intent: Intent
    body_hash: str
    state: IntentState
    created_at: float
    valid_until: float
    worst_price: Decimal | None = None
    reason: EndReason | ParkReason | None = None
    ended_at: float | None = None
    attempts: tuple[Attempt, ...] = ()
    fills: tuple[Fill, ...] = ()
    legs: tuple[Leg, ...] = ()
    pinned: str | None = None
    cancel_requested_at: float | None = None

    @property
    def open_attempt(self) -> Attempt | None:
        """The first attempt that is not settled, if any; each leg has at most one."""
        return next((a for a in self.attempts if not a.state.ended), None)

    @property
    def open_attempts(self) -> tuple[Attempt, ...]:
        """The attempts that are not settled: one, or one for each leg."""
        return tuple(a for a in self.attempts if not a.state.ended)

    def room(self, leg: int) -> Decimal:
        """What may still be placed for a leg; never negative. The first one is the intent itself, whatever others have
        executed; a relief leg has its own quantity, whatever is uncertain elsewhere."""
        if leg == FIRST_LEG:
            return self.remaining
        own = [a for a in self.attempts if a.leg == leg]
        used = sum((a.filled if a.state.ended else a.filled + a.unfilled for a in own), ZERO)
        return max(sum((one.quantity for one in self.legs if one.number == leg), ZERO) - used, ZERO)

    def attempt(self, attempt_id: str) -> Attempt:
        """The attempt of that id, which must be there."""
        return next(one for one in self.attempts if one.id == attempt_id)

    @property
    def filled(self) -> Decimal:
        """Gross executed base quantity; fees never enlarge what remains."""
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def blocked(self) -> Decimal:
        """Quantity of attempts that are not settled, less what of it is booked: it may have executed or may yet."""
        return sum((a.unfilled for a in self.attempts if not a.state.ended), ZERO)

    @property
    def remaining(self) -> Decimal:
        """What of the quantity has not executed and cannot be executing; never negative. It is zero too where relief
        reaches beyond the quantity: then the overfill budget is at work, and nothing more is to be placed for it."""
        return max(self.intent.quantity - self.filled - self.blocked, ZERO)


UNTIL_SETTLED = inf
"""How long the reservation of a ghost stays that has been seen: until its venue says how it ended."""


@dataclass(frozen=True, slots=True)
class Ghost:
    """An attempt that ended by a proof that rests on somebody's word, and stays reserved ``until`` then (epoch seconds)
    at least: it is looked for on, and let go only after a look that was made later and found nothing."""

    record: IntentRecord
    attempt: Attempt
    until: float

    @property
    def seen(self) -> bool:
        """It was there after all, and is not settled yet."""
        return self.until == UNTIL_SETTLED


@dataclass(frozen=True, slots=True)
class Reservation:
    """What an attempt that is not proven dead may still do: its worst case in the intent's quote, positive for a buy.

    ``until``: it has ended by a proof that rests on the venue's word, and stays reserved until then (epoch seconds).
    """

    attempt_id: str
    venue: str
    base: str
    amount: Decimal
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """What has been executed at a venue in one asset: the net notional in the intents' quote, positive when bought."""

    venue: str
    base: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class ExposureState:
    """All reservations and positions of a journal."""

    reservations: tuple[Reservation, ...] = ()
    positions: tuple[Position, ...] = ()


@dataclass(frozen=True, slots=True)
class Halt:
    """A venue's account takes no new orders: something executed there that must not have. Ends by acknowledgement."""

    venue: str
    intent_id: str
    at: float
    problem: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What a journal holds against using its venues: open orders, halted accounts, and why all of it is halted, if it
    is."""

    unfinished: tuple[IntentRecord, ...] = ()
    halts: tuple[Halt, ...] = ()
    halted: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One line of what happened. ``data`` is what the journal keeps of it: amounts as texts."""

    seq: int
    at: float
    kind: str
    intent_id: str
    attempt_id: str | None
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Drop:
    """A venue that was not used, and why."""

    venue: str
    reason: DropReason
    detail: str = ""
    health: HealthCause | None = None


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """The answer to ``router.submit`` and ``adapter.place_order``: final, or parked with its quantity blocked.

    ``average_price`` is None without fills, and in each fill's own quote when all fills share one. ``retry_at`` (epoch
    seconds) is the earliest sensible retry of an ``all_down`` refusal. ``unresolved_until``: from then on a parked
    order's absence can be proven; None where only evidence or an operator ends the wait.
    """

    intent_id: str
    state: IntentState
    reason: EndReason | ParkReason | None
    quantity: Decimal
    filled: Decimal
    blocked: Decimal
    attempts: tuple[Attempt, ...] = ()
    fills: tuple[Fill, ...] = ()
    dropped: tuple[Drop, ...] = ()
    retry_at: float | None = None
    unresolved_until: float | None = None

    @property
    def average_price(self) -> Decimal | None:
        if not self.fills or len({fill.symbol for fill in self.fills}) > 1:
            return None
        return sum((f.price * f.quantity for f in self.fills), ZERO) / self.filled

    @property
    def venues(self) -> tuple[str, ...]:
        """Where it executed, in order."""
        return tuple(dict.fromkeys(fill.venue for fill in self.fills))

    @classmethod
    def of(
        cls,
        record: IntentRecord,
        dropped: tuple[Drop, ...] = (),
        retry_at: float | None = None,
        unresolved_until: float | None = None,
    ) -> ExecutionResult:
        return cls(
            intent_id=record.intent.id,
            state=record.state,
            reason=record.reason,
            quantity=record.intent.quantity,
            filled=record.filled,
            blocked=record.blocked,
            attempts=record.attempts,
            fills=record.fills,
            dropped=dropped,
            retry_at=retry_at,
            unresolved_until=unresolved_until,
        )


@dataclass(frozen=True, slots=True)
class Equivalent:
    """The same market under another quote: one unit of the intent's quote is ``rate`` units of ``symbol``'s quote."""

    symbol: str
    rate: Decimal


Equivalents = Mapping[str, tuple[Equivalent, ...]]
