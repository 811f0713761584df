"""An operator's word about an order that waits for evidence: audited, and the last resort."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from backend.domain.errors import InvalidOrder, NothingToResolve, UnknownOrder
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.money import ZERO, plain
from backend.domain.orders import Fill
from backend.domain.records import Attempt, IntentRecord
from backend.policies.horizon import GHOST_S
from backend.policies.late import own_fills, traded
from backend.policies.reroute import ending
from backend.ports.clock import Clock
from backend.ports.journal import Journal


@dataclass(frozen=True, slots=True)
class Word:
    """What the operator saw at the venue: how much the order executed there in all (zero: nothing beyond what is
    booked), and how that is known."""

    filled: Decimal
    reason: str


def check_word(record: IntentRecord, word: Word) -> Attempt:
    """The attempt that the word is about: the first that is open. Raises NothingToResolve, InvalidOrder for a word that
    cannot be."""
    attempt = record.open_attempt
    if attempt is None:
        raise NothingToResolve(record.intent.id, record.state.value)
    if not word.reason.strip():
        raise InvalidOrder("reason", "say how you know it: the reason is kept in the journal")
    asked, booked = attempt.order.quantity, attempt.filled
    if not word.filled.is_finite() or not ZERO <= word.filled <= asked:
        raise InvalidOrder(
            "filled", f"{plain(word.filled)} is not between 0 and {plain(asked)}, what the attempt asked for"
        )
    if ZERO < word.filled < booked:
        raise InvalidOrder(
            "filled",
            f"{plain(booked)} of it is booked already, by the exchange's own word; say all that it executed, which"
            f" cannot be only {plain(word.filled)}, or 0 (dead) for nothing beyond that",
        )
    return attempt


async def resolve(
    journal: Journal,
    clock: Clock,
    intent_id: str,
    word: Word,
    taken: Callable[[IntentRecord], None] = lambda _: None,
) -> IntentRecord:
    """Closes the open attempt (the first, where a relief leg has one too) by the operator's word, and ends the order
    when it was the last; nothing is sent, also not by a process that finds it half done. The fill is provisional, at
    the order's own limit, the worst that it can have been; the venue's trades, or its word that it ended with less,
    replace it when they come. The reservation stays for a while, in which the order is looked for on. ``taken`` is told
    of the record when the word is stored, whether or not the rest fails.

    Raises UnknownOrder, NothingToResolve, InvalidOrder for a word that cannot be, JournalError.
    """
    record = await journal.get(intent_id)
    if record is None:
        raise UnknownOrder(intent_id)
    attempt = check_word(record, word)
    record = await journal.step_attempt(
        attempt.id,
        AttemptState.CLOSED,
        now=clock.now(),
        proof=Proof.OPERATOR,
        evidence=f"operator: {word.reason.strip()}",
        settled_by="operator",
        fills=_fills(record, attempt, word.filled, clock.now()),
        ghost_until=clock.now() + GHOST_S,
    )
    taken(record)
    if record.open_attempts:
        return record
    if record.state is IntentState.PARKED:
        record = await journal.step_intent(intent_id, IntentState.ACTIVE, now=clock.now())
    expired, cancelled = clock.now() >= record.valid_until, record.cancel_requested_at is not None
    state, reason = ending(record, (), expired=expired, cancelled=cancelled)
    return await journal.step_intent(intent_id, state, now=clock.now(), reason=reason)


def _fills(record: IntentRecord, attempt: Attempt, filled: Decimal, now: float) -> tuple[Fill, ...]:
    """What the word adds to the trades that are booked. A total that is booked gives way to it."""
    order = attempt.order
    more = filled - traded(own_fills(record, attempt))
    if filled == ZERO or more <= ZERO:
        return ()
    number = attempt.venue_order_id or f"unknown:{attempt.id}"
    trade = f"operator:{plain(filled)}"
    return (Fill(order.venue, order.symbol, number, trade, order.side, more, order.price, at=now, provisional=True),)
