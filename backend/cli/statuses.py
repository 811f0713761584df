"""The one table of exit statuses, so that a script can tell what happened without reading a sentence.

Of an order only 0, 1 and 5 speak, and only when its own record says so. After anything else its id must be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from backend.domain.errors import (
    ConfigurationError,
    InvalidOrder,
    JournalFailed,
    JournalLocked,
    OrderFateUnknown,
    QuantumTraderError,
    RouterBusy,
    RouterClosed,
    RouterHalted,
    UnknownExchange,
    UnknownOrder,
)
from backend.domain.lifecycle import AttemptState, IntentState
from backend.domain.reasons import EndReason

OK = 0
FAILED = 1
"""An order: it ended short, or no exchange took it. Never that of an order which nobody could look at."""
USAGE = 2
"""The command line or the order makes no sense; nothing was sent."""
UNREACHABLE = 3
"""No router took the request: it cannot be reached, starts, stops, is halted or busy. Nothing was handed over now."""
CONFIGURATION = 4
REFUSED = 5
"""A limit of the settings refused the order; nothing was sent."""
UNKNOWN = 6
"""What became of the order is not known yet: repeat it with the same id, never with another."""
JOURNAL_FAILED = 7


class RouterRefused(QuantumTraderError):
    """The running router refused what was asked. ``code``: the name of its error."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class RouterUnreachable(QuantumTraderError):
    """The running router cannot be connected to: nothing was handed over."""


class RouterSilent(QuantumTraderError):
    """The running router was asked for something that it may have done, and gave no answer."""


_BY_NAME: Mapping[str, int] = {
    ConfigurationError.__name__: CONFIGURATION,
    InvalidOrder.__name__: USAGE,
    JournalFailed.__name__: JOURNAL_FAILED,
    OrderFateUnknown.__name__: UNKNOWN,
    RouterSilent.__name__: UNKNOWN,
    JournalLocked.__name__: UNREACHABLE,
    RouterBusy.__name__: UNREACHABLE,
    RouterClosed.__name__: UNREACHABLE,
    RouterHalted.__name__: UNREACHABLE,
    RouterUnreachable.__name__: UNREACHABLE,
    UnknownExchange.__name__: CONFIGURATION,
    UnknownOrder.__name__: USAGE,
}


def status_of_error(error: QuantumTraderError) -> int:
    """The same for an error of our own and for one that a running router names."""
    names = [error.code] if isinstance(error, RouterRefused) else [kind.__name__ for kind in type(error).__mro__]
    return next((_BY_NAME[name] for name in names if name in _BY_NAME), FAILED)


def status_of_lost_answer(error: QuantumTraderError) -> int:
    """Of an error in the place of an order's record: whatever it is, it is not the order's failure."""
    status = status_of_error(error)
    return UNKNOWN if status == FAILED else status


def status_of_order(document: Mapping[str, object], *, going_on: bool, cancelling: bool = False) -> int:
    """Of an order as a document: it is done, was cancelled as asked (``cancelling``: what may still be open is not), or
    goes on as it should (``going_on``); else why not."""
    state, reason, filled = document["state"], document["reason"], Decimal(str(document["filled"]))
    under_way = state in (IntentState.NEW, IntentState.ACTIVE)
    attempts = document.get("attempts")
    doubtful = isinstance(attempts, list) and any(one["state"] == AttemptState.UNKNOWN for one in attempts)
    if state == IntentState.DONE or (cancelling and reason == EndReason.CANCELLED):
        return OK
    if not under_way and state != IntentState.PARKED and filled >= Decimal(str(document["quantity"])):
        return OK  # it had ended short, by somebody's word or a proof, and executed all the same
    if under_way and going_on and not doubtful:
        return OK
    if under_way or state == IntentState.PARKED:
        return UNKNOWN
    return REFUSED if reason == EndReason.OVER_CAP and not filled else FAILED
