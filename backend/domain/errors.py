"""Typed errors. Each says what is wrong, where, and what to do next.

QuantumTraderError
├── InvalidOrder              the caller's order cannot be understood or can never be placed (nothing was sent)
├── IdempotencyConflict       the same order id was used for a different order
├── ConfigurationError        a setting, a chain or a name is wrong
│   ├── UnknownExchange       no such exchange
│   └── KeyCanWithdraw        a key that can do more than trade
├── MissingCredentials        a private call without keys
├── VenueCallFailed           a read at a venue gave no valid answer (never raised by a place)
│   └── VenueLimited          nothing was sent: the venue's limits leave no room for the call, or it shut us out
├── JournalError              the journal cannot be used: intake and sending stop
│   ├── JournalFailed         the disk failed it: nothing is stored any more, and the process has to end
│   ├── JournalLocked         another process holds it
│   ├── RestoreInterrupted    a restore stopped half way: nothing is opened or begun beside its traces
│   ├── NotSwept              a journal that was put back was not compared with every exchange yet
│   ├── IntentCancelled       the order is to be cancelled: no attempt of it is opened any more
│   ├── NoRoom                more of the order has executed by now than was known: the attempt would be too large
│   ├── OrderTaken            the order at the venue belongs to another attempt
│   ├── AccountHalted         an account takes no new orders until somebody acknowledges what happened there
│   ├── OverCap               the attempt does not fit under its venue's cap: it is not opened
│   └── JournalCorrupt        what it holds contradicts itself, or comes from a newer version
├── UnknownOrder              no order of that id in the journal
├── NothingToResolve          no attempt of the order waits for evidence
├── IllegalTransition         a state machine was asked for a step that its table does not list
├── OrderFateUnknown          something failed when an attempt may have been sent: repeat the same id only
├── RouterHalted              the journal was put back from a backup: somebody has to look first
├── RouterBusy                more orders at once than the router takes
└── RouterClosed              the router is shutting down or has stopped
"""

from __future__ import annotations


class QuantumTraderError(Exception):
    """Base of every error this package raises on purpose."""


class InvalidOrder(QuantumTraderError, ValueError):
    """The order is refused before anything is sent. ``field`` names the part at fault."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class IdempotencyConflict(QuantumTraderError):
    """An id identifies one order for ever: reuse with another body is refused. ``fields``: where it differs."""

    def __init__(self, intent_id: str, fields: tuple[str, ...] = ()) -> None:
        where = f" ({', '.join(fields)})" if fields else ""
        super().__init__(
            f"order id {intent_id!r} was already used for an order that differs from this one{where}; `quantum-trader "
            f"order show {intent_id}` tells what became of it. Nothing was sent now. To repeat that order say exactly "
            "the same; a new id would be a second order beside it"
        )
        self.intent_id = intent_id
        self.fields = fields


class ConfigurationError(QuantumTraderError, ValueError):
    """A setting is wrong; the message names the key, the value and what is accepted."""


class UnknownExchange(ConfigurationError):
    """A name that is no exchange of this program."""

    def __init__(self, name: object, known: tuple[str, ...]) -> None:
        super().__init__(f"unknown exchange {name!r}; known are: {', '.join(known)}")
        self.name = name


class KeyCanWithdraw(ConfigurationError):
    """A key that can take money away is no key for a program that trades."""

    def __init__(self, venue: str) -> None:
        super().__init__(
            f"{venue}: the configured key can withdraw, so it is refused and nothing is sent with it; make a key "
            "that can read and trade only, and configure that one"
        )
        self.venue = venue


class MissingCredentials(QuantumTraderError):
    """A private call without keys; the message names the settings to fill."""

    def __init__(self, venue: str, missing: tuple[str, ...]) -> None:
        super().__init__(f"{venue}: no {' and no '.join(missing)} configured; set {', '.join(missing)} for this venue")
        self.venue = venue
        self.missing = missing


class VenueCallFailed(QuantumTraderError):
    """A read (never a place) got no valid answer. ``not_sent`` is true when provably no byte left."""

    def __init__(self, venue: str, operation: str, problem: str, *, not_sent: bool = False) -> None:
        super().__init__(f"{venue} {operation}: {problem}")
        self.venue = venue
        self.operation = operation
        self.problem = problem
        self.not_sent = not_sent


class VenueLimited(VenueCallFailed):
    """Not sent: until ``until`` (epoch seconds) the venue refuses us, or our share of its limits is used up. Without
    ``lasting`` this passes soon, and says nothing of how the venue is."""

    def __init__(self, venue: str, operation: str, problem: str, *, until: float, lasting: bool = False) -> None:
        super().__init__(venue, operation, problem, not_sent=True)
        self.until = until
        self.lasting = lasting


class JournalError(QuantumTraderError):
    """The journal failed; nothing may be accepted or sent until it works again."""


class JournalFailed(JournalError):
    """A write, a commit or an fsync failed: what is on disk is unknown until the journal is opened again."""


class JournalLocked(JournalError):
    """Another process has this journal open."""


class JournalCorrupt(JournalError):
    """The journal contradicts itself or was written by a newer version."""


class RestoreInterrupted(JournalError):
    """A restore stopped half way, or the journal was taken from its place: what is there must not be opened, and an
    empty journal not begun."""


class NotSwept(JournalError):
    """A journal that was put back goes on only when every exchange was looked at for orders that it has forgotten."""

    def __init__(self, venues: tuple[str, ...]) -> None:
        super().__init__(
            f"not looked at since the journal was put back: {', '.join(venues) or 'any exchange'}. Run `quantum-trader"
            " journal orphans`, with the keys of every exchange and no router running, see to what it finds, then"
            " confirm. Where that cannot be: compare by hand, and confirm with --unswept"
        )
        self.venues = venues


class IntentCancelled(JournalError):
    """A cancel was stored before this attempt: it is not opened, and nothing may be sent for it."""

    def __init__(self, intent_id: str) -> None:
        super().__init__(f"order {intent_id!r} is to be cancelled: no attempt of it is opened any more")
        self.intent_id = intent_id


class NoRoom(JournalError):
    """Late evidence has taken the room of this attempt while it was decided: it is not opened, and nothing may be sent
    for it."""


class OverCap(JournalError):
    """The journal's own sums leave no room for the attempt: it is not opened, and nothing may be sent for it."""

    def __init__(self, venue: str, notional: object, cap: object) -> None:
        super().__init__(f"{notional} more would exceed the cap of {cap} at {venue}")


