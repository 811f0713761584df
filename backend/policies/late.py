"""What follows when an attempt that had ended shows all the same. Pure decisions: values in, a value out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from backend.domain.lifecycle import Proof
from backend.domain.money import ZERO, plain
from backend.domain.orders import Fill, OrderReport
from backend.domain.records import Attempt, Ghost, IntentRecord

WATCHED = frozenset({Proof.DEADLINE, Proof.OPERATOR})
"""The proofs that rest on somebody keeping a word: what ended by one is looked for on."""

OF_THE_VENUE = frozenset({Proof.DEADLINE, Proof.DEFINITE_REJECT, Proof.NOT_SENT})
"""The proofs that say "nothing executed" by the venue's own rules and bounds. An execution shows that those do not
hold; an operator who was wrong says nothing about the venue."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What is to be booked of an ended attempt. ``settled``: the venue has told its end with every trade, so these
    fills are all of it; otherwise it is looked at until that is so, however long it takes. ``lives``: it may execute
    on."""

    fills: tuple[Fill, ...]
    settled: bool
    lives: bool


def own_fills(record: IntentRecord, attempt: Attempt) -> tuple[Fill, ...]:
    """What is booked for an attempt: an order has one at a venue."""
    return tuple(fill for fill in record.fills if fill.venue == attempt.venue)


def traded(fills: Iterable[Fill]) -> Decimal:
    """What is known by trades, and not by somebody's word or a total."""
    return sum((fill.quantity for fill in fills if not fill.provisional), ZERO)


def sight(ghost: Ghost, report: OrderReport, trades: tuple[Fill, ...] | None, now: float) -> Sight | None:
    """What a report about a ghost changes; None: nothing. ``trades``: every trade of it; None while those that are
    visible do not add up to what the report says: then the difference is booked as a total, which they replace."""
    attempt, lives = ghost.attempt, not report.status.terminal
    own = own_fills(ghost.record, attempt)
    if lives:
        # It may have executed as much as somebody has said, or will: only its end takes anything back.
        more = report.filled > attempt.filled
        fills = (_total(attempt, report, own, now) if trades is None else trades) if more else ()
        return Sight(fills, settled=False, lives=True) if fills or not ghost.seen else None
    if trades is None:
        fills = _total(attempt, report, own, now)
        news = report.filled != attempt.filled and (fills or not ghost.seen)
        return Sight(fills, settled=False, lives=False) if news else None
    changed = any(fill.provisional for fill in own) or traded(own) != sum((one.quantity for one in trades), ZERO)
    return Sight(trades, settled=True, lives=False) if changed or ghost.seen else None


def _total(attempt: Attempt, report: OrderReport, own: tuple[Fill, ...], now: float) -> tuple[Fill, ...]:
    """What the venue says beyond its trades that are booked, at the order's own limit: the worst that it can be."""
    order, missing = attempt.order, report.filled - traded(own)
    if missing <= ZERO:
        return ()
    trade = f"late:{plain(report.filled)}"
    number = report.venue_order_id
    return (Fill(order.venue, order.symbol, number, trade, order.side, missing, order.price, at=now, provisional=True),)


def bound_broken(attempt: Attempt) -> bool:
    """It was proven dead by its venue's own rules or bounds. Asked when it has shown all the same."""
    return attempt.proof in OF_THE_VENUE


def at_fault(record: IntentRecord, stepped: Attempt) -> tuple[Attempt, ...]:
    """Of an intent that executed too much: the attempts that executed although they had been proven dead or declared
    so, and those that executed more than they asked for. The one that executed last, if it is none of them, only did
    what it was sent for. ``stepped``: the last one, for want of any other."""
    wrong = [one for one in record.attempts if one.filled > one.order.quantity or _was_not_dead(record, one)]
    return tuple(wrong) or (stepped,)


def _was_not_dead(record: IntentRecord, attempt: Attempt) -> bool:
    by_word = attempt.proof is Proof.OPERATOR and traded(own_fills(record, attempt)) > ZERO
    return by_word or (bound_broken(attempt) and attempt.filled > ZERO)


def too_much(record: IntentRecord) -> tuple[Attempt, ...]:
    """The open attempts that would bring more than what is left of what was given out: these have to leave. There are
    none before something executes that had been proven dead. The older ones stay first."""
    left = max(record.intent.quantity, sum((leg.quantity for leg in record.legs), ZERO)) - record.filled
    leaving = []
    for attempt in record.open_attempts:
        if attempt.unfilled > left:
            leaving.append(attempt)
        else:
            left -= attempt.unfilled
    return tuple(leaving)
