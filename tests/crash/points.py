"""Where a router process can be made to die: the crash points of the protocol (2.7) as places in the code.

A point is a call of one of the router's ports, before it is made or after it has returned, or the journal's COMMIT. The
ports are watched by the names of their methods, so that what passes through them may change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.records import IntentRecord

NUMBERS = frozenset({*range(13), 14, 15})
"""The points of protocol 2.7. 13 is about a database that fails over: there is none yet."""


class Port(StrEnum):
    JOURNAL = "journal"
    DATABASE = "database"
    ADAPTER = "adapter"
    TRANSPORT = "transport"


class Act(StrEnum):
    """What happens at the point. HANG: nothing more, for ever. PART: all bytes of the request but the last leave first.
    WHOLE: all of them do, and the answer is never read. FULL: from here on the journal's file cannot grow, and the work
    goes on. FREEZE: the whole process stands still until it is told that it was stopped."""

    HANG = "hang"
    PART = "part"
    WHOLE = "whole"
    FULL = "full"
    FREEZE = "freeze"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a port. ``doing``: the method of the adapter on whose behalf. ``result``: None before the call."""

    port: Port
    method: str
    after: bool
    doing: str = ""
    args: tuple[object, ...] = ()
    given: Mapping[str, object] = field(default_factory=dict)
    result: object = None


def always(call: Call) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Point:
    port: Port
    method: str
    after: bool
    when: Callable[[Call], bool] = always
    act: Act = Act.HANG

    def reached(self, call: Call) -> bool:
        return (self.port, self.method, self.after) == (call.port, call.method, call.after) and self.when(call)


def _to(*states: AttemptState | IntentState) -> Callable[[Call], bool]:
    """A step to one of these states."""
    return lambda call: len(call.args) > 1 and call.args[1] in states


def _doing(method: str) -> Callable[[Call], bool]:
    return lambda call: call.doing == method


def _with_fills(call: Call) -> bool:
    return _to(AttemptState.WORKING)(call) and bool(call.given.get("fills"))


def _terminal(call: Call) -> bool:
    return call.given.get("proof") is Proof.TERMINAL_STATE


def _more_to_do(call: Call) -> bool:
    ended = _to(AttemptState.CLOSED, AttemptState.REJECTED)(call)
    return ended and isinstance(call.result, IntentRecord) and call.result.remaining > 0


def _send(doing: str, act: Act = Act.HANG, *, after: bool = False) -> Point:
    return Point(Port.TRANSPORT, "send", after, _doing(doing), act)


def _step(when: Callable[[Call], bool], *, after: bool = True) -> Point:
    return Point(Port.JOURNAL, "step_attempt", after, when)


POINTS: Mapping[str, Point] = {
    "0 received": Point(Port.JOURNAL, "accept", after=False),
    "1 accepted": Point(Port.JOURNAL, "accept", after=True),
    "2 claimed": Point(Port.ADAPTER, "balances", after=False),
    "3 before COMMIT": Point(Port.DATABASE, "COMMIT", after=False),
    "3 after COMMIT": Point(Port.DATABASE, "COMMIT", after=True),
    "4 journaled": _send("_place"),
    "5 sent in part": _send("_place", Act.PART),
    "5 sent whole": _send("_place", Act.WHOLE),
    "6 venue accepted": _send("_place", after=True),
    "7 venue rejected": _send("_place", after=True),
    "8 ack stored": _step(_to(AttemptState.WORKING)),
    "8 part booked": _step(_with_fills),
    "9 cancel sent in part": _send("cancel_order", Act.PART),
    "9 cancel executed": _send("cancel_order", after=True),
    "10 terminal seen": _step(_terminal, after=False),
    "11 closed": _step(_more_to_do),
    "12 done": Point(Port.JOURNAL, "step_intent", after=True, when=_to(IntentState.DONE)),
    "14 full at intake": Point(Port.JOURNAL, "accept", after=False, act=Act.FULL),
    "14 full at sending": Point(Port.JOURNAL, "open_attempt", after=False, act=Act.FULL),
    "14 full at the answer": _send("_place", Act.FULL, after=True),
    "15 paused before its last look": Point(Port.JOURNAL, "open_attempt", after=True, act=Act.FREEZE),
    "15 paused before the bytes": _send("_place", Act.FREEZE),
    "recovery: taken up": _step(_to(AttemptState.UNKNOWN)),
}
"""By name: the number of the point, and which side of it."""


def number_of(name: str) -> int | None:
    """The point's number in protocol 2.7; None for places of a recovery."""
    number = name.partition(" ")[0]
    return int(number) if number.isdigit() else None
