"""What answers of a time endpoint tell of the venue's clock: each rule as a table, the claim itself as a property."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.rules import DeadlineClass, Fact, VenueRules, Verification
from backend.policies.venue_clock import (
    AGE_MAX_S,
    AIMED_AT_S,
    AIMED_SAMPLES_MAX,
    CLOCK_ERROR_MAX_S,
    DRIFT,
    GRAIN_S,
    OWN_CLOCK_MARGIN_S,
    SAMPLES_MAX,
    ClockEstimate,
    ClockSample,
    aim,
    clock_problem,
    estimate,
    needs_clock,
    venue_time,
    with_sample,
)
from tests.fakes.exchange import floor_to, rules

OFFSET = 1_700_000_000.0
NEAR = 1e-5
"""Grain and drift within a second or so, in these tables."""


def sample(at: float, *, rtt: float = 0.1, resolution: float = 0.001, offset: float = OFFSET) -> ClockSample:
    """An answer that a venue whose clock is ``offset`` ahead of our monotonic one stamped at ``at``, halfway."""
    return ClockSample(floor_to(at + offset, resolution), resolution, at - rtt / 2, at + rtt / 2)


@pytest.mark.parametrize(
    ("resolution", "rtt", "error"),
    [(0.001, 0.0, 0.0005), (0.001, 0.1, 0.0505), (0.001, 0.6, 0.3005), (1.0, 0.0, 0.5), (1.0, 0.2, 0.6)],
)
def test_one_answer_is_as_good_as_its_round_trip_and_resolution(resolution: float, rtt: float, error: float) -> None:
    """The error bound is half of both together."""
    known = estimate([sample(10.0, rtt=rtt, resolution=resolution)], 10.0 + rtt / 2)
    assert known is not None
    assert known.error_s == pytest.approx(error, abs=4e-4)
    assert known.low <= OFFSET <= known.high


def test_an_answer_ages() -> None:
    """Its bounds part by the drift on either side, and in the end it is forgotten."""
    one = sample(10.0, rtt=0.0)
    fresh, old = estimate([one], 10.0), estimate([one], 110.0)
    assert fresh is not None
    assert old is not None
    assert old.error_s - fresh.error_s == pytest.approx(100 * DRIFT, rel=1e-4)
    assert fresh.error_s == pytest.approx(0.0005 + GRAIN_S, rel=1e-3)
    assert estimate([one], 10.0 + AGE_MAX_S) is not None
    assert estimate([one], 10.1 + AGE_MAX_S) is None
    assert estimate([], 0.0) is None


def test_what_all_answers_have_in_common_is_known() -> None:
    """Two answers on either side of a whole second leave little between them; a slow one changes nothing."""
    before, after = sample(10.95, rtt=0.02, resolution=1.0), sample(11.05, rtt=0.02, resolution=1.0)
    slow = sample(12.5, rtt=0.9)
    kept = with_sample(with_sample([before], after), slow)
    known = estimate(kept, 13.0)
    assert kept == (before, after, slow)
    assert known is not None
    assert known.error_s == pytest.approx(0.061, abs=0.002)
    assert known.low <= OFFSET <= known.high


def test_only_answers_that_still_tell_something_are_kept() -> None:
    """A newer answer that is as narrow on both sides takes the place of the older ones; and there is a bound."""
    wide, narrow = sample(1.0, rtt=0.4), sample(2.0, rtt=0.1)
    assert with_sample([wide], narrow) == (narrow,)
    assert with_sample([narrow], wide) == (narrow, wide)
    kept: tuple[ClockSample, ...] = ()
    for n in range(3 * SAMPLES_MAX):
        kept = with_sample(kept, sample(10.0 + n, rtt=0.01 + n / 100))
    assert len(kept) == SAMPLES_MAX
    assert kept[-1] == sample(10.0 + n, rtt=0.01 + n / 100)


@pytest.mark.parametrize("jump", [3_600.0, 0.5, -0.5, -3_600.0])
def test_a_clock_that_jumped_is_learned_anew(jump: float) -> None:
    """Answers that contradict each other cannot both hold: the newest one counts alone."""
    old, new = sample(10.0), sample(11.0, offset=OFFSET + jump)
    kept = with_sample([old], new)
    known = estimate(kept, 11.1)
    assert kept == (new,)
    assert known is not None
    assert known.low <= OFFSET + jump <= known.high


def test_forgotten_answers_contradict_nobody() -> None:
    """What is too old to be believed neither narrows nor refutes the new answer."""
    at = 20.0 + AGE_MAX_S
    new = sample(at, offset=OFFSET + 0.5)
    assert estimate(with_sample([sample(10.0)], new), at + 0.1) == estimate([new], at + 0.1)


@given(
    offset=st.floats(1.6e9, 1.8e9),
    resolution=st.sampled_from([0.001, 1.0]),
    drift=st.floats(-DRIFT, DRIFT),
    asked=st.lists(st.tuples(st.floats(0.05, 30), st.floats(0, 0.8), st.floats(0, 1)), min_size=1, max_size=40),
)
def test_the_truth_always_lies_within_the_bounds(
    offset: float, resolution: float, drift: float, asked: list[tuple[float, float, float]]
) -> None:
    """However late the answers, wherever in their round trip they were stamped, and while the clocks drift apart as far
    as they may."""

    def true_offset(at: float) -> float:
        return offset + drift * at

    now = 0.0
    kept: tuple[ClockSample, ...] = ()
    for pause, rtt, share in asked:
        sent, now = now + pause, now + pause + rtt
        stamped = sent + share * rtt
        told = floor_to(stamped + true_offset(stamped), resolution)
        kept = with_sample(kept, ClockSample(told, resolution, sent, now))
        known = estimate(kept, now)
        assert known is not None
        assert known.low <= true_offset(now) <= known.high


@pytest.mark.parametrize("rtt", [0.005, 0.1, 0.2, 0.35])
@pytest.mark.parametrize("phase", [0.0, 0.3, 0.5, 0.77, 0.999])
def test_aimed_answers_halve_what_whole_seconds_leave(rtt: float, phase: float) -> None:
    """After the first answer, the named number of aimed ones brings any usual round trip below the limit."""
    now = 50.0
    kept: tuple[ClockSample, ...] = (sample(now, rtt=rtt, resolution=1.0, offset=OFFSET + phase),)
    for _ in range(AIMED_SAMPLES_MAX):
        known = estimate(kept, now)
        assert known is not None
        wait_s = aim(known, kept, now)
        assert 0 <= wait_s <= 1
        now += wait_s + rtt
        kept = with_sample(kept, sample(now - rtt / 2, rtt=rtt, resolution=1.0, offset=OFFSET + phase))
    known = estimate(kept, now)
    assert known is not None
    assert known.error_s <= (CLOCK_ERROR_MAX_S if rtt > 0.3 else AIMED_AT_S)
    assert known.low <= OFFSET + phase <= known.high


def test_the_offset_to_our_wall_clock_follows_its_steps() -> None:
    """What is kept does not rest on the wall clock: one that is set shows at the moment of use."""
    known = ClockEstimate(OFFSET - 0.1, OFFSET + 0.1)
    assert known.ahead_s(wall=OFFSET + 70.0, monotonic=70.0) == pytest.approx(0.0)
    assert known.ahead_s(wall=OFFSET + 60.0, monotonic=70.0) == pytest.approx(10.0)


OWN_CLOCK = replace(rules("paper"), clock_resolution_s=None)


@pytest.mark.parametrize(
    ("venue", "error_s", "says"),
    [
        (rules("alpha"), 0.01, None),
        (rules("alpha"), CLOCK_ERROR_MAX_S, None),
        (rules("alpha"), 0.2501, "its clock is known to 251 ms, an order needs it to 250 ms"),
        (
            rules("alpha"),
            0.6,
            "its clock is known to 600 ms, an order needs it to 250 ms: its time endpoint is",
        ),
        (rules("alpha"), None, "its clock is not known, an order needs it to 250 ms"),
        (rules("alpha", deadline=False), None, None),
        (rules("alpha", deadline=False), 9.0, None),
        (OWN_CLOCK, None, None),
    ],
)
def test_the_rule(venue: VenueRules, error_s: float | None, says: str | None) -> None:
    """No order where a deadline is checked by a clock that is not known well enough; elsewhere no clock is needed."""
    problem = clock_problem(venue, error_s)
    assert (problem is None) == (says is None)
    assert (says or "") in (problem or "")


@pytest.mark.parametrize("kind", DeadlineClass)
def test_who_needs_a_clock(kind: DeadlineClass) -> None:
    """Every venue that checks deadlines, wherever it does."""
    venue = replace(rules("alpha"), deadline_class=Fact(kind, Verification.RUN, "2026-11-23", "a test"))
    assert needs_clock(venue) is (kind is not DeadlineClass.NONE)


AT, KNOWN = 1_000.0, ClockEstimate(899.5, 900.5)
"""What the venue's clock shows when ours shows 1000 and the monotonic one 100, as far as is known."""


