"""The crash points as a table: what happens there, what the file holds then, and how the orders end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.reasons import EndReason, ParkReason
from backend.domain.records import IntentRecord
from backend.policies.routing_tables import EXCHANGES

TERMINAL, DEADLINE, REJECT, UNSENT = (
    Proof.TERMINAL_STATE,
    Proof.DEADLINE,
    Proof.DEFINITE_REJECT,
    Proof.NOT_SENT,
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the file holds of an order when its process has died: the intent's state, and its last attempt's."""

    state: IntentState | None = None
    attempt: AttemptState | None = None

    @classmethod
    def of(cls, record: IntentRecord | None) -> Stored:
        if record is None:
            return cls()
        return cls(record.state, record.attempts[-1].state if record.attempts else None)


@dataclass(frozen=True, slots=True)
class End:
    """How an order has ended, or parked: with the proof of each of its attempts."""

    state: IntentState
    reason: EndReason | ParkReason
    proofs: tuple[Proof | None, ...]

    @classmethod
    def of(cls, record: IntentRecord) -> End:
        assert record.reason is not None, record
        return cls(record.state, record.reason, tuple(attempt.proof for attempt in record.attempts))


NOTHING = Stored()
NEW = Stored(IntentState.NEW)
OPEN, WORKING, CLOSED, REJECTED = (
    Stored(IntentState.ACTIVE, state)
    for state in (AttemptState.OPEN, AttemptState.WORKING, AttemptState.CLOSED, AttemptState.REJECTED)
)
DONE = Stored(IntentState.DONE, AttemptState.CLOSED)


def filled(*proofs: Proof) -> End:
    return End(IntentState.DONE, EndReason.FILLED, proofs)


HERE = filled(TERMINAL)
PARKED = End(IntentState.PARKED, ParkReason.NO_CLIENT_ID, (None,))
FIRI_PARKS = {"firi": PARKED}
"""It knows no id and no deadline of ours: what it has is found by what was asked for, but nothing proves absence."""


class Setting(StrEnum):
    """PLAIN: everything works. THIN: the exchange has less than is asked for. REFUSING: it refuses the order. AWAY: the
    order rests far from the market and is cancelled. HASTY: the order is soon not wanted any more."""

    PLAIN = "plain"
    THIN = "thin"
    REFUSING = "refusing"
    AWAY = "away"
    HASTY = "hasty"


@dataclass(frozen=True, slots=True)
class Case:
    """One order at each of ``venues``, all of them in one process, which is killed when each has reached the point.
    ``unlike``: exchanges where it is stored or ends otherwise."""

    point: str
    stored: Stored
    end: End
    venues: tuple[str, ...] = EXCHANGES
    setting: Setting = Setting.PLAIN
    stored_unlike: Mapping[str, Stored] = field(default_factory=dict)
    end_unlike: Mapping[str, End] = field(default_factory=dict)

    def __str__(self) -> str:
        where = self.venues[0] if len(self.venues) == 1 else len(self.venues)
        return f"{self.point}, {self.setting}, {where}".replace(" ", "-")


ACKNOWLEDGING = tuple(venue for venue in EXCHANGES if venue != "binance")
"""Binance's answer to an order tells its end and its trades: there is one step less."""

KILLED: tuple[Case, ...] = (
    Case("0 received", NOTHING, HERE),
    Case("1 accepted", NEW, HERE),
    Case("2 claimed", NEW, HERE),
    Case("3 before COMMIT", NEW, HERE, ("kraken",)),
    Case("3 after COMMIT", OPEN, filled(DEADLINE, TERMINAL), ("kraken",)),
    Case("4 journaled", OPEN, filled(DEADLINE, TERMINAL), end_unlike=FIRI_PARKS),
    Case(
        "4 journaled",
        OPEN,
        End(IntentState.REJECTED, EndReason.EXPIRED, (DEADLINE,)),
        ("binance", "kraken"),
        Setting.HASTY,
    ),
    Case("5 sent in part", OPEN, filled(DEADLINE, TERMINAL), end_unlike=FIRI_PARKS),
    Case("5 sent whole", OPEN, HERE),
    Case("6 venue accepted", OPEN, HERE),
    Case("7 venue rejected", OPEN, filled(DEADLINE, TERMINAL), EXCHANGES, Setting.REFUSING, end_unlike=FIRI_PARKS),
    Case("8 ack stored", WORKING, HERE, ACKNOWLEDGING),
    *(
        Case(point, WORKING, End(IntentState.DONE_SHORT, EndReason.CANCELLED, (TERMINAL,)), EXCHANGES, Setting.AWAY)
        for point in ("9 cancel sent in part", "9 cancel executed")
    ),
    *(
        Case(point, WORKING, filled(TERMINAL, TERMINAL), ("firi",), Setting.THIN)
        for point in ("9 cancel sent in part", "9 cancel executed")
    ),
    Case("10 terminal seen", WORKING, HERE, stored_unlike={"binance": OPEN}),
    *(
        Case("11 closed", CLOSED, filled(TERMINAL, TERMINAL), (venue,), Setting.THIN)
        for venue in ("binance", "kraken", "firi")
    ),
    Case("11 closed", REJECTED, filled(REJECT, TERMINAL), ("binance", "kraken", "firi"), Setting.REFUSING),
    Case("12 done", DONE, HERE),
)


@dataclass(frozen=True, slots=True)
class Full:
    """The disk is full from this point on: what the caller is told, and how the order ends on a disk with room."""

    point: str
    error: str
    placed: int
    end: End


FULL: tuple[Full, ...] = (
    Full("14 full at intake", "JournalFailed", 0, HERE),
    Full("14 full at sending", "OrderFateUnknown", 0, HERE),
    Full("14 full at the answer", "OrderFateUnknown", 1, HERE),
)


@dataclass(frozen=True, slots=True)
class Pause:
    """The process stands still at this point until the request's deadline is over, and goes on."""

    point: str
    venue: str
    end: End


PAUSED: tuple[Pause, ...] = (
    Pause("15 paused before its last look", "binance", filled(UNSENT, TERMINAL)),
    Pause("15 paused before its last look", "firi", filled(UNSENT, TERMINAL)),
    # Firi names no deadline, but its signature is valid for a short time only, and it promises a refusal afterwards.
    *(Pause("15 paused before the bytes", venue, filled(REJECT, TERMINAL)) for venue in ("binance", "kraken", "firi")),
)
