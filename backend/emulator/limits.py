"""How a venue limits requests: the words for it, the limits as data, and the counting.

A limit counts units in fixed windows of the clock, or in a counter that runs empty steadily. What the real venues do
beyond that (limits per pair, weights that depend on parameters) is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from backend.emulator.wire import Endpoint, Headers


class Tell(StrEnum):
    """What a header tells about a limit."""

    USED = "used"
    LEFT = "left"
    MOST = "most"
    RESET_AT_MS = "reset at"  # epoch milliseconds
    RESET_IN_MS = "reset in"  # milliseconds from now


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` units: in each window of ``window_s``, or in a counter that loses ``decay_per_s``.

    ``units``: what a request to an endpoint costs. Endpoints that are not named neither count nor see the headers.
    ``answer``: the name, in the venue's table of errors, of the answer to a request that is too much.
    """

    answer: str
    most: int
    units: Mapping[Endpoint, int]
    window_s: float = 0.0
    decay_per_s: float = 0.0
    headers: tuple[tuple[str, Tell], ...] = ()


@dataclass(frozen=True, slots=True)
class Throttle:
    """How a venue answers too many requests; all names are those of its table of errors.

    ``limited``: the usual answer. ``orders``: the one to too many orders, where it differs. ``banned``: the answer to
    whoever goes on, for ``ban_s``, except at the endpoints in ``spared``; None where no ban is documented.
    ``ban_after``: how many requests in a row are refused until the ban (no venue tells its number).
    """

    limited: str
    orders: str | None = None
    banned: str | None = None
    ban_s: float = 120.0
    ban_after: int = 20
    spared: frozenset[Endpoint] = frozenset()
    limits: Sequence[Limit] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the limits say to a request. ``over``: the limit that refuses it; then it has to wait for ``wait_s``."""

    headers: Headers = ()
    over: Limit | None = None
    wait_s: float = 0.0
    ban: bool = False


@dataclass(slots=True)
class _Meter:
    limit: Limit
    used: float = 0.0
    at: float = field(default=-math.inf)  # the beginning of the window, or the last look

    def look(self, now: float) -> None:
        """Forget what is over by ``now``."""
        if self.limit.window_s:
            began = now // self.limit.window_s * self.limit.window_s
            if began > self.at:
                self.used, self.at = 0.0, began
        elif now > self.at:
            self.used = max(0.0, self.used - (now - self.at) * self.limit.decay_per_s) if self.used else 0.0
            self.at = now

    def wait_s(self, units: int, now: float) -> float:
        """How long until there is room for ``units``."""
        if self.limit.window_s:
            return self.at + self.limit.window_s - now
        return (self.used + units - self.limit.most) / self.limit.decay_per_s

    def headers(self, now: float) -> Headers:
        """What the venue tells about this limit."""
        left = max(0, self.limit.most - math.ceil(self.used))
        reset_s = max(0.0, self.wait_s(self.limit.most, now))
        told = {
            Tell.USED: math.ceil(self.used),
            Tell.LEFT: left,
            Tell.MOST: self.limit.most,
            Tell.RESET_AT_MS: round((now + reset_s) * 1000),
            Tell.RESET_IN_MS: round(reset_s * 1000),
        }
        return tuple((name, str(told[tell])) for name, tell in self.limit.headers)


class Limiter:
    """Counts the requests to one venue. A request that is refused uses nothing up."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._meters = [_Meter(limit) for limit in throttle.limits]
        self._refused = 0

    def take(self, endpoint: Endpoint | None, now: float) -> Verdict:
        """Count a request that comes at ``now``, or refuse it."""
        if endpoint is None:
            return Verdict()
        meters = [(meter, meter.limit.units[endpoint]) for meter in self._meters if endpoint in meter.limit.units]
        for meter, _ in meters:
            meter.look(now)
        over = next(((meter, units) for meter, units in meters if meter.used + units > meter.limit.most), None)
        if over is None:
            self._refused = 0
            for meter, units in meters:
                meter.used += units
        headers = tuple(header for meter, _ in meters for header in meter.headers(now))
        if over is None:
            return Verdict(headers)
        self._refused += 1
        ban = self._throttle.banned is not None and self._refused > self._throttle.ban_after
        if ban:
            self._refused = 0
        meter, units = over
        return Verdict(headers, meter.limit, meter.wait_s(units, now), ban)
