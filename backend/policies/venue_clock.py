"""How far a venue's clock is from ours, and how wrong that can be (protocol 2.4, step 4).

An answer of the time endpoint was made between the moments when we asked and when it came. So the offset, the venue's
clock minus our monotonic one, lies between "told minus received" and "told, plus what its resolution cuts off, minus
sent". Each answer gives such an interval; what all of them have in common is what is known, and half its width is the
error bound. Nothing here rests on our wall clock, so setting it does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from backend.domain.rules import DeadlineClass, VenueRules

CLOCK_ERROR_MAX_S = 0.25
"""With a larger error bound a venue that checks deadlines gets no order (protocol 2.4, step 4)."""

AIMED_AT_S = 0.2
"""How narrow the bound is made once it has to be narrowed: below the limit, so that it may age for a while."""

AIMED_SAMPLES_MAX = 4
"""Whole seconds and a round trip of r leave a width of 1 + r; each aimed sample leaves half of it plus half of r. Four
bring any r up to 0.4 s below the limit, two an ordinary one."""

DRIFT = 500e-6
"""How fast two clocks may part, as a fraction of the time passed. NTP corrects the rate of a clock by 500 ppm at most
(RFC 5905, section 11.3), so a disciplined clock is not further off; ordinary crystals are off by less than 100 ppm."""

AGE_MAX_S = 300.0
"""Older answers are forgotten: a venue may have set its clock since, by too little to be seen at once."""

SAMPLES_MAX = 16
"""Each that is kept is the best known of its age, so in practice there are far fewer."""

OWN_CLOCK_MARGIN_S = 5.0
"""So far our wall clock is taken to be off a venue's clock of which nothing else is known. One that NTP keeps is off by
far less, and an order that is stamped as far from the venue's time is refused at most of them."""

GRAIN_S = 1e-6
"""Epoch seconds in a float are exact to a quarter of a microsecond."""


@dataclass(frozen=True, slots=True)
class ClockSample:
    """One answer: epoch seconds as ``told``, cut off to ``resolution_s``; asked and received on our monotonic clock."""

    told: float
    resolution_s: float
    sent_at: float
    received_at: float

    @property
    def round_trip_s(self) -> float:
        return self.received_at - self.sent_at

    def low(self, now: float) -> float:
        """The offset was not less than this, and has not become less since."""
        return self.told - self.received_at - GRAIN_S - DRIFT * (now - self.sent_at)

    def high(self, now: float) -> float:
        """The offset was not more than this, and has not become more since."""
        return self.told + self.resolution_s - self.sent_at + GRAIN_S + DRIFT * (now - self.sent_at)


@dataclass(frozen=True, slots=True)
class ClockEstimate:
    """The venue's clock minus our monotonic clock lies in these bounds. Seconds."""

    low: float
    high: float

    @property
    def offset_s(self) -> float:
        return (self.low + self.high) / 2

    @property
    def error_s(self) -> float:
        return (self.high - self.low) / 2

    def ahead_s(self, wall: float, monotonic: float) -> float:
        """How far the venue's clock is ahead of our wall clock; both of ours as they are at this moment."""
        return self.offset_s - (wall - monotonic)


@dataclass(frozen=True, slots=True)
class VenueTime:
    """What a venue's clock shows, by all that is known of it. Epoch seconds."""

    earliest: float
    latest: float

    def after(self, seconds: float) -> VenueTime:
        """The same, so much later."""
        return VenueTime(self.earliest + seconds, self.latest + seconds)


def venue_time(told: float, wall: float, monotonic: float, known: ClockEstimate | None) -> VenueTime:
    """One answer of a venue's time endpoint, checked against what earlier ones told and against our own wall clock; all
    as they are at this moment. None of the three is believed alone: what has to be past must be so by each of them, so
    a single wrong one makes a proof later and never sooner."""
    if known is None:
        low, high = wall - OWN_CLOCK_MARGIN_S, wall + OWN_CLOCK_MARGIN_S
    else:
        low, high = monotonic + known.low, monotonic + known.high
    return VenueTime(min(told, wall, low), max(told, wall, high))


def with_sample(samples: Sequence[ClockSample], new: ClockSample) -> tuple[ClockSample, ...]:
    """The samples that still tell something beside the new one, oldest first. When they contradict it, a clock has
    jumped, and only the new one counts."""
    now = new.received_at
    known = estimate(samples, now)
    if known is not None and (known.low > new.high(now) or known.high < new.low(now)):
        return (new,)
    kept, low, high = [new], new.low(now), new.high(now)
    for one in reversed(samples):
        if one.low(now) > low or one.high(now) < high:
            kept.append(one)
            low, high = max(low, one.low(now)), min(high, one.high(now))
    return tuple(reversed(kept[:SAMPLES_MAX]))


def estimate(samples: Sequence[ClockSample], now: float) -> ClockEstimate | None:
    """What the samples have in common at ``now`` (our monotonic clock); None: there is none that is young enough."""
    young = [one for one in samples if now - one.sent_at <= AGE_MAX_S]
    if not young:
        return None
    return ClockEstimate(max(one.low(now) for one in young), min(one.high(now) for one in young))


def aim(known: ClockEstimate, samples: Sequence[ClockSample], now: float) -> float:
    """How long to wait before asking again, so that the question arrives when the venue's clock ticks, as far as is
    known: from whichever side of the tick the answer is, half of what is uncertain is ruled out."""
    resolution_s = samples[-1].resolution_s
    arrives = now + min(one.round_trip_s for one in samples) / 2 + known.offset_s
    return ceil(arrives / resolution_s) * resolution_s - arrives


def needs_clock(rules: VenueRules) -> bool:
    """Only a deadline that the venue checks, by a clock of its own, makes that clock matter."""
    return rules.deadline_class.value is not DeadlineClass.NONE and rules.clock_resolution_s is not None


def clock_problem(rules: VenueRules, error_s: float | None) -> str | None:
    """Why an order must not go there now; None: nothing against it. ``error_s`` None: nothing is known."""
    if not needs_clock(rules) or (error_s is not None and error_s <= CLOCK_ERROR_MAX_S):
        return None
    limit = f"an order needs it to {CLOCK_ERROR_MAX_S * 1000:.0f} ms"
    if error_s is None:
        return f"its clock is not known, {limit}: its time endpoint gave no answer; see `quantum-trader venues`"
    known = f"its clock is known to {ceil(error_s * 1000)} ms, {limit}"
    return f"{known}: its time endpoint is slow, or a clock was set; check the network, see `quantum-trader venues`"