@pytest.mark.parametrize(
    ("told", "wall", "known", "earliest", "latest"),
    [
        (AT, AT, KNOWN, 999.5, 1_000.5),
        (AT + 200, AT, KNOWN, 999.5, AT + 200),  # one wrong answer
        (AT - 200, AT, KNOWN, AT - 200, 1_000.5),
        (AT, AT + 200, KNOWN, 999.5, AT + 200),  # our clock was set
        (AT, AT - 200, KNOWN, AT - 200, 1_000.5),
        (AT + 200, AT, ClockEstimate(1_099.5, 1_100.5), AT, 1_200.5),  # wrong for long: it agrees with itself
        (AT + 200, AT + 200, KNOWN, 999.5, AT + 200),
        (AT, AT, None, AT - OWN_CLOCK_MARGIN_S, AT + OWN_CLOCK_MARGIN_S),
        (AT + 200, AT, None, AT - OWN_CLOCK_MARGIN_S, AT + 200),
        (AT - 200, AT, None, AT - 200, AT + OWN_CLOCK_MARGIN_S),
    ],
)
def test_no_clock_is_believed_alone(
    told: float, wall: float, known: ClockEstimate | None, earliest: float, latest: float
) -> None:
    """What an answer tells, what earlier ones told, and our own clock: the earliest of them counts for what has to be
    past, the latest for what must not be past yet."""
    now = venue_time(told, wall, 100.0, known)
    assert (now.earliest, now.latest) == (earliest, latest)
    assert (now.after(7.0).earliest, now.after(7.0).latest) == (earliest + 7, latest + 7)
