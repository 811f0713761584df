"""What each venue's folder provides: its facts as data, and a dialect that turns its requests into answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Protocol

from backend.emulator.books import BookShape
from backend.emulator.limits import Throttle
from backend.emulator.market import EmulatedBounds, FeeRule, Market
from backend.emulator.matching import Engine
from backend.emulator.orders import NewOrder, Order, Reason
from backend.emulator.wire import JSON_TYPE, Answer, Endpoint, Headers, Request

BAN_UNTIL_MS = "@ban-until-ms@"
BAN_S = 120
RETRY_AFTER = "Retry-After"
DEFAULT_BOUNDS = EmulatedBounds()


class Mode(StrEnum):
    """States in which a venue answers but does not trade as usual."""

    MAINTENANCE = "maintenance"
    CANCEL_ONLY = "cancel_only"
    POST_ONLY = "post_only"


@dataclass(frozen=True, slots=True)
class VenueError:
    """One documented error answer. ``definite``: the documents promise that an order answered so was not executed."""

    status: int
    body: str
    definite: bool
    content_type: str = JSON_TYPE
    headers: Headers = ()

    def answer(self, now: float, wait_s: float | None = None) -> Answer:
        """The answer as it looks at ``now``: a body may carry the end of a ban.

        ``wait_s``: how long the caller really has to wait, told where this answer tells such a time at all.
        """
        until = now + (BAN_S if wait_s is None else wait_s)
        headers = self.headers
        if wait_s is not None:
            whole = str(max(1, math.ceil(wait_s)))
            headers = tuple((name, whole if name == RETRY_AFTER else value) for name, value in headers)
        body = self.body.replace(BAN_UNTIL_MS, str(round(until * 1000)))
        return Answer(self.status, body.encode(), self.content_type, headers)


class Refused(Exception):
    """The gateway refuses the request with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body.decode(errors="replace"))
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Submission:
    """An order that passed the gateway and is on its way to the engine.

    ``not_after`` (epoch seconds) is checked once more when it is handed to the engine. The functions make the answers.
    """

    order: NewOrder
    not_after: float | None
    too_late: Callable[[float], Answer]
    accepted: Callable[[Order, float], Answer]
    refused: Callable[[Reason, float], Answer]


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A cancel that passed the gateway and is on its way to the engine, behind the orders that came before it.

    ``find`` gives the orders that it names, as look-ups know them when its turn comes; the engine cancels those that
    are open. ``answer`` makes the answer from what was cancelled, which may be nothing. ``not_after`` and ``too_late``
    are those of an order, where the venue checks the deadline of a cancel twice as well; they come together.

    Whether a real venue's cancel passes the same queue as its places is unverified: this is the worse case, in which an
    answer takes as long as the engine stalls. A cancel of an order that took effect and is not visible yet finds
    nothing, as a look-up does; what the real venues do then is unverified.
    """

    find: Callable[[float], Sequence[Order]]
    answer: Callable[[Sequence[Order], float], Answer]
    not_after: float | None = None
    too_late: Callable[[float], Answer] | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Several orders, or several cancels, of one request: they reach the engine together and get one answer.

    ``parts`` is not empty, and they share one ``not_after``. ``joined`` makes the answer of theirs, in their order.
    """

    parts: Sequence[Submission | Cancellation]
    joined: Callable[[Sequence[Answer], float], Answer]


Served = Answer | Submission | Cancellation | Batch


class Dialect(Protocol):
    """One venue's protocol. It keeps no time: ``now`` is epoch seconds of the emulated clock."""

    def route(self, request: Request) -> Endpoint | None:
        """What the request is for; None if the venue has no such path."""
        ...

    def serve(self, request: Request, now: float, mode: Mode | None) -> Served:
        """Check and answer a routed request, or pass orders on. Raises Refused."""
        ...

    def unknown(self, request: Request, now: float) -> Answer:
        """The venue's own kind of 404."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """A request that passed authentication, as the handlers of a dialect see it."""

    request: Request
    fields: Mapping[str, str]
    now: float
    mode: Mode | None
    not_after: float | None = None  # the last moment at which the engine may take an order of this call

    def get(self, name: str) -> str:
        """The value of a parameter; empty when it is absent."""
        return self.fields.get(name, "")


# api_key, secret, and passphrase or client_id where the venue has one, named as the router's settings name them;
# permissions: "trade" (also when absent) or "trade,withdraw"
Keys = Mapping[str, str]


def may_withdraw(keys: Keys) -> bool:
    """Does the key allow to take money away?"""
    return "withdraw" in keys.get("permissions", "trade").split(",")


@dataclass(frozen=True, slots=True)
class VenueKind:
    """Everything generic code needs to know of a venue, as data and constructors."""

    name: str
    markets: Sequence[Market]
    fees: FeeRule
    balances: Mapping[str, str]  # what the account starts with
    shape: BookShape
    errors: Mapping[str, VenueError]
    modes: frozenset[Mode]
    new_keys: Callable[[Callable[[int], bytes]], Keys]  # from a source of random bytes
    order_id: Callable[[int, Random], str]
    trade_id: Callable[[int, Random], str]
    dialect: Callable[[Engine, Keys], Dialect]
    bounds: EmulatedBounds = DEFAULT_BOUNDS
    throttle: Throttle | None = None  # how it answers too many requests, where its documents say so
    port: int = 0  # its place in the row of fixed ports, from 1; those without one come last, by name