class OrderTaken(JournalError):
    """The order at the venue belongs to another attempt: it cannot be this one's."""


class AccountHalted(JournalError):
    """Something executed on this account that must not have: no attempt is opened there until that is acknowledged."""

    def __init__(self, venue: str, problem: str) -> None:
        super().__init__(
            f"{venue} takes no new orders: {problem}; look at the account, then `quantum-trader journal acknowledge`"
        )
        self.venue = venue


class UnknownOrder(QuantumTraderError):
    """No order of that id is in the journal."""

    def __init__(self, intent_id: str) -> None:
        super().__init__(
            f"no order {intent_id!r} in the journal; `quantum-trader order list` shows those that are there"
        )
        self.intent_id = intent_id


class NothingToResolve(QuantumTraderError):
    """No attempt of the order waits for evidence: there is nothing to say a word about."""

    def __init__(self, intent_id: str, state: str) -> None:
        super().__init__(f"order {intent_id!r} has nothing to resolve: it is {state}")
        self.intent_id = intent_id


class IllegalTransition(QuantumTraderError):
    """A step that the transition table does not list."""

    def __init__(self, kind: str, identity: str, source: str, target: str) -> None:
        super().__init__(f"{kind} {identity}: {source} -> {target} is not a legal step")


class OrderFateUnknown(QuantumTraderError):
    """Something failed on the way, and the order may have been sent. The journal has it and the router goes on with it.

    Repeat with the *same* id to learn its fate; a new id could execute it twice. ``cause`` is what failed.
    """

    def __init__(self, intent_id: str, cause: Exception) -> None:
        super().__init__(
            f"order {intent_id!r} may have been sent when this failed: {cause!r}; "
            "repeat the same id to learn its fate, a new id could execute it twice"
        )
        self.intent_id = intent_id
        self.cause = cause


class RouterClosed(QuantumTraderError):
    """The router takes no orders any more."""


class RouterHalted(QuantumTraderError):
    """The journal was put back from a backup: nothing is accepted or sent before somebody has looked and said so."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the journal is halted ({why}): compare it with the exchanges (docs/operating/restore.md), "
            "`quantum-trader journal orphans` first, then `quantum-trader journal confirm`"
        )


class RouterBusy(QuantumTraderError):
    """The bound on orders in flight is reached; nothing was stored. Repeat with the same id later."""
