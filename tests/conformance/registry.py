"""The cases: numbered functions with a group, one sentence each, and what a venue must offer for them to apply.

A case that does not apply is explained, not skipped: it runs all the same and must fail, so an explanation that is not
true any more is found out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from backend.emulator.registry import KINDS
from backend.integrations.exchanges.factory import RULES
from tests.conformance.desk import Desk
from tests.conformance.differences import DIFFERENCES
from tests.conformance.needs import Explanation, Need, missing

VENUES = tuple(venue for venue in RULES if venue in KINDS)
"""Every venue that has both an adapter and an emulation."""

Body = Callable[[Desk], Awaitable[None]]


class Group(StrEnum):
    HEALTH = "Health"
    MARKETS = "Markets"
    AMOUNTS = "Amounts"
    ORDERS = "Orders"
    IDENTITY = "Identity and look-up"
    CANCELS = "Cancels"
    MONEY = "Trades and balances"
    TIME = "Deadlines and clocks"
    KEYS = "Keys"
    REFUSALS = "Refusals and outcome classes"
    MODES = "Restricted modes"
    NETWORK = "Broken connections"
    ANSWERS = "Malformed answers"
    ROUTER = "Router"
    FAULTS = "Storms, lies and delays"


@dataclass(frozen=True, slots=True)
class Case:
    number: str
    group: Group
    title: str
    body: Body
    needs: tuple[Need, ...]

    def explanation(self, venue: str) -> Explanation | None:
        """Why the case does not apply at the venue; None where it does."""
        return DIFFERENCES.get((venue, self.number)) or missing(venue, self.needs)


CASES: dict[str, Case] = {}


def case(number: int, group: Group, *needs: Need, title: str | None = None) -> Callable[[Body], Body]:
    """Registers a case. Its title is the first line of its docstring, unless one is given."""

    def registered(body: Body) -> Body:
        name, said = f"C{number:02}", title or (body.__doc__ or "").splitlines()[0]
        if name in CASES:
            raise ValueError(f"{name} is taken by {CASES[name].title!r}")
        CASES[name] = Case(name, group, said, body, needs)
        return body

    return registered
