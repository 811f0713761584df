"""What an answer to a place proves. Decided from the HTTP fact and the venue's table, never from an exception class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from backend.domain.orders import OrderReport
from backend.domain.outcomes import Accepted, CancelState, Evidence, Outcome, ProvenNotExecuted, Unknown
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.integrations.exchanges.shared.http_fact import HttpFact
from backend.ports.transport import TransportFault

Key = tuple[int | None, str | None, str | None]
"""HTTP status, venue code, exact message; None stands for any."""


@dataclass(frozen=True, slots=True)
class Row:
    """What an answer proves of the order, what it says of the venue's health, and where that is known from."""

    proves: RejectReason | UnknownReason
    health: HealthClass
    source: str


Table = Mapping[Key, Row]

CancelTable = Mapping[tuple[str, str | None], CancelState]
"""What an error answer to a cancel says of the order, by venue code and exact message; None stands for any message."""


@dataclass(frozen=True, slots=True)
class VenueError:
    """One error of an answer, by its structured code. ``text`` is the venue's own full wording, for people."""

    code: str
    message: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class PlaceAnswer:
    """What the venue's reading found in an answer to a place. An empty ``order_id`` is no acceptance."""

    errors: tuple[VenueError, ...] = ()
    order_id: str = ""
    report: OrderReport | None = None


FAULT_REASONS: Mapping[TransportFault, UnknownReason] = {
    TransportFault.TIMEOUT: UnknownReason.TIMEOUT,
    TransportFault.BROKEN_ANSWER: UnknownReason.BROKEN_ANSWER,
}


def classify(fact: HttpFact, answer: PlaceAnswer, table: Table) -> Outcome:
    """The outcome of a place. Raises nothing; whatever no row proves is Unknown."""
    evidence = evidence_of(fact, answer.errors)
    if fact.status is None:
        if not fact.headers_written:
            return ProvenNotExecuted(RejectReason.NOT_SENT, evidence, HealthClass.FAILED)
        reason = UnknownReason.CONNECTION_LOST if fact.fault is None else FAULT_REASONS.get(fact.fault)
        return Unknown(reason or UnknownReason.CONNECTION_LOST, evidence)
    if answer.order_id and answer.errors:
        # An order id beside an error contradicts itself: only a look-up can tell.
        return Unknown(UnknownReason.UNLISTED, evidence)
    if fact.success and answer.order_id:
        return Accepted(answer.order_id, evidence, answer.report)
    if fact.success and not answer.errors:
        return Unknown(UnknownReason.NO_ORDER_ID, evidence)
    return _by_table(fact.status, answer.errors, table, evidence)


def _by_table(status: int, errors: Sequence[VenueError], table: Table, evidence: Evidence) -> Outcome:
    """Several errors prove something only when each of them does."""
    rows = [row_of(status, error, table) for error in errors or (None,)]
    for row in rows:
        if row is None or isinstance(row.proves, UnknownReason):
            reason = _unlisted(status) if row is None else row.proves
            health = HealthClass.UNKNOWN if row is None else row.health
            return Unknown(UnknownReason(reason), evidence, health)
    first = rows[0]
    if first is None or not isinstance(first.proves, RejectReason):
        return Unknown(UnknownReason.UNLISTED, evidence)
    return ProvenNotExecuted(first.proves, evidence, first.health)


def row_of(status: int, error: VenueError | None, table: Table) -> Row | None:
    """The most particular row; but a row that says "unknown" wins over every one that proves something.

    A server error (5xx) is proof only by a row of that very status.
    """
    rows = [table[key] for key in keys_of(status, error) if key in table]
    doubts = [row for row in rows if isinstance(row.proves, UnknownReason)]
    particular = rows[0] if rows else None
    if particular is None or not doubts or _more_particular(status, error, table, particular):
        return particular
    return doubts[0]


def _more_particular(status: int, error: VenueError | None, table: Table, row: Row) -> bool:
    """Is this the row of the exact message, which speaks of this very case?"""
    exact = {(status, error.code, error.message), (None, error.code, error.message)} if error is not None else set()
    return any(table.get(key) is row for key in exact)


def keys_of(status: int, error: VenueError | None) -> Iterator[Key]:
    """The keys an answer may be listed under, the most particular first: rows of its status, then of any status."""
    if error is not None:
        yield (status, error.code, error.message)
        yield (status, error.code, None)
    yield (status, None, None)
    if error is not None and not 500 <= status <= 599:
        yield (None, error.code, error.message)
        yield (None, error.code, None)


def cancel_state(errors: Sequence[VenueError], table: CancelTable) -> CancelState | None:
    """What the errors of an answer to a cancel say of the order; None: nothing.

    One that says that the order was there outweighs all others. "No such order" takes every one of them.
    """
    told = [table.get((error.code, error.message)) or table.get((error.code, None)) for error in errors]
    for state in (CancelState.ENDED, CancelState.NOT_OPEN):
        if state in told:
            return state
    known = [state for state in told if state is not None]
    if not known:
        return None
    return CancelState.NO_SUCH_ORDER if len(known) == len(told) else CancelState.NOT_OPEN


def _unlisted(status: int) -> UnknownReason:
    return UnknownReason.SERVER_ERROR if 500 <= status <= 599 else UnknownReason.UNLISTED


def evidence_of(fact: HttpFact, errors: Sequence[VenueError] = ()) -> Evidence:
    """The fact without anything secret: codes and the venue's own wording, or the kind and size of a strange body."""
    message = "; ".join(error.text or error.message for error in errors) or fact.detail
    if not message and fact.status is not None and not fact.success:
        kind = next((value for name, value in fact.headers.items() if name.lower() == "content-type"), "no type")
        message = f"{kind}, {len(fact.body)} bytes"
    return Evidence(
        headers_written=fact.headers_written,
        status=fact.status,
        code=", ".join(error.code for error in errors) or (fact.fault.value if fact.fault else ""),
        message=message,
    )
