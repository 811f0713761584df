"""Whose account takes no new orders, from which step on, and until whose word.

Each function is part of a unit of work of ``store``: a halt stands with the fill that shows why.
"""

from __future__ import annotations

import sqlite3

from backend.domain.records import Attempt, IntentRecord
from backend.integrations.journal import chain, exposure
from backend.integrations.journal.fills import ACCOUNT
from backend.policies.horizon import GHOST_S
from backend.policies.late import at_fault, bound_broken


def judge(
    db: sqlite3.Connection, record: IntentRecord, stepped: Attempt, now: float, *, booked: bool, late: bool, lives: bool
) -> None:
    """Halts the account of an attempt that lives or executes after it was proven dead: whatever bound that proof rested
    on does not hold there. And, when more executed than was asked for, those of the attempts whose proofs were wrong:
    not the one of the attempt that happened to execute last, as it had to."""
    name = record.intent.id
    if late and (booked or lives) and bound_broken(stepped):
        problem = f"order {name} was proven dead there ({stepped.proof}), and was not: it executed {stepped.filled}"
        told = {"venues": [stepped.venue], "proof": stepped.proof, "attempt_filled": stepped.filled, "problem": problem}
        chain.append(db, now, "account_halted", name, stepped.id, told)
        exposure.halt(db, stepped, ACCOUNT, now, problem)
    if booked and (record.filled > record.intent.most or stepped.filled > stepped.order.quantity):
        wrong = at_fault(record, stepped)
        problem = f"order {name} executed {record.filled} of {record.intent.quantity}"
        excess = {
            "filled": record.filled,
            "attempt_filled": stepped.filled,
            "venues": [one.venue for one in wrong],
            "problem": problem,
        }
        chain.append(db, now, "over_executed", name, stepped.id, excess)
        for one in wrong:
            exposure.halt(db, one, ACCOUNT, now, problem)


def acknowledge(db: sqlite3.Connection, venue: str, *, word: str, now: float) -> int:
    """Ends the halts of a venue's account by somebody's word; returns how many there were. Whoever says so has looked
    at the account: what was seen there and never told its end is not waited for any longer than other ghosts."""
    until = now + GHOST_S
    freed = exposure.let_go(db, venue, until)
    ended = db.execute(
        "UPDATE halt SET acknowledged_at = ?, word = ? WHERE venue = ? AND acknowledged_at IS NULL", (now, word, venue)
    ).rowcount
    if ended or freed:
        told = {"venue": venue, "word": word, "ghosts_until": until}
        chain.append(db, now, "halt_acknowledged", "", None, told)
    return ended
